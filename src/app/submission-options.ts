// The configuration as submission is told it, and who may submit. Certificates are read here, so a reload reads them again.
import { readFileSync } from 'node:fs';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { rightsOf } from '../config/guard.ts';
import { DECOY_HASH } from '../config/password.ts';
import type { UserRights } from '../config/schema-sending.ts';
import { fromRoutesOf } from '../config/route-table.ts';
import type { Users as UserRecords } from '../config/users.ts';
import { SYSTEM_STREAM } from '../flow/feedback.ts';
import {
  DEFAULT_DEADLINES,
  type ListenerOptions,
  type ListenerTls,
  type SubmissionOptions,
} from '../submission/options.ts';
import type { User, Users } from '../submission/users.ts';
import { signingOptionsOf } from './signing-options.ts';

/** `address:port`, as the operator wrote it: names the listener in logs and joins it to its socket. */
export function listenerName(listener: Config['listeners'][number]): string {
  const { host, port } = listener.address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function readTls(config: Config): ListenerTls | undefined {
  const { cert, key } = config.tls;
  if (cert === undefined || key === undefined) return undefined;
  try {
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    const what = code === 'EACCES' ? 'may not be read by this user' : `cannot be read (${code})`;
    throw new OperatorError(`${path ?? cert}: ${what}`, code === 'EACCES' ? EXIT.permission : EXIT.configuration, {
      cause: error,
    });
  }
}

function listenersOf(config: Config): readonly ListenerOptions[] {
  const tls = readTls(config);
  return config.listeners.map((listener) => ({
    name: listenerName(listener),
    kind: listener.tls === 'none' ? 'plain' : listener.tls,
    ...(tls === undefined || listener.tls === 'none' ? {} : { tls: { ...tls, minVersion: config.tls.minVersion } }),
    trusted: config.trustedNetworks,
    proxyHosts: config.proxyHosts,
  }));
}

const lower = (names: readonly string[]): readonly string[] => names.map((name) => name.toLowerCase());

/** Throws OperatorError when a certificate or key cannot be read. */
export function submissionOptionsOf(config: Config): SubmissionOptions {
  const { limits, deadlines, logins, controlHeaders } = config;
  const appStreams = Object.entries(config.streams).filter(([name]) => name !== SYSTEM_STREAM);
  return {
    hostName: config.hostname,
    received: config.received,
    longLines: config.longLines,
    control: {
      stream: lower(controlHeaders.stream),
      campaign: lower(controlHeaders.campaign),
      pool: lower(controlHeaders.pool),
      notBefore: lower(controlHeaders.notBefore),
      idempotencyKey: lower(controlHeaders.idempotencyKey),
      trace: lower(controlHeaders.trace),
    },
    streams: Object.fromEntries(
      appStreams.map(([name, { lifetimeMs, pool, dkim, feedbackId }]) => [
        name,
        {
          lifetimeMs,
          ...(pool === undefined ? {} : { pool }),
          ...(dkim === undefined ? {} : { dkim }),
          ...(feedbackId === undefined ? {} : { feedbackId }),
        },
      ]),
    ),
    signing: signingOptionsOf(config),
    pools: Object.keys(config.pools),
    fromRoutes: fromRoutesOf(config),
    limits: {
      sessionsPerAddress: limits.connectionsPerAddress,
      sessions: limits.connections,
      recipients: limits.recipients,
      sizeMax: limits.messageOctets,
      headerMax: limits.headerOctets,
      receivedMax: limits.receivedHeaders,
      junkCommands: limits.junkCommands,
      authFailures: logins.failuresPerSession,
      checksWaiting: logins.waiting,
      memoryPerMessage: limits.memoryPerMessageOctets,
      memory: limits.memoryOctets,
    },
    deadlines: {
      ...DEFAULT_DEADLINES,
      sessionMs: deadlines.sessionMs,
      commandMs: deadlines.commandMs,
      handshakeMs: deadlines.handshakeMs,
      dataRate: deadlines.dataRate,
    },
    listeners: listenersOf(config),
  };
}

/** The stream that the user's mail has unless a header names another one; what it leaves open the tenant says. */
function refusesSuppressed({ streams, tenants }: Config, { stream, tenant }: UserRights): boolean {
  return (streams[stream]?.suppressed ?? tenants[tenant]?.suppressed) === 'refuse';
}

/** Users of users.yaml with the rights of sending.yaml, and users that only trusted networks act as. */
export function submissionUsersOf(config: Config, records: UserRecords): Users {
  const users = new Map<string, User>();
  const add = (name: string, hash?: string): void => {
    const rights = rightsOf(config, name);
    users.set(name, {
      name,
      tenant: rights.tenant,
      stream: rights.stream,
      ...(refusesSuppressed(config, rights) ? { refusesSuppressed: true } : {}),
      counted: rights.rate !== undefined || rights.recipients !== undefined,
      ...(hash === undefined ? {} : { hash }),
      ...(rights.pool === undefined ? {} : { pool: rights.pool }),
      ...(rights.networks === undefined ? {} : { networks: rights.networks }),
      ...(rights.domains === undefined ? {} : { domains: rights.domains }),
      ...(rights.dkim === undefined ? {} : { dkim: rights.dkim }),
      ...(rights.messageOctets === undefined ? {} : { sizeMax: rights.messageOctets }),
      ...(rights.recipientsPerMessage === undefined ? {} : { recipientsMax: rights.recipientsPerMessage }),
    });
  };
  for (const { user } of config.trustedNetworks) add(user);
  for (const { name, hash } of records) add(name, hash);
  return { find: (name) => users.get(name), decoyHash: DECOY_HASH };
}

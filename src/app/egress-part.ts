// Resolver, router and egress as one part, made from the configuration. In one process or in one of its own.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { signingKeysOf } from '../config/signing-keys.ts';
import { createDkimSigner } from '../egress/dkim-signer.ts';
import { createEgress, type Egress } from '../egress/egress.ts';
import { EGRESS_DEFAULTS, type EgressOptions } from '../egress/options.ts';
import { createRouter } from '../egress/router.ts';
import type { EgressReports } from '../flow/attempt.ts';
import type { AlarmEvent } from '../flow/event.ts';
import type { Router } from '../flow/route.ts';
import type { MessageReader } from '../flow/spool.ts';
import { createResolver } from '../net/resolver.ts';

export interface EgressPartDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly reader: MessageReader;
  readonly raise: (alarm: AlarmEvent) => void;
}

export interface EgressPart {
  readonly egress: Egress;
  readonly router: Router;
  /** Reads signing keys again. Throws OperatorError when one cannot be. In force once what it gives is called. */
  prepare(config: Config): () => void;
  /** Sessions first. */
  stop(): Promise<void>;
}

export function egressOptionsOf({ timeouts, stopMs, log }: Config): Partial<EgressOptions> {
  return {
    timeouts: {
      ...EGRESS_DEFAULTS.timeouts,
      connectMs: timeouts.connectMs,
      greetingMs: timeouts.greetingMs,
      ehloMs: timeouts.ehloMs,
      startTlsMs: timeouts.starttlsMs,
      mailMs: timeouts.mailMs,
      rcptMs: timeouts.rcptMs,
      dataMs: timeouts.dataMs,
      blockMs: timeouts.blockMs,
      dotMs: timeouts.dotMs,
      quitMs: timeouts.quitMs,
    },
    idleMs: timeouts.idleMs,
    finishMs: stopMs,
    conversationEvery: log.conversations,
  };
}

/** `dns` is read at start; credentials and signing keys follow a reload. */
export function createEgressPart(config: Config, deps: EgressPartDeps, reports: EgressReports): EgressPart {
  const { dns } = config;
  const servers = dns.servers?.map(({ host, port }) => ({ address: host, port }));
  const resolver = createResolver(
    {
      ...(servers === undefined ? {} : { servers }),
      timeoutMs: dns.timeoutMs,
      rounds: dns.attempts,
      cacheMax: dns.cacheEntries,
    },
    deps,
  );
  const router = createRouter(resolver, deps);
  const { clock, log, raise } = deps;
  let keys = signingKeysOf(config);
  const signer = createDkimSigner(keys, {
    log,
    missing: (domain, text) => {
      log.error({ domain, trouble: text }, 'a signing key is missing');
      raise({ type: 'alarm', at: clock.now(), alarm: 'signing-key', text });
    },
  });
  let credentials = config.credentials;
  const egress = createEgress(
    egressOptionsOf(config),
    { ...deps, resolver, sign: signer.sign, credentials: (name) => credentials[name] },
    reports,
  );
  return {
    egress,
    router,
    prepare: (changed) => {
      const next = signingKeysOf(changed);
      // Another process may accept with a new key a moment before this one is told to go over to it.
      signer.reload([...next, ...keys]);
      // And the scheduler may grant by a new route.
      credentials = { ...changed.credentials, ...credentials };
      return () => {
        keys = next;
        signer.reload(keys);
        credentials = changed.credentials;
      };
    },
    stop: async () => {
      await egress.stop();
      await signer.close();
    },
  };
}

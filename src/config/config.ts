// The configuration as the program uses it: both files joined, defaults filled in, frozen, numbered by reload.
// Plain JSON, so that it can be sent to another process; `guardConfig` gives it its guards back there.
import type { Source } from '../flow/attempt.ts';
import type { RuleSetData } from '../rules/rule-set.ts';
import { SYSTEM_STREAM } from '../flow/feedback.ts';
import { guardConfig } from './guard.ts';
import type { Listener } from './schema-relay.ts';
import type { RelayFile, SendingFile } from './schema.ts';
import type { Pool, SourceSetting } from './schema-sources.ts';
import type { Stream, Tenant, UserRights } from './schema-sending.ts';
import { parseWith } from './setting.ts';
import type { RuleFiles } from './load-rules.ts';
import type { Providers } from './provider-table.ts';
import type { Plans } from './load-warmup.ts';
import { sendingSchema } from './schema.ts';

export interface Processes {
  readonly mode: 'single' | 'split';
  readonly submission: number;
  readonly egress: number;
}

/** Absolute. */
export interface Folders {
  readonly config: string;
  readonly spool: string;
  readonly run: string;
}

export interface SourceInForce extends Source {
  readonly enabled: boolean;
  readonly caps: SourceSetting['caps'];
  /** Name of its warm-up plan; absent: it is warm. */
  readonly warmup?: string;
}

export type Config = Omit<RelayFile, 'hostname' | 'listeners' | 'processes' | 'spool' | 'run'> &
  Omit<SendingFile, 'sources'> & {
    /** 1 at the start, one more with every reload. */
    readonly number: number;
    readonly folders: Folders;
    readonly hostname: string;
    /** `tls` as it is in force: without a certificate nothing is offered. */
    readonly listeners: readonly Listener[];
    readonly processes: Processes;
    readonly sources: Readonly<Record<string, SourceInForce>>;
    /** Rights of users that sending.yaml does not name. */
    readonly unrestricted: UserRights;
    /** What replies mean. Large: only the scheduler is sent it. */
    readonly responses: RuleSetData;
    readonly providers: Providers;
    /** Warm-up plans by name. */
    readonly plans: Plans;
  };

export interface Surroundings {
  readonly number: number;
  readonly folders: Folders;
  readonly systemName: string;
  readonly cores: number;
  readonly rules: RuleFiles;
  readonly plans: Plans;
}

export function makeConfig(relay: RelayFile, sending: SendingFile, around: Surroundings): Config {
  const { spool: _spool, run: _run, ...rest } = relay;
  const defaults = builtIn();
  const hostname = relay.hostname ?? around.systemName;
  return guardConfig({
    ...rest,
    ...sending,
    number: around.number,
    folders: around.folders,
    hostname,
    listeners: listenersOf(relay),
    processes: processesOf(relay, around.cores),
    unrestricted: defaults.rights,
    ...around.rules,
    plans: around.plans,
    tenants: { default: defaults.tenant, ...sending.tenants },
    // Nothing of a report's own is ever reported, so `system` needs no more than any other.
    streams: { default: defaults.stream, [SYSTEM_STREAM]: defaults.stream, ...sending.streams },
    pools: { default: defaults.pool, ...sending.pools },
    sources: sourcesOf({ default: defaults.source, ...sending.sources }, hostname),
  });
}

/** Entries as they are when nothing is written under their name. */
function builtIn(): { tenant: Tenant; stream: Stream; source: SourceSetting; pool: Pool; rights: UserRights } {
  const raw = {
    tenants: { default: {} },
    streams: { default: {} },
    users: { anyone: {} },
    sources: { default: {} },
    pools: { default: { sources: [{ source: 'default' }] } },
  };
  const parsed = parseWith(sendingSchema, raw);
  if ('issues' in parsed) throw new TypeError('the schema refuses its own defaults');
  const { tenants, streams, users, sources, pools } = parsed.value;
  return {
    tenant: tenants['default'] as Tenant,
    stream: streams['default'] as Stream,
    source: sources['default'] as SourceSetting,
    pool: pools['default'] as Pool,
    rights: users['anyone'] as UserRights,
  };
}

function listenersOf(relay: RelayFile): readonly Listener[] {
  const hasTls = relay.tls.cert !== undefined;
  const plain: Listener = { address: { host: '127.0.0.1', port: 2525 }, tls: 'none' };
  if (relay.listeners === undefined) {
    if (!hasTls) return [plain];
    return [
      plain,
      { address: { host: '::', port: 587 }, tls: 'starttls' },
      { address: { host: '::', port: 465 }, tls: 'implicit' },
    ];
  }
  return relay.listeners.map((listener) => (hasTls ? listener : { ...listener, tls: 'none' }));
}

/** Two cores are served best by one process: there is nothing to gain from the sockets between several. */
function processesOf({ processes }: RelayFile, cores: number): Processes {
  const quarter = Math.max(2, Math.floor(cores / 4));
  const mode = processes.mode === 'auto' ? (cores > 2 ? 'split' : 'single') : processes.mode;
  return { mode, submission: processes.submission ?? quarter, egress: processes.egress ?? quarter };
}

function sourcesOf(sources: Readonly<Record<string, SourceSetting>>, hostname: string): Record<string, SourceInForce> {
  return Object.fromEntries(
    Object.entries(sources).map(([name, { address, ehlo = hostname, ...rest }]) => [
      name,
      { name, ehlo, ...rest, ...(address === undefined ? {} : { address }) },
    ]),
  );
}

// What the scheduler is told: plain typed data. The configuration makes it, a reload replaces it as a whole; nothing
// in here is changed in place. Every limit has its default and its reason beside it.
import type { Source } from '../flow/attempt.ts';
import type { RouteTable } from '../flow/route.ts';
import type { BreakerPolicy } from '../policy/campaign-breaker.ts';
import type { LoginLimits } from '../policy/login-budget.ts';
import type { WarmupPlan } from '../policy/warmup-plan.ts';

export interface SourcePolicy extends Source {
  /** false: begins nothing more. Absent: true. */
  readonly enabled?: boolean;
  /** Name of its warm-up plan; absent: it is warm. */
  readonly warmup?: string;
  /** Of all that it sends. */
  readonly caps?: MeterCaps;
}

export interface PoolMember {
  readonly source: string;
  /** Its share of the pool's mail. */
  readonly weight: number;
}

export interface PoolPolicy {
  readonly members: readonly PoolMember[];
  /** Pool whose sources send while none of this one may. */
  readonly overflow?: string;
}

export interface StreamPolicy {
  /** Streams of a higher priority are always served first. */
  readonly priority: number;
  /** Its share among streams of the same priority. */
  readonly weight: number;
  /** Waits between attempts, each ±25 % by chance; the last one repeats. Never empty. */
  readonly retryDelaysMs: readonly number[];
  /** never: when the reply to the final dot is lost the delivery ends as unknown instead of being tried again. */
  readonly duplicates: 'allow' | 'never';
  /** Of its messages. Absent: each says it alone, and nothing is foreseen. */
  readonly lifetimeMs?: number;
  readonly caps?: OwnerCaps;
  /** Where it differs for campaigns of this stream. */
  readonly breaker?: Partial<BreakerPolicy>;
}

export interface TenantPolicy {
  readonly weight: number;
  readonly caps?: OwnerCaps;
  /** Where it differs for campaigns of this tenant. */
  readonly breaker?: Partial<BreakerPolicy>;
}

/** Connections are nobody's: they serve the mail of all. */
export type OwnerCaps = Pick<MeterCaps, 'rates' | 'burst'>;

export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

/** Absent: not limited. */
export interface UserLimits {
  /** Messages, spread evenly, with a burst of one tenth of the count. */
  readonly rate?: Rate;
  /** Recipients in any period of that length. */
  readonly recipients?: Rate;
}

/** What something may do at most. Absent: not limited. */
export interface MeterCaps {
  /** Connections open at a time: a slot is free again when the peer's close was seen. */
  readonly connections?: number;
  readonly newConnections?: Rate;
  /** Recipients, each rate in any period of its length, spaced evenly. */
  readonly rates?: readonly Rate[];
  /** Recipients that may go at once after a pause. Default: 1. */
  readonly burst?: number;
}

/** Of one lane. */
export interface LaneCaps extends MeterCaps {
  readonly connections: number;
  /** Transactions after which a connection is closed (providers count messages, whatever their recipients). */
  readonly deliveriesPerConnection: number;
  /** Connections to one remote address, over all sites of a source's group: many domains lie on one host. */
  readonly connectionsPerAddress?: number;
  /** Forward-paths of one transaction: RFC 5321 section 4.5.3.1.8 obliges every server to take 100. */
  readonly recipientsPerTransaction: number;
}

/** Of lanes to sites that nobody knows; and of the host. */
export interface Caps extends LaneCaps {
  /** Connections open at a time, over all lanes. */
  readonly totalConnections: number;
}

export interface SchedulerLimits {
  /** Waiting deliveries above which no more are taken (gate: 'queue'). */
  readonly queueMax: number;
  /** Due deliveries of one queue that are kept in memory. */
  readonly headMax: number;
  /** The same over all queues; above it each keeps a few only. */
  readonly headsMax: number;
  /** Routing domains whose route is remembered while nothing of them waits. */
  readonly idleDomainsMax: number;
  /** Routing questions open at a time. */
  readonly questionsMax: number;
  /** Unsynced outcomes that are always allowed, however few transactions are open. */
  readonly unsyncedMin: number;
  /** What was past its lifetime at a start, or at a step of the wall clock, is tried once more for so long. */
  readonly lastAttemptMs: number;
  /** How long a stop waits for what is past its final dot. */
  readonly stopMs: number;
}

/** Name of the provider of a routing domain; `hosts`: best first, empty while nobody knows them. */
export type ProviderOf = (domain: string, hosts: readonly string[]) => string | undefined;

/** How a mailbox provider is sent to. */
export interface ProviderPolicy {
  /** per-site: it keeps its tenants apart, so each of its sites has a lane of its own. */
  readonly lanes: 'shared' | 'per-site';
  /** Of each lane; what is absent: as of sites that nobody knows. */
  readonly caps?: Partial<LaneCaps>;
  /** Of each source's lanes together. */
  readonly group?: MeterCaps;
  /** What a source that warms up begins with; a figure that is absent: the cap. */
  readonly start?: PaceFigures;
  /** false: nothing is sent to it over IPv6. */
  readonly ipv6?: false;
}

/** Of one lane. */
export interface PaceFigures {
  readonly connections?: number;
  /** Recipients. */
  readonly rate?: Rate;
}

export function perMinuteOf({ count, perMs }: Rate): number {
  return (count * MINUTE) / perMs;
}

export interface SchedulerOptions {
  readonly sources: Readonly<Record<string, SourcePolicy>>;
  readonly pools: Readonly<Record<string, PoolPolicy>>;
  /** Pool of messages that name none. */
  readonly defaultPool: string;
  readonly streams: Readonly<Record<string, StreamPolicy>>;
  readonly tenants: Readonly<Record<string, TenantPolicy>>;
  /** Only users with limits need to be here. */
  readonly users: Readonly<Record<string, UserLimits>>;
  /** Absent: of no provider anything is said. */
  readonly providers?: Readonly<Record<string, ProviderPolicy>>;
  /** Absent: everything goes by MX. */
  readonly routes?: RouteTable;
  /** Warm-up plans that sources name. Absent: there are none. */
  readonly plans?: Readonly<Record<string, WarmupPlan>>;
  /** Absent: no campaign is ever held by itself. */
  readonly breaker?: BreakerPolicy;
  readonly caps: Caps;
  readonly logins: LoginLimits;
  readonly limits: SchedulerLimits;
}

/** Of a relay that holds no campaign by itself. */
export const NO_BREAKER: BreakerPolicy = {
  isEnabled: false,
  windowMs: 3_600_000,
  sampleMin: 500,
  bounceShare: 1,
  spamShare: 1,
  blockShare: 1,
};

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Default plan: quick at first, for greylisting takes 5 minutes; RFC 5321 section 4.5.4.1. */
export const DEFAULT_RETRY_DELAYS_MS: readonly number[] = [
  5 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  6 * HOUR,
];

export const DEFAULT_STREAM: StreamPolicy = {
  priority: 5,
  weight: 1,
  retryDelaysMs: DEFAULT_RETRY_DELAYS_MS,
  duplicates: 'allow',
};

export const DEFAULT_CAPS: Caps = {
  connections: 10,
  deliveriesPerConnection: 100,
  totalConnections: 2000,
  recipientsPerTransaction: 100,
};

export const DEFAULT_SCHEDULER_LIMITS: SchedulerLimits = {
  queueMax: 5_000_000,
  headMax: 100,
  headsMax: 100_000,
  idleDomainsMax: 10_000,
  questionsMax: 200,
  unsyncedMin: 64,
  lastAttemptMs: 15 * MINUTE,
  stopMs: 35_000,
};

/** One source, one pool, one stream, one tenant: what a relay has before anything is configured. */
export function defaultSchedulerOptions(source: Source, logins: LoginLimits): SchedulerOptions {
  return {
    sources: { [source.name]: source },
    pools: { default: { members: [{ source: source.name, weight: 1 }] } },
    defaultPool: 'default',
    streams: { default: DEFAULT_STREAM },
    tenants: { default: { weight: 1 } },
    users: {},
    caps: DEFAULT_CAPS,
    logins,
    limits: DEFAULT_SCHEDULER_LIMITS,
  };
}

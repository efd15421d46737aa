// The options in force, by name: maps, so that no name of a message can reach into an object's prototype.
import type { Source } from '../flow/attempt.ts';
import type { ForwardPath } from '../flow/message.ts';
import type { RouteRule } from '../flow/route.ts';
import type { QueueName } from '../flow/spool.ts';
import type { BreakerPolicy } from '../policy/campaign-breaker.ts';
import type { Shares } from '../policy/fair-order.ts';
import type { WarmupPlan } from '../policy/warmup-plan.ts';
import { type RouteChoice, RouteChooser } from '../policy/route-choice.ts';
import { Moves } from './moves.ts';
import {
  type Caps,
  DEFAULT_STREAM,
  type LaneCaps,
  type MeterCaps,
  NO_BREAKER,
  type PoolMember,
  type ProviderPolicy,
  type SchedulerLimits,
  type SchedulerOptions,
  type SourcePolicy,
  type StreamPolicy,
  type TenantPolicy,
  type UserLimits,
} from './options.ts';

export interface PoolSource {
  readonly source: Source;
  readonly weight: number;
}

interface PoolInForce {
  readonly members: readonly PoolSource[];
  readonly overflow: string | undefined;
}

export class Settings {
  #options!: SchedulerOptions;
  #streams!: Map<string, StreamPolicy>;
  #tenants!: Map<string, TenantPolicy>;
  #pools!: Map<string, PoolInForce>;
  #users!: Map<string, UserLimits>;
  #sources!: Map<string, Source>;
  #disabled!: Set<string>;
  #providers!: Map<string, ProviderPolicy>;
  /** By source: the name of its plan. */
  #warmups!: Map<string, string>;
  #plans!: Map<string, WarmupPlan>;
  /** By provider; made when first asked for. */
  #laneCaps!: Map<string, LaneCaps>;
  #ownerCaps!: Readonly<Record<'tenant' | 'stream', ReadonlyMap<string, MeterCaps>>>;
  #routes!: RouteChooser;

  readonly #moves: Moves;
  #breakers = new Map<string, BreakerPolicy>();
  #lowestPriority = 0;
  #patienceMsMax = 0;

  constructor(options: SchedulerOptions, moves = new Moves()) {
    this.#moves = moves;
    this.take(options);
  }

  /** A reload: everything is replaced. */
  take(options: SchedulerOptions): void {
    this.#options = options;
    this.#streams = new Map(Object.entries(options.streams));
    this.#tenants = new Map(Object.entries(options.tenants));
    this.#breakers = new Map();
    this.#lowestPriority = Math.min(...Object.values(options.streams).map(({ priority }) => priority));
    this.#patienceMsMax = Math.max(...Object.values(options.streams).map(({ retryDelaysMs }) => retryDelaysMs[0] ?? 0));
    this.#users = new Map(Object.entries(options.users));
    this.#providers = new Map(Object.entries(options.providers ?? {}));
    this.#laneCaps = new Map();
    this.#ownerCaps = { tenant: capsOf(options.tenants), stream: capsOf(options.streams) };
    const sources = Object.values(options.sources);
    this.#sources = new Map(sources.map((source) => [source.name, bareSource(source)]));
    this.#disabled = new Set(sources.filter(({ enabled }) => enabled === false).map(({ name }) => name));
    this.#plans = new Map(Object.entries(options.plans ?? {}));
    this.#warmups = new Map(
      sources.flatMap(({ name, warmup }) =>
        warmup === undefined || !this.#plans.has(warmup) ? [] : [[name, warmup] as const],
      ),
    );
    this.#pools = new Map(
      Object.entries(options.pools).map(([name, { members, overflow }]) => [
        name,
        { members: this.#members(members), overflow },
      ]),
    );
    this.#routes = new RouteChooser(options.routes ?? { rules: [] });
  }

  get caps(): Caps {
    return this.#options.caps;
  }

  /** Of each lane to a provider, or to a site that nobody knows. The same object until the next reload. */
  laneCaps(provider: string | undefined): LaneCaps {
    const own = provider === undefined ? undefined : this.#providers.get(provider)?.caps;
    if (provider === undefined || own === undefined) return this.caps;
    let caps = this.#laneCaps.get(provider);
    if (caps === undefined) {
      const { connectionsPerAddress: _, ...most } = this.caps;
      this.#laneCaps.set(provider, (caps = { ...most, ...own }));
    }
    return caps;
  }

  groupCaps(provider: string): MeterCaps {
    return this.#providers.get(provider)?.group ?? UNLIMITED;
  }

  sourceCaps(name: string): MeterCaps {
    return this.#options.sources[name]?.caps ?? UNLIMITED;
  }

  /** Tenants or streams that have caps. */
  ownerCaps(kind: 'tenant' | 'stream'): ReadonlyMap<string, MeterCaps> {
    return this.#ownerCaps[kind];
  }

  get limits(): SchedulerLimits {
    return this.#options.limits;
  }

  get options(): SchedulerOptions {
    return this.#options;
  }

  /** Messages of a stream that is gone while they were on their way keep to the default plan. */
  stream(name: string): StreamPolicy {
    return this.#streams.get(name) ?? DEFAULT_STREAM;
  }

  /** Of all streams. */
  get lowestPriority(): number {
    return this.#lowestPriority;
  }

  /** The first delay of the most patient stream's plan. */
  get patienceMsMax(): number {
    return this.#patienceMsMax;
  }

  /** The plan of the most impatient of these streams: whose mail came first must not decide how long all of it sleeps. */
  soonestPlan(streams: Iterable<string>): readonly number[] {
    let soonest: readonly number[] | undefined;
    for (const name of streams) {
      const { retryDelaysMs } = this.stream(name);
      if (soonest === undefined || (retryDelaysMs[0] ?? 0) < (soonest[0] ?? 0)) soonest = retryDelaysMs;
    }
    return soonest ?? DEFAULT_STREAM.retryDelaysMs;
  }

  priorityOf(queue: QueueName): number {
    return this.stream(queue.stream).priority;
  }

  user(name: string): UserLimits | undefined {
    return this.#users.get(name);
  }

  /** undefined: nothing is said of it. */
  provider(name: string): ProviderPolicy | undefined {
    return this.#providers.get(name);
  }

  source(name: string): Source | undefined {
    return this.#sources.get(name);
  }

  /** By which rule a queue's mail goes now. */
  route(queue: QueueName): RouteChoice {
    return this.#routes.choose(queue);
  }

  /** Where only some mailboxes of a domain are allowed. */
  mayWriteTo(path: ForwardPath): boolean {
    return this.#routes.mayWriteTo(path);
  }

  /** When a campaign is held: by its stream's word, else its tenant's, else that of all. */
  breaker(tenant: string, stream: string): BreakerPolicy {
    const key = `${tenant}\0${stream}`;
    let policy = this.#breakers.get(key);
    if (policy === undefined) {
      const { breaker = NO_BREAKER } = this.#options;
      policy = { ...breaker, ...this.#tenants.get(tenant)?.breaker, ...this.#streams.get(stream)?.breaker };
      this.#breakers.set(key, policy);
    }
    return policy;
  }

  /**
   * Name of the pool that a queue's mail is sent from now: where an operator has moved it, else that of its route, else
   * what the message names.
   */
  poolOf(queue: QueueName, rule: RouteRule): string {
    const moved = this.#moves.poolOf(queue);
    if (moved !== undefined) return moved;
    if (rule.pool !== undefined) return rule.pool;
    return queue.pool === '' ? this.#options.defaultPool : queue.pool;
  }

  get sources(): readonly Source[] {
    return [...this.#sources.values()];
  }

  isDisabled(source: string): boolean {
    return this.#disabled.has(source);
  }

  /** Of a source that warms up, or did; undefined: it has no plan and is warm. */
  planOf(source: string): WarmupPlan | undefined {
    const name = this.#warmups.get(source);
    return name === undefined ? undefined : this.#plans.get(name);
  }

  planNameOf(source: string): string | undefined {
    return this.#warmups.get(source);
  }

  /** Some plan of a source keeps a stream off it. */
  get keepsStreamsOff(): boolean {
    return this.hasPlans && [...this.plansInUse.values()].some(({ exceptStreams }) => exceptStreams.length > 0);
  }

  /** A source names one. */
  get hasPlans(): boolean {
    return this.#warmups.size > 0;
  }

  /** Those that a source names. */
  get plansInUse(): ReadonlyMap<string, WarmupPlan> {
    const names = new Set(this.#warmups.values());
    return new Map([...this.#plans].filter(([name]) => names.has(name)));
  }

  /** Sources of a pool, whether they may send or not; empty when nobody knows it. */
  pool(name: string): readonly PoolSource[] {
    return this.#pools.get(name)?.members ?? [];
  }

  get poolNames(): readonly string[] {
    return [...this.#pools.keys()];
  }

  overflowOf(pool: string): string | undefined {
    return this.#pools.get(pool)?.overflow;
  }

  /** What of this queue nobody knows: its mail is held, never failed (DESIGN section 2). */
  unknownName(queue: QueueName, rule: RouteRule): string | undefined {
    if (!this.#streams.has(queue.stream)) return `stream ${queue.stream}`;
    if (!this.#tenants.has(queue.tenant)) return `tenant ${queue.tenant}`;
    const pool = this.poolOf(queue, rule);
    return this.#pools.has(pool) ? undefined : `pool ${pool}`;
  }

  shares(queue: QueueName): Shares {
    const stream = this.stream(queue.stream);
    return {
      priority: stream.priority,
      stream: queue.stream,
      streamWeight: stream.weight,
      tenant: queue.tenant,
      tenantWeight: this.#tenants.get(queue.tenant)?.weight ?? 1,
      campaign: queue.campaign,
    };
  }

  #members(members: readonly PoolMember[]): readonly PoolSource[] {
    const found: PoolSource[] = [];
    for (const { source: name, weight } of members) {
      const source = this.#sources.get(name);
      if (source !== undefined) found.push({ source, weight: Math.max(1, weight) });
    }
    return found;
  }
}

const UNLIMITED: MeterCaps = {};

function capsOf(owners: Readonly<Record<string, { readonly caps?: MeterCaps }>>): ReadonlyMap<string, MeterCaps> {
  const found = new Map<string, MeterCaps>();
  for (const [name, { caps }] of Object.entries(owners)) if (caps !== undefined) found.set(name, caps);
  return found;
}

/** What egress is told of a source. */
function bareSource({ name, ehlo, address }: SourcePolicy): Source {
  return address === undefined ? { name, ehlo } : { name, ehlo, address };
}

// A destination: what one lane of a source serves. A provider with all its sites, or one site alone: of no provider, or
// of one that keeps its tenants apart. It has its lanes, and the queues whose turn is to be decided: over all its sites,
// so that order and priority hold for the whole provider.
import type { Source } from '../flow/attempt.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { Relay } from '../flow/route.ts';
import { FairOrder } from '../policy/fair-order.ts';
import { RecentCount } from '../policy/recent-count.ts';
import type { Group } from './group.ts';
import { Lane } from './lane.ts';
import type { Meter } from './meter.ts';
import type { LaneCaps } from './options.ts';
import type { Queue } from './queue.ts';

/** Ready queues of one pool. */
export interface ReadySet {
  readonly pool: string;
  readonly order: FairOrder<Queue>;
  /** Stride scheduling over the pools of the destination: what was served of it. */
  turn: number;
  /** Stride scheduling over the sources of the pool: what each has sent, divided by its weight. */
  readonly passes: Map<string, number>;
  /** Pass of the last one chosen: who could not send for a while does not make up for it. */
  pass: number;
}

/** Connections are shared only by what they satisfy alike: hosts and ports, TLS, credentials (DESIGN section 5). */
export function relayKeyOf({ site, tls, explicit, credentials = '' }: Relay): string {
  return `${site}|${tls.level}${tls.implicit === true ? '+' : ''}|${explicit ? 'explicit' : 'mx'}|${credentials}`;
}

const ENDED_PART_MS = 5000;

/** Whoever keeps the destinations. */
export interface DestinationHost {
  /** A lane of it may go on. */
  readonly onWake: (destination: Destination) => void;
  group(source: string, provider: string | undefined): Group;
  meter(lane: string, caps: LaneCaps): Meter;
}

export class Destination {
  /** `google`, the name of a site, or `mimecast/SITE`. */
  readonly name: string;
  /** Absent: nobody knows whose hosts these are. */
  readonly provider: string | undefined;
  /** By name of the source. */
  readonly lanes = new Map<string, Lane>();
  /** One for each pool that has, or had, something ready: a handful. */
  readonly sets: ReadySet[] = [];
  /** Deliveries that came to an end here in the last five minutes. Absent: none ever did. */
  #ended: RecentCount | undefined;
  /** Routing domains whose mail goes here. */
  domains = 0;
  /** Of each of its lanes. */
  caps: LaneCaps;
  /** Of the set that was served last: one that had nothing for a while does not make up for it. */
  #turn = 0;
  readonly #host: DestinationHost;

  constructor(name: string, provider: string | undefined, caps: LaneCaps, host: DestinationHost) {
    this.name = name;
    this.provider = provider;
    this.caps = caps;
    this.#host = host;
  }

  lane(source: Source): Lane {
    let lane = this.lanes.get(source.name);
    if (lane === undefined) {
      const meter = this.#host.meter(`${source.name}/${this.name}`, this.caps);
      lane = new Lane(source, this, this.#host.group(source.name, this.provider), meter);
      this.lanes.set(source.name, lane);
    }
    // As it is now: what is opened from here on has this address and EHLO name.
    lane.source = source;
    return lane;
  }

  /** Of an attempt: those that are over are counted. `now`: due time. */
  ended(now: number, outcomes: readonly OutcomeEvent[]): void {
    let deliveries = 0;
    for (const { outcome } of outcomes) if (outcome !== 'deferred') deliveries++;
    if (deliveries > 0) (this.#ended ??= new RecentCount(ENDED_PART_MS)).add(now, deliveries);
  }

  endedPerMinute(now: number): number {
    return this.#ended?.perMinute(now) ?? 0;
  }

  /** A lane of it may go on. */
  wake(): void {
    this.#host.onWake(this);
  }

  set(pool: string): ReadySet {
    let set = this.sets.find((known) => known.pool === pool);
    if (set === undefined) {
      set = { pool, order: new FairOrder(), turn: 0, passes: new Map(), pass: 0 };
      this.sets.push(set);
    }
    return set;
  }

  /** Sets with queues that are ready, best priority first. Few, so sorting is cheap; nearly always there is one. */
  ready(): readonly ReadySet[] {
    if (this.sets.length === 1) return this.sets[0]?.order.size === 0 ? [] : this.sets;
    const ready = this.sets.filter((set) => set.order.size > 0);
    return ready.sort((a, b) => (b.order.priority ?? 0) - (a.order.priority ?? 0) || a.turn - b.turn);
  }

  /** Pools that share sources take turns here: none waits until another has nothing left. */
  served(set: ReadySet, recipients: number): void {
    this.#turn = Math.max(set.turn, this.#turn);
    set.turn = this.#turn + recipients;
  }

  get hasReady(): boolean {
    return this.sets.some((set) => set.order.size > 0);
  }

  /** Something is ready that this relay serves. */
  hasRelay(relayKey: string): boolean {
    return this.sets.some(({ order }) => order.hasRelay(relayKey));
  }

  /** Streams that have something ready for this relay. */
  streamsOf(relayKey: string): ReadonlySet<string> {
    return new Set(this.sets.flatMap(({ order }) => order.streamsOf(relayKey)));
  }

  /** Room may have come: for one relay, tenant or stream, or for all relays. */
  roused(key: string | undefined): void {
    for (const { order } of this.sets) order.wake(key);
  }

  /** Whatever rested may go again. */
  rousedAll(): void {
    for (const { order } of this.sets) order.wakeAll();
  }

  /** Nothing refers to it and there is nothing to remember. */
  isForgettable(now: number): boolean {
    if (this.domains > 0 || this.hasReady) return false;
    for (const lane of this.lanes.values()) if (!lane.isForgettable(now)) return false;
    return true;
  }
}

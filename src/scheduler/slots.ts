// Room for a queue's mail: a session that can take another transaction, or a lane that may open one; of the sources of its
// pool, by weight. And who makes room when there is none.
import type { Addresses } from './addresses.ts';
import type { Destination, ReadySet } from './destination.ts';
import type { Domain } from './domain.ts';
import type { DueTime } from './due-time.ts';
import type { Egresses } from './egresses.ts';
import type { LaneGate } from './lane-gate.ts';
import { firstOf, type Lane, type Session } from './lane.ts';
import type { Limits } from './limits.ts';
import type { Paces } from './paces.ts';
import type { Queue } from './queue.ts';
import type { Recorder } from './recorder.ts';
import type { PoolSource, Settings } from './settings.ts';
import type { Sources } from './sources.ts';
import type { Budgets } from './budgets.ts';
import { turnOf } from './warmup-turn.ts';
import { Urgency } from './urgency.ts';

export interface SlotsDeps {
  readonly time: DueTime;
  readonly settings: Settings;
  readonly egresses: Egresses;
  readonly sources: Sources;
  readonly budgets: Budgets;
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly addresses: Addresses;
  readonly paces: Paces;
  readonly gate: LaneGate;
}

/** A session with room, or a lane that may open one. */
export interface Slot {
  readonly lane: Lane;
  readonly session: Session | undefined;
  /** Of its source in the pool; 0: it is alone. */
  readonly weight: number;
  /** Recipients it may be handed now. */
  readonly room: number;
}

/**
 * capped: sources that may send have room, but for a rate; no other mail of the destination goes by them either.
 * no-source: of those that may send all warm up and have no budget for this stream; another may have one.
 */
export type Found = Tried | 'no-source';
type Tried = Slot | 'capped' | undefined;

/** Transactions that a connection serves before it ends for a site that has none. */
export const SHARE_MIN = 10;

export class Slots {
  readonly #deps: SlotsDeps;
  readonly #urgency: Urgency;

  constructor(deps: SlotsDeps) {
    this.#deps = deps;
    this.#urgency = new Urgency(deps);
  }

  /** The next pool sends only while no lane of this one may open a connection: a cap alone does not count. */
  find(destination: Destination, set: ReadySet, queue: Queue, now: number): Found {
    const { sources, settings } = this.#deps;
    const { domain } = queue.binding;
    const priority = settings.priorityOf(queue.name);
    const tiers = sources.tiers(set.pool);
    for (const members of tiers) {
      const turn = settings.hasPlans
        ? turnOf(this.#deps, members, destination.provider, queue.name.stream)
        : { first: [], next: members, isPassedOn: false };
      const first = this.#freeSlot(destination, set, domain, turn.first, priority, now);
      if (typeof first === 'object') return first;
      const next = this.#freeSlot(destination, set, domain, turn.next, priority, now);
      if (typeof next === 'object') return next;
      const isCapped = (found: Tried, of: readonly PoolSource[]): boolean => found === 'capped' || of.length === 0;
      const isAny = first === 'capped' || next === 'capped';
      if (isAny && isCapped(first, turn.first) && isCapped(next, turn.next)) return 'capped';
      if (turn.first.length + turn.next.length === 0 && !turn.isPassedOn && settings.keepsStreamsOff) {
        return 'no-source';
      }
      const mayStill = turn.isPassedOn ? [...turn.first, ...turn.next] : members;
      if (mayStill.some(({ source }) => this.#isAwake(destination.lane(source), domain.site, now))) return undefined;
    }
    if (tiers.length === 0) {
      const text = `mail waits because no source of pool ${set.pool} may send: enable one, or set an overflow pool`;
      this.#deps.recorder.alarm('no-source', text, `no-source ${set.pool}`);
    }
    return undefined;
  }

  /** The pool's sources take turns by weight among those that have room. */
  #freeSlot(
    destination: Destination,
    set: ReadySet,
    domain: Domain,
    members: readonly PoolSource[],
    priority: number,
    now: number,
  ): Tried {
    const [only] = members;
    if (only !== undefined && members.length === 1) {
      return this.#slotOf(destination.lane(only.source), domain, 0, priority, now);
    }
    let best: Slot | undefined;
    let bestPass = Infinity;
    let capped = 0;
    for (const { source, weight } of members) {
      const pass = Math.max(set.passes.get(source.name) ?? 0, set.pass);
      if (pass >= bestPass) continue;
      const slot = this.#slotOf(destination.lane(source), domain, weight, priority, now);
      if (slot === 'capped') capped++;
      if (slot === undefined || slot === 'capped') continue;
      best = slot;
      bestPass = pass;
    }
    return best ?? (capped > 0 && capped === members.length ? 'capped' : undefined);
  }

  /** Of this source alone, when it is one of those whose turn it may be. */
  of(source: string, destination: Destination, set: ReadySet, queue: Queue, now: number): Slot | undefined {
    const { sources, settings } = this.#deps;
    const member = sources
      .tiers(set.pool)
      .flat()
      .find((one) => one.source.name === source);
    if (member === undefined) return undefined;
    const { binding, name } = queue;
    const lane = destination.lane(member.source);
    const slot = this.#slotOf(lane, binding.domain, member.weight, settings.priorityOf(name), now);
    return typeof slot === 'object' ? slot : undefined;
  }

  /** An idle session first, then a new connection, then the place behind a transaction that is on its way. */
  #slotOf(lane: Lane, { relayKey, site }: Domain, weight: number, priority: number, now: number): Tried {
    const { egresses, limits, addresses, paces, gate } = this.#deps;
    if (gate.isStopped(lane)) return undefined;
    const room = gate.closedUntil(lane) === undefined ? limits.room(lane, priority) : 0;
    // Nothing would go by it with room either: the overflow pool need not wait for that.
    if (room === 0) return this.#isAwake(lane, site, now) ? 'capped' : undefined;
    const idle = firstOf(lane.idle, relayKey);
    if (idle !== undefined) return paces.mayBegin(lane, now) ? { lane, session: idle, weight, room } : 'capped';
    const reach = lane.reach(site);
    const mayTry = now >= reach.openAfter && (!reach.isProbing || reach.sessions.size === 0);
    const isFree = mayTry && egresses.leastBusy() !== undefined && paces.mayOpen(lane);
    if (isFree && limits.mayOpen(lane, priority) && addresses.mayOpen(lane, site, priority)) {
      return paces.mayBegin(lane, now) ? { lane, session: undefined, weight, room } : 'capped';
    }
    // What waits behind a transaction would begin by its end, not by the rate.
    const half = paces.of(lane).isSpaced ? undefined : firstOf(lane.half, relayKey);
    return half === undefined ? undefined : { lane, session: half, weight, room };
  }

  /**
   * Every connection is taken, and it is the turn of `queue`. One that idles for something else gives its slot; failing
   * that one that is busy for another site, if that is not of the relays whose turn it was `before`. True: a slot is about
   * to be free.
   */
  make(destination: Destination, set: ReadySet, queue: Queue, before: ReadonlySet<string>): boolean {
    const now = this.#deps.time.now();
    const { site } = queue.binding.domain;
    let isMade = false;
    for (const members of this.#deps.sources.tiers(set.pool)) {
      for (const { source } of members) {
        const lane = destination.lane(source);
        if (now >= lane.reach(site).openAfter && this.#makeIn(lane, queue, before)) isMade = true;
      }
      if (members.some(({ source }) => this.#isAwake(destination.lane(source), site, now))) break;
    }
    return isMade;
  }

  #makeIn(lane: Lane, queue: Queue, before: ReadonlySet<string>): boolean {
    const { egresses, limits, addresses, gate, paces, time } = this.#deps;
    if (gate.closedUntil(lane) !== undefined || !paces.mayBegin(lane, time.now())) return false;
    const isFull = lane.meter.isFull || !paces.mayOpen(lane);
    const full = limits.fullOf(lane) ?? addresses.fullOf(lane, queue.binding.domain.site);
    if ((isFull || full !== undefined) && this.#urgency.recall(lane, queue)) return true;
    if (isFull) {
      const [idle] = lane.idle;
      const session = idle ?? this.#yielding(lane, queue, before);
      if (session !== undefined) egresses.closeSession(session);
      return session !== undefined;
    }
    // One of another destination, where the group, the source or the host has no more: that idles, or does less urgent mail.
    if (full === undefined || lane.sessions.size > 0) return false;
    const isOfIt = (other: Session): boolean =>
      full === limits.total || full === other.address || other.lane.meters.includes(full);
    const session = egresses.findIdle(isOfIt) ?? this.#urgency.findYielding(queue, isOfIt);
    if (session !== undefined) egresses.closeSession(session);
    return false;
  }

  /** It ends for mail of a higher priority, and, once it has done its share, for a site that has no connection at all. */
  #yielding(lane: Lane, queue: Queue, before: ReadonlySet<string>): Session | undefined {
    const { relayKey } = queue.binding.domain;
    const { deliveriesPerConnection } = lane.destination.caps;
    let urgent: Session | undefined;
    let best: Session | undefined;
    let hasOwn = false;
    for (const session of lane.sessions) {
      if (session.isClosing || session.granted >= deliveriesPerConnection) return undefined;
      if (session.relayKey === relayKey) hasOwn = true;
      else if (before.has(session.relayKey)) continue;
      else {
        if (session.granted > (best?.granted ?? -1)) best = session;
        if (session.granted > (urgent?.granted ?? -1) && this.#urgency.yields(session, queue)) urgent = session;
      }
    }
    if (urgent !== undefined) return urgent;
    return !hasOwn && best !== undefined && best.granted >= SHARE_MIN ? best : undefined;
  }

  /** Another lane than those that just failed may take mail of this queue, which went there. */
  mayGoElsewhere({ lane: { destination } }: Session, queue: Queue): boolean {
    const { settings, sources, time } = this.#deps;
    const tiers = sources.tiers(settings.poolOf(queue.name, queue.binding.rule));
    const { site } = queue.binding.domain;
    const now = time.now();
    return tiers.some((members) => members.some(({ source }) => this.#isAwake(destination.lane(source), site, now)));
  }

  /** It may open connections to the site, or has some that serve. A rate alone does not count. */
  #isAwake(lane: Lane, site: string, now: number): boolean {
    return !this.#deps.gate.isStopped(lane) && (lane.findReach(site)?.isAwake(now) ?? true);
  }
}

/** Stride scheduling: whoever has sent least for its weight is next. */
export function charge(set: ReadySet, { lane, weight }: Slot, recipients: number): void {
  if (weight === 0) return;
  const { name } = lane.source;
  set.pass = Math.max(set.passes.get(name) ?? 0, set.pass);
  set.passes.set(name, set.pass + recipients / weight);
}

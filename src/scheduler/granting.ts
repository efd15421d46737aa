// Grants: the next due delivery of a pool and destination, in fair order, is pulled by a lane with room. Late binding:
// nothing knows its source before this moment. Looks only at destinations where something changed.
import type { Random } from '../base/random.ts';
import type { Relay } from '../flow/route.ts';
import { mayGrant } from '../policy/caps.ts';
import type { Addresses } from './addresses.ts';
import type { Destination, ReadySet } from './destination.ts';
import type { Destinations } from './destinations.ts';
import type { Domain } from './domain.ts';
import type { DueTime } from './due-time.ts';
import type { Egresses } from './egresses.ts';
import type { Greylisted } from './greylisted.ts';
import type { InFlight, OpenAttempt } from './in-flight.ts';
import type { Session } from './lane.ts';
import type { Limits } from './limits.ts';
import type { LaneGate } from './lane-gate.ts';
import type { LeftOut } from './left-out.ts';
import type { Paces } from './paces.ts';
import type { Pulled, Pulling } from './pulling.ts';
import type { Queue } from './queue.ts';
import type { Queues } from './queues.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import { charge, SHARE_MIN, type Slot, Slots } from './slots.ts';
import type { Sources } from './sources.ts';
import type { Spool } from '../flow/spool.ts';
import type { Budgets } from './budgets.ts';
import type { Clock } from '../base/clock.ts';

export interface GrantingDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly random: Random;
  readonly spool: Spool;
  readonly settings: Settings;
  readonly destinations: Destinations;
  readonly queues: Queues;
  readonly pulling: Pulling;
  readonly inFlight: InFlight;
  readonly egresses: Egresses;
  readonly sources: Sources;
  readonly budgets: Budgets;
  readonly limits: Limits;
  readonly addresses: Addresses;
  readonly recorder: Recorder;
  readonly paces: Paces;
  readonly gate: LaneGate;
  readonly leftOut: LeftOut;
  readonly greylisted: Greylisted;
}

/** It was their turn, and no lane had room. */
type Passed = Map<Queue, ReadySet>;

/** Granting within one turn, and the grant that is at hand. */
const TURN_MS_MAX = 4;
/** So many turns in succession begin with those who were called, however many there are; the next with the others. */
const CUTS_MAX = 10;

export class Granting {
  readonly #deps: GrantingDeps;
  readonly #dirty = new Set<Destination>();
  /** There is room that they waited for: before those that have not waited. */
  readonly #called = new Set<Destination>();
  /** Of those that go on in the next turn. */
  readonly #passed = new Map<Destination, Passed>();
  /** Monotonic: from then on it is the next turn's. */
  #until = 0;
  /** Turns in succession that left something to the next. */
  #cuts = 0;
  /** False before the start and after the stop. */
  isOn = false;
  readonly #slots: Slots;
  readonly #life: string;
  #attempts = 0;

  constructor(deps: GrantingDeps) {
    this.#deps = deps;
    this.#slots = new Slots(deps);
    this.#life = Buffer.from(deps.random.bytes(8)).toString('hex');
  }

  /** New life, new names: an attempt or session of an earlier scheduler is never taken for one of this. */
  nextId(): string {
    return `${this.#life}-${(this.#attempts++).toString(36)}`;
  }

  /** A queue of it is ready. */
  ready(destination: Destination): void {
    this.#dirty.add(destination);
  }

  /** Its lanes may have room for anything. */
  dirty(destination: Destination): void {
    destination.roused(undefined);
    this.#dirty.add(destination);
  }

  dirtyAll(): void {
    for (const destination of this.#deps.destinations.all) {
      if (!destination.hasReady) continue;
      destination.rousedAll();
      this.#dirty.add(destination);
    }
  }

  /** This session may have room: for its own site first, and now and then whoever has none is thought of. */
  room({ lane: { destination }, relayKey, granted }: Session): void {
    const isForOwn = granted % SHARE_MIN !== 0 && destination.hasRelay(relayKey);
    destination.roused(isForOwn ? relayKey : undefined);
    this.#dirty.add(destination);
  }

  /** A connection ended: whoever had none may go on. */
  freed(session: Session): void {
    this.#deps.limits.closed(session);
    this.#deps.addresses.closed(session);
    this.dirty(session.lane.destination);
  }

  /** There is room that this destination waited for. `key`: what of its order rested for it. */
  roomFor(destination: Destination, key: string | undefined): void {
    destination.roused(key);
    this.#called.add(destination);
  }

  /**
   * Grants what may be granted now. What must wait (sync, room, due instants) is looked at again when that changes. What
   * takes long goes on in the next turn: the orders given so far leave only at the end of this one.
   */
  pump(): void {
    if (!this.isOn) return;
    const { limits, clock, recorder } = this.#deps;
    this.#until = clock.monotonic() + TURN_MS_MAX;
    const isForOthers = this.#cuts >= CUTS_MAX;
    while (this.#mayGrant()) {
      // What one woke for and left is there for the next.
      if (this.#called.size === 0) limits.stir();
      const line = this.#called.size === 0 || (isForOthers && this.#dirty.size > 0) ? this.#dirty : this.#called;
      const [destination] = line;
      if (destination === undefined) {
        this.#cuts = 0;
        return;
      }
      if (this.#isLate()) {
        this.#cuts = isForOthers ? 0 : this.#cuts + 1;
        return recorder.request();
      }
      this.#called.delete(destination);
      this.#dirty.delete(destination);
      this.#serve(destination, line);
    }
  }

  #isLate(): boolean {
    return this.#deps.clock.monotonic() >= this.#until;
  }

  /** `line`: where it goes on should it not be done in this turn, behind those that have had nothing. */
  #serve(destination: Destination, line: Set<Destination>): void {
    const passed = this.#passed.get(destination) ?? (new Map() as Passed);
    this.#passed.delete(destination);
    while (this.#mayGrant()) {
      if (!this.#grantOne(destination, passed)) return this.#makeRoom(destination, passed);
      if (!this.#isLate()) continue;
      line.add(destination);
      this.#passed.set(destination, passed);
      return;
    }
    this.#dirty.add(destination);
    this.#makeRoom(destination, passed);
  }

  /** Once all is granted: an idle session that is closed to make room has nothing to do for its own site. */
  #makeRoom(destination: Destination, passed: Passed): void {
    const before = new Set<string>();
    for (const [queue, set] of passed) {
      if (!set.order.has(queue)) continue;
      if (this.#slots.make(destination, set, queue, before)) break;
      before.add(queue.binding.domain.relayKey);
    }
  }

  /** Another lane than those that just failed may take mail of this queue, which went there. */
  mayGoElsewhere(session: Session, queue: Queue): boolean {
    return this.#slots.mayGoElsewhere(session, queue);
  }

  #mayGrant(): boolean {
    const { spool, inFlight, settings } = this.#deps;
    return mayGrant(spool.unsynced, inFlight.attempts, settings.limits.unsyncedMin);
  }

  #grantOne(destination: Destination, passed: Passed): boolean {
    const { time, limits, settings, budgets, sources } = this.#deps;
    for (const set of destination.ready()) {
      for (let queue = set.order.next(); queue !== undefined; queue = set.order.next()) {
        // Anew each time: what fell due since the last look would be ready for its queue and not for us, for ever.
        const now = time.now();
        const { domain } = queue.binding;
        const { room, owner } = limits.ofOwner(queue);
        if (owner?.restKey !== undefined) {
          limits.waitFor(owner, destination, settings.priorityOf(queue.name));
          set.order.rest(owner.restKey);
          continue;
        }
        const slot = this.#slots.find(destination, set, queue, now);
        if (slot === undefined) {
          passed.set(queue, set);
          if (set.order.relays === 1) break;
          set.order.rest(domain.relayKey);
          continue;
        }
        if (slot === 'capped') {
          // A site whose own sources cannot reach it is capped by those of the overflow pool: others may go meanwhile.
          if (set.order.relays === 1 || sources.tiers(set.pool).length === 1) break;
          set.order.rest(domain.relayKey);
          continue;
        }
        if (slot === 'no-source') {
          // Other streams may have one.
          set.order.rest(`stream ${queue.name.stream}`);
          continue;
        }
        const { group } = slot.lane;
        const budget = budgets.room(group.source, group.provider);
        const { recipientsPerTransaction } = destination.caps;
        const recipientsMax = Math.min(room, slot.room, budget.recipients, recipientsPerTransaction);
        const pulled = this.#pull(queue, now, recipientsMax);
        if (pulled === undefined) continue;
        const by = this.#again(slot, destination, set, queue, pulled, now);
        set.order.charge(queue, pulled.indexes.length);
        destination.served(set, pulled.indexes.length);
        charge(set, by, pulled.indexes.length);
        this.#deps.paces.granted(by.lane, pulled.indexes.length, now);
        this.#grant(by, domain, domain.freshRoute(now) as Relay, queue, pulled);
        return true;
      }
    }
    return false;
  }

  /** Where this was greylisted it goes by the same source, if that has room for it now. */
  #again(slot: Slot, destination: Destination, set: ReadySet, queue: Queue, pulled: Pulled, now: number): Slot {
    const { greylisted, budgets } = this.#deps;
    const source = greylisted.sourceOf(pulled);
    if (source === undefined || source === slot.lane.source.name) return slot;
    const same = this.#slots.of(source, destination, set, queue, now);
    if (same === undefined) return slot;
    const { group } = same.lane;
    const room = Math.min(same.room, budgets.room(group.source, group.provider).recipients);
    return room < pulled.indexes.length ? slot : same;
  }

  /** undefined: the queue has nothing for now and has left the order. */
  #pull(queue: Queue, now: number, recipientsMax: number): Pulled | undefined {
    const { queues, pulling } = this.#deps;
    if (queues.hold(queue)) return undefined;
    if (queue.binding.domain.freshRoute(now) === undefined) {
      queues.unready(queue);
      queues.refresh(queue);
      return undefined;
    }
    const pulled = pulling.pull(queue, now, recipientsMax);
    if (pulled !== undefined) return pulled;
    queues.unready(queue);
    queues.refresh(queue);
    return undefined;
  }

  #grant(slot: Slot, { relayKey }: Domain, relay: Relay, queue: Queue, pulled: Pulled): void {
    const { clock, inFlight, spool, recorder, egresses, settings, budgets, limits, leftOut, addresses } = this.#deps;
    const session = slot.session ?? egresses.open(slot.lane, relay, relayKey, this.nextId(), leftOut.of(slot.lane));
    if (slot.session === undefined) {
      recorder.count('connections');
      limits.opened(session);
      addresses.opened(session);
    }
    const { queued, indexes } = pulled;
    const hasIntent = settings.stream(queued.message.stream).duplicates === 'never';
    const attempt: OpenAttempt = {
      id: this.nextId(),
      session,
      queue,
      queued,
      indexes,
      grantedAt: clock.now(),
      grantedMonotonic: clock.monotonic(),
      paced: limits.granted(slot.lane, queue, indexes.length),
      hasIntent,
      isOver: false,
      isOrdered: false,
    };
    inFlight.begin(attempt);
    budgets.granted(slot.lane.group.source, slot.lane.group.provider, attempt);
    spool.pin(queued.location);
    session.outstanding.push(attempt);
    session.granted++;
    slot.lane.place(session);
    recorder.count('attempts');
    if (!hasIntent) this.#deliver(attempt, pulled.priorAttempts);
    else {
      // The intent is on disk before anything can be sent: whatever happens, there is no second copy.
      recorder.write([{ type: 'intent', at: attempt.grantedAt, messageId: queued.message.id, indexes }]);
      recorder.afterSync(() => {
        if (!attempt.isOver) this.#deliver(attempt, pulled.priorAttempts);
      });
    }
  }

  #deliver(attempt: OpenAttempt, priorAttempts: number): void {
    const { queued, session, indexes, id } = attempt;
    attempt.isOrdered = true;
    // A slot is free a round trip earlier. What still waits for its intent would come too late.
    const isLast = session.lane.isSpent(session) && session.outstanding.every(({ isOrdered }) => isOrdered);
    session.egress.commands.deliver(session.id, {
      attempt: id,
      messageId: queued.message.id,
      location: queued.location,
      indexes,
      priorAttempts,
      ...(isLast && { isLast }),
    });
  }
}

// The one place that asks every cap, and is told of everything that counts: may this lane open a connection, how many
// recipients may it be handed, may mail of this tenant and stream go at all. Whoever hears no is woken when that changes.
// A cap refuses, it fails nothing: what waits is neither read nor written. Its time is the monotonic clock: whoever sets the
// wall clock lets nothing go early.
import type { Report } from '../flow/attempt.ts';
import type { QueueName, Spool } from '../flow/spool.ts';
import type { Destination } from './destination.ts';
import type { OpenAttempt } from './in-flight.ts';
import type { Lane, Session } from './lane.ts';
import { Meter, type MeterHost, type Past } from './meter.ts';
import type { MeterCaps } from './options.ts';
import type { Queue } from './queue.ts';
import type { WaitingLine } from './waiting-line.ts';
import { Windows, type WindowsDeps } from './windows.ts';

export interface LimitsDeps extends WindowsDeps {
  /** This destination waited for room that is there now. `restKey`: what of its order rested for it. */
  readonly onRoom: (destination: Destination, restKey: string | undefined) => void;
}

/** Destinations woken for the room of one meter at a time; whoever finds some left wakes the next. */
const WOKEN_MAX = 4;
const NO_METERS: readonly Meter[] = [];

export class Limits implements MeterHost {
  readonly #deps: LimitsDeps;
  readonly total: Meter;
  readonly #owners = new Map<string, Meter>();
  readonly #windows: Windows;
  /** Meters that somebody may be woken for at the end of the turn. */
  readonly #stirred = new Set<Meter>();
  #since = -Infinity;

  constructor(deps: LimitsDeps) {
    this.#deps = deps;
    this.#windows = new Windows(deps);
    this.total = new Meter('host', 'total', this);
    this.reload();
  }

  /** From now on everything that is sent is known. */
  start(spool: Spool): void {
    this.#since = this.now();
    this.#windows.load(spool);
    this.#owners.clear();
    this.reload();
  }

  now(): number {
    return this.#deps.clock.monotonic();
  }

  since(): number {
    return this.#since;
  }

  past(meter: Meter, perMs: number): Past | undefined {
    return this.#windows.past(meter, perMs);
  }

  notKept(meter: Meter): void {
    this.#windows.drop(meter);
  }

  /** An orderly stop. */
  close(): void {
    this.#windows.close();
  }

  /** The options changed, and every meter has taken its caps. */
  reloaded(): void {
    this.#windows.reload();
  }

  reload(): void {
    const { settings } = this.#deps;
    this.total.take({ connections: settings.caps.totalConnections });
    for (const kind of ['tenant', 'stream'] as const) {
      for (const [name, caps] of settings.ownerCaps(kind)) this.#owner(kind, name).take(caps);
    }
    for (const [key, meter] of this.#owners) {
      if (settings.ownerCaps(meter.by as 'tenant' | 'stream').get(meter.name) !== undefined) continue;
      this.#owners.delete(key);
      this.#windows.drop(meter);
    }
  }

  meter(by: 'lane' | 'provider' | 'source' | 'address', name: string, caps: MeterCaps): Meter {
    const meter = new Meter(by, name, this);
    meter.take(caps);
    return meter;
  }

  /** Recipients that the lane may be handed now. 0: its destination is woken when it may be some. */
  room(lane: Lane, priority: number): number {
    let room = Infinity;
    for (const meter of lane.meters) {
      if (!meter.isPaced) continue;
      const now = this.now();
      const each = meter.room(now);
      if (each === 0) this.#wait(meter, meter.forMail, lane.destination, priority, now);
      if (each < room) room = each;
    }
    return room;
  }

  /** May it open a connection? If not, its destination is woken when it may. */
  mayOpen(lane: Lane, priority: number): boolean {
    let may = true;
    for (const meter of lane.meters) may = this.mayOpenBy(meter, lane, priority) && may;
    return this.mayOpenBy(this.total, lane, priority) && may;
  }

  /** What, beside the lane itself, has no connection left for it. */
  fullOf(lane: Lane): Meter | undefined {
    return (
      lane.meters.find((meter) => meter.by !== 'lane' && meter.isFull) ?? (this.total.isFull ? this.total : undefined)
    );
  }

  /** Recipients of the queue's tenant and stream. 0: `owner` says whose mail rests. */
  ofOwner(queue: Queue): { readonly room: number; readonly owner?: Meter } {
    if (this.#owners.size === 0) return UNLIMITED;
    const now = this.now();
    let room = Infinity;
    for (const meter of this.#ownersOf(queue)) {
      const each = meter.room(now);
      if (each === 0) return { room: 0, owner: meter };
      room = Math.min(room, each);
    }
    return { room };
  }

  /** The tenant or stream whose rate lets nothing of this name go now, for who only asks. */
  ownerOf(name: QueueName): Meter | undefined {
    for (const meter of this.#ownersOf({ name })) if (meter.room(this.now()) === 0) return meter;
    return undefined;
  }

  /** Its mail rests in this destination until there is room. */
  waitFor(owner: Meter, destination: Destination, priority: number): void {
    this.#wait(owner, owner.forMail, destination, priority, this.now());
  }

  opened(session: Session): void {
    const now = this.now();
    for (const meter of session.lane.meters) meter.opened(now);
    this.total.opened(now);
  }

  adopted(session: Session): void {
    for (const meter of session.lane.meters) meter.adopted();
    this.total.adopted();
    session.isConnected = true;
  }

  closed(session: Session): void {
    this.connected(session);
    for (const meter of session.lane.meters) this.freed(meter);
    this.freed(this.total);
  }

  /** It stands, or was given up. */
  connected(session: Session): void {
    if (session.isConnected) return;
    session.isConnected = true;
    const now = this.now();
    for (const meter of session.lane.meters) {
      meter.connected(now);
      this.#rearm(meter, now);
    }
  }

  /** Before it is handed to egress: what it counts for. */
  granted(lane: Lane, queue: Queue, amount: number): readonly Meter[] {
    const now = this.now();
    let paced = NO_METERS;
    for (const meter of lane.meters) if (meter.isPaced) paced = [...paced, meter];
    if (this.#owners.size > 0) paced = [...paced, ...this.#ownersOf(queue)];
    for (const meter of paced) {
      meter.granted(amount, now);
      if (meter.isKept) this.#windows.granted(meter, amount);
    }
    return paced;
  }

  /** `report` absent: it was not begun. */
  over(attempt: OpenAttempt, report?: Report): void {
    if (report !== undefined) this.connected(attempt.session);
    if (attempt.paced.length === 0) return;
    const now = this.now();
    const amount = attempt.indexes.length;
    for (const meter of attempt.paced) {
      if (meter.isKept) this.#windows.moved(meter);
      if (report === undefined) {
        meter.returned(amount);
        this.#stirred.add(meter);
        continue;
      }
      const { dot, done } = report.instants;
      const ago = Math.max(0, this.#deps.clock.now() - (dot ?? done));
      meter.ended(amount, now - Math.min(ago, now - attempt.grantedMonotonic), now);
      this.#rearm(meter, now);
    }
  }

  onRoom = (meter: Meter): void => {
    this.#stirred.add(meter);
    this.stir();
  };

  /** Wakes some of those who wait for room that is there. True: somebody was woken. */
  stir(): boolean {
    if (this.#stirred.size === 0) return false;
    const now = this.now();
    let isAnybody = false;
    for (const meter of this.#stirred) {
      let woken = 0;
      while (woken < WOKEN_MAX) {
        const destination = meter.next(now);
        if (destination === undefined) break;
        woken++;
        isAnybody = true;
        this.#deps.onRoom(destination, meter.restKey);
      }
      if (woken === 0) {
        this.#stirred.delete(meter);
        this.#rearm(meter, now);
      }
    }
    return isAnybody;
  }

  /** A connection of it ended. */
  freed(meter: Meter): void {
    const wasFull = meter.isFull;
    meter.closed();
    if (wasFull || meter.hasWaiting) this.#stirred.add(meter);
  }

  /** As far as this one goes. */
  mayOpenBy(meter: Meter, lane: Lane, priority: number): boolean {
    const now = meter.isOpeningPaced ? this.now() : 0;
    if (meter.mayOpen(now)) return true;
    // A lane that is full itself is looked at whenever one of its own connections ends.
    if (meter.by !== 'lane' || !meter.isFull) {
      this.#wait(meter, meter.forOpening, lane.destination, priority, this.now());
    }
    return false;
  }

  #wait(meter: Meter, line: WaitingLine, destination: Destination, priority: number, now: number): void {
    line.add(destination, priority);
    const until = meter.nextWakeAt(now);
    if (until < Infinity) this.#wakeAt(meter, until);
  }

  /** Something ended: now it is known when there will be room. */
  #rearm(meter: Meter, now: number): void {
    if (!meter.hasWaiting) return;
    const at = meter.nextWakeAt(now);
    if (at < Infinity) this.#wakeAt(meter, Math.max(at, now + 1));
  }

  #wakeAt(meter: Meter, at: number): void {
    const { wakes, time } = this.#deps;
    wakes.set(meter, time.now() + Math.max(0, at - this.now()));
  }

  #owner(kind: 'tenant' | 'stream', name: string): Meter {
    const key = `${kind} ${name}`;
    let meter = this.#owners.get(key);
    if (meter === undefined) this.#owners.set(key, (meter = new Meter(kind, name, this, key)));
    return meter;
  }

  *#ownersOf({ name: { tenant, stream } }: Pick<Queue, 'name'>): Generator<Meter> {
    const byTenant = this.#owners.get(`tenant ${tenant}`);
    if (byTenant !== undefined) yield byTenant;
    const byStream = this.#owners.get(`stream ${stream}`);
    if (byStream !== undefined) yield byStream;
  }
}

const UNLIMITED = { room: Infinity };

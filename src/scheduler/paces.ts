// The paces of all lanes: slowed by replies, grown interval by interval while they are the limit, pinned by operators.
// What a lane may do is asked here (LanePace); each change is a state event with what caused it, at most a few a minute
// for a lane, never one for each delivery.
import type { Clock } from '../base/clock.ts';
import type { Spool } from '../flow/spool.ts';
import {
  type Figures,
  growPace,
  INTERVAL_MS,
  type Pace,
  type PaceLimits,
  type PacePart,
  restartPace,
  startPace,
  throttlePace,
} from '../policy/pace.ts';
import type { DueTime } from './due-time.ts';
import type { Lane } from './lane.ts';
import { type KeptPace, LanePace, type PaceCause, readKeptPace } from './lane-pace.ts';
import type { Recorder } from './recorder.ts';
import type { Wakeable, Wakes } from './wakes.ts';

export interface PacesDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly recorder: Recorder;
  readonly limitsOf: (lane: Lane) => PaceLimits;
  /** It allows more than before, or less. */
  readonly onChange: (lane: Lane, isLess: boolean) => void;
}

export const PACE = 'pace/';
/** Lanes whose pace is remembered; of more, those that changed longest ago begin anew. */
const PACES_MAX = 10_000;
/** A rate of which less was used in the minute was not the limit. */
const USED_SHARE = 0.75;

export class Paces implements Wakeable {
  readonly #deps: PacesDeps;
  /** Changed by something: by name of the lane, in the order of their last change. */
  readonly #kept = new Map<string, KeptPace>();
  /** An interval of theirs is being looked at. */
  readonly #open = new Set<Lane>();
  wakeAt: number | undefined;

  constructor(deps: PacesDeps) {
    this.#deps = deps;
  }

  /** At a start. */
  load(spool: Spool): void {
    const found = spool.states(PACE).flatMap(({ key, value }) => {
      const kept = readKeptPace(value);
      return kept === undefined ? [] : [[key.slice(PACE.length), kept] as const];
    });
    for (const [lane, kept] of found.toSorted((a, b) => a[1].cause.at - b[1].cause.at)) this.#kept.set(lane, kept);
  }

  of(lane: Lane): LanePace {
    lane.pace ??= new LanePace(lane.name, this.#deps.limitsOf(lane), this.#kept.get(lane.name), () => {
      lane.destination.wake();
    });
    return lane.pace;
  }

  /** By its rate, when a connection is free for it. If not, the lane is looked at again when it may. */
  mayBegin(lane: Lane, now: number): boolean {
    const pace = this.of(lane);
    if (pace.nextAt <= now || !pace.isSpaced) return true;
    this.limited(lane, 'rate');
    this.#deps.wakes.set(pace, pace.nextAt);
    return false;
  }

  /** So many recipients are handed over: spaced, so that no minute sees more than one of these minutes' share. */
  granted(lane: Lane, recipients: number, now: number): void {
    const pace = this.of(lane);
    pace.sent.add(now, recipients);
    if (pace.isSpaced) pace.nextAt = Math.max(pace.nextAt, now) + spacingMs(pace, recipients);
  }

  /** Of a lane that has nothing to do now. */
  find(lane: string): KeptPace | undefined {
    return this.#kept.get(lane);
  }

  get names(): Iterable<string> {
    return this.#kept.keys();
  }

  /** The options changed, or whether their source is warm. */
  refresh(lanes: Iterable<Lane>): void {
    for (const lane of Array.from(lanes)) {
      const { pace } = lane;
      if (pace === undefined) continue;
      pace.limits = this.#deps.limitsOf(lane);
      // What nothing has changed begins where it would begin now.
      if (pace.cause !== undefined) continue;
      const before = figuresOf(pace);
      pace.pace = startPace(pace.limits);
      this.#moved(lane, pace, before);
    }
  }

  /** Granted, and not begun. */
  returned(lane: Lane, recipients: number): void {
    this.of(lane).sent.remove(this.#deps.time.now(), recipients);
  }

  /** One connection more, as far as the pace goes. */
  mayOpen(lane: Lane): boolean {
    if (lane.sessions.size < this.of(lane).connections) return true;
    this.limited(lane, 'connections');
    return false;
  }

  /** More would be begun now, did this part of the pace allow it. */
  limited(lane: Lane, part: PacePart): void {
    const pace = this.of(lane);
    if (part === 'connections' && pace.connections >= pace.limits.ceiling.connections) return this.#full(lane, pace);
    pace.isLimited[part] = true;
    if (pace.intervalUntil === undefined) this.#begin(lane, pace);
  }

  /** All connections are busy, and it is not the pace that allows no more. */
  #full(lane: Lane, pace: LanePace): void {
    if (pace.perMinute === Infinity || pace.limits.ceiling.perMinute !== undefined) return;
    pace.isFull = true;
    if (pace.intervalUntil === undefined) this.#begin(lane, pace);
  }

  /**
   * A throttling reply was read, to what was granted at `begunAt` (ms since 1970). `notBegun`: recipients that were granted
   * and wait behind others.
   */
  throttled(lane: Lane, part: PacePart, begunAt: number, notBegun: number, cause: Omit<PaceCause, 'at'>): void {
    const pace = this.of(lane);
    const now = this.#deps.clock.now();
    pace.isThrottled = true;
    const sent = Math.max(1, pace.sent.count(this.#deps.time.now()) - notBegun);
    this.#change(lane, pace, throttlePace(pace.pace, part, { begunAt, sent }, now), cause);
  }

  /** A block is over. */
  restarted(lane: Lane, by: string): void {
    const pace = this.of(lane);
    this.#change(lane, pace, restartPace(pace.pace, pace.limits, this.#deps.clock.now()), { by });
  }

  /** It stays so, whatever replies say, until `release`. */
  pin(lane: Lane, figures: Figures, by: string): void {
    const pace = this.of(lane);
    const before = figuresOf(pace);
    pace.pinned = figures;
    this.#changed(lane, pace, before, { by });
  }

  /** Ends a pin; without one, begins anew as if nothing had been throttled. */
  release(lane: Lane, by: string): void {
    const pace = this.of(lane);
    const before = figuresOf(pace);
    const now = this.#deps.clock.now();
    const next = pace.pinned === undefined ? startPace(pace.limits) : pace.pace;
    // What is on its way was begun under another pace.
    pace.pace = { ...next, reducedAt: { connections: now, rate: now } };
    pace.pinned = undefined;
    this.#changed(lane, pace, before, { by });
  }

  /** Intervals end. */
  wake(): void {
    const now = this.#deps.time.now();
    for (const lane of Array.from(this.#open)) {
      const { pace } = lane;
      if (pace?.intervalUntil === undefined || pace.intervalUntil > now) continue;
      this.#open.delete(lane);
      const { isFull, isThrottled } = pace;
      // What waits a moment for its turn is not limited by a rate of which most is left.
      const isUsed = pace.sent.count(now) + 1 >= USED_SHARE * pace.perMinute;
      const limitedBy = { connections: pace.isLimited.connections, rate: pace.isLimited.rate && isUsed };
      pace.intervalUntil = undefined;
      pace.isLimited = { connections: false, rate: false };
      pace.isFull = false;
      pace.isThrottled = false;
      if (!isThrottled)
        this.#change(lane, pace, growPace(pace.pace, pace.limits, { limitedBy, isFull }), { by: 'pace' });
    }
    for (const { pace } of this.#open)
      if (pace?.intervalUntil !== undefined) this.#deps.wakes.set(this, pace.intervalUntil);
  }

  #begin(lane: Lane, pace: LanePace): void {
    pace.intervalUntil = this.#deps.time.now() + INTERVAL_MS;
    pace.isThrottled = false;
    this.#open.add(lane);
    this.#deps.wakes.set(this, pace.intervalUntil);
  }

  #change(lane: Lane, pace: LanePace, next: Pace, cause: Omit<PaceCause, 'at'>): void {
    if (next === pace.pace || pace.pinned !== undefined) return;
    const before = figuresOf(pace);
    pace.pace = next;
    const { connections, perMinute } = figuresOf(pace);
    // What it waits for before the next step, or one more reply at the floor, is not worth a record.
    if (connections === before.connections && perMinute === before.perMinute) return;
    this.#changed(lane, pace, before, cause);
  }

  #changed(lane: Lane, pace: LanePace, before: Required<Figures>, { by, reply }: Omit<PaceCause, 'at'>): void {
    const at = this.#deps.clock.now();
    const throttle = reply !== undefined ? { at, by, reply } : pace.isAtCeiling ? undefined : pace.cause?.throttle;
    pace.cause = { at, by, ...(reply !== undefined && { reply }), ...(throttle !== undefined && { throttle }) };
    const kept = pace.kept(pace.cause);
    this.#kept.delete(lane.name);
    this.#kept.set(lane.name, kept);
    this.#deps.recorder.add([{ type: 'state', at, key: `${PACE}${lane.name}`, value: kept, by }]);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= PACES_MAX) break;
      this.#kept.delete(oldest);
      this.#deps.recorder.add([{ type: 'state', at, key: `${PACE}${oldest}`, by: 'scheduler' }]);
    }
    this.#moved(lane, pace, before);
  }

  #moved(lane: Lane, pace: LanePace, before: Required<Figures>): void {
    const after = figuresOf(pace);
    if (after.connections === before.connections && after.perMinute === before.perMinute) return;
    const isLess = after.connections < before.connections || after.perMinute < before.perMinute;
    // What was allowed at the old rate is void.
    if (after.perMinute < before.perMinute) pace.nextAt = this.#deps.time.now() + spacingMs(pace, 1);
    else if (after.perMinute > before.perMinute)
      pace.nextAt = Math.min(pace.nextAt, this.#deps.time.now() + spacingMs(pace, 1));
    this.#deps.onChange(lane, isLess);
  }
}

function spacingMs({ perMinute }: LanePace, recipients: number): number {
  return (recipients * INTERVAL_MS) / perMinute;
}

function figuresOf({ connections, perMinute }: LanePace): Required<Figures> {
  return { connections, perMinute };
}

// Everything that wakes at an instant of due time, behind one timer: queues, lanes, domains, the expiry. Never one
// timer per message. A target may be woken early (its instant moved): it looks again and sets itself anew.
import type { Clock, Timer } from '../base/clock.ts';
import type { DueTime } from './due-time.ts';

export interface Wakeable {
  /** Set by Wakes alone: the earliest instant for which the target stands in the order. */
  wakeAt: number | undefined;
  wake(): void;
}

interface Entry {
  readonly at: number;
  readonly target: Wakeable;
}

/** Longest sleep: a step of the wall clock is noticed after so long. */
const SLEEP_MS_MAX = 30_000;
/** Targets woken in one go; the rest follows in the next turn, so that a start with 100,000 queues stays responsive. */
const WAKES_MAX = 500;

export class Wakes {
  readonly #clock: Clock;
  readonly #time: DueTime;
  readonly #tick: () => void;
  /** Binary heap, earliest first. */
  readonly #heap: Entry[] = [];
  #timer: Timer | undefined;
  #timerAt = Infinity;
  #closed = false;

  /** `tick`: called after each wake-up, at least every 30 s. */
  constructor(clock: Clock, time: DueTime, tick: () => void) {
    this.#clock = clock;
    this.#time = time;
    this.#tick = tick;
  }

  start(): void {
    this.#arm(this.#time.now());
  }

  /** The target is woken at `at`, or earlier when it was to be woken earlier. */
  set(target: Wakeable, at: number): void {
    if (target.wakeAt !== undefined && target.wakeAt <= at) return;
    target.wakeAt = at;
    this.#push({ at, target });
    if (at < this.#timerAt) this.#arm(this.#time.now());
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(now: number): void {
    if (this.#closed) return;
    const at = Math.min(this.#heap[0]?.at ?? Infinity, now + SLEEP_MS_MAX);
    if (this.#timer !== undefined && at >= this.#timerAt && this.#timerAt > now) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    // A timer may fire a fraction early; one ms more than needed is better than a turn in vain.
    this.#timer = this.#clock.after(Math.max(0, Math.ceil(at - now)), () => this.#run());
  }

  #run(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.#time.now();
    for (let woken = 0; woken < WAKES_MAX; ) {
      const first = this.#heap[0];
      if (first === undefined || first.at > now) break;
      this.#pop();
      if (first.target.wakeAt !== first.at) continue;
      first.target.wakeAt = undefined;
      first.target.wake();
      woken++;
    }
    this.#tick();
    this.#arm(now);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >>> 1;
      const parent = heap[above] as Entry;
      if (parent.at <= entry.at) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      const right = heap[below + 1];
      if (right !== undefined && right.at < (heap[below] as Entry).at) below++;
      const child = heap[below] as Entry;
      if (child.at >= last.at) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

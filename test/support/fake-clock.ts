// A clock that stands still until a test moves it. Timers run in order of their instant, then of their making; between
// two of them everything that was promised may settle, so that a chain of `await` never sees time jump.
import { InvariantError } from '../../src/base/errors.ts';
import type { Clock, Timer } from '../../src/base/clock.ts';

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Timers one `advance` may run: a timer that sets itself again with no delay must not hang the test. */
const TIMERS_MAX = 1_000_000;

/** Lets all that is promised settle, and callbacks that wait behind one turn of the event loop. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export class FakeClock implements Clock {
  #monotonic = 0;
  #wallOffset: number;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  /** `startAt`: wall clock at the beginning, ms since 1970. */
  constructor(startAt = Date.UTC(2026, 0, 5, 12)) {
    this.#wallOffset = startAt;
  }

  now(): number {
    return Math.floor(this.#wallOffset + this.#monotonic);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer: Waiting = { at: this.#monotonic + Math.max(delayMs, 0), order: this.#order++, run };
    this.#waiting.add(timer);
    return { cancel: () => void this.#waiting.delete(timer) };
  }

  /** Timers that are set: 0 at the end of a test that leaks nothing. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Monotonic ms until the next timer; undefined when none is set. */
  get nextIn(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.at - this.#monotonic;
  }

  /** Moves both clocks on and runs what falls due on the way, what those timers set included. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settle();
    for (let ran = 0; ; ran++) {
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      if (ran >= TIMERS_MAX) throw new InvariantError(`more than ${TIMERS_MAX} timers in one advance`);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      this.#waiting.delete(next);
      next.run();
      await settle();
    }
    this.#monotonic = end;
    await settle();
  }

  /** What runs now takes so long: no timer runs meanwhile. */
  spend(ms: number): void {
    this.#monotonic += ms;
  }

  /** The wall clock steps (an operator, NTP); the monotonic clock and the timers do not notice. */
  stepWall(ms: number): void {
    this.#wallOffset += ms;
  }

  #next(): Waiting | undefined {
    let first: Waiting | undefined;
    for (const timer of this.#waiting) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) {
        first = timer;
      }
    }
    return first;
  }
}

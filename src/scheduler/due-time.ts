// The clock by which deliveries fall due: ms since 1970 like the wall clock, but it never goes back and never stands
// still. When the wall clock is set back, what is due stays due; when it is set forward, what waits falls due early
// (one more attempt, paced by the caps) instead of late.
import type { Clock } from '../base/clock.ts';

/** A step of the wall clock that lets lifetimes end unseen. */
const STEP_MS = 3_600_000;

export class DueTime {
  readonly #clock: Clock;
  readonly #onStep: () => void;
  #at: number;
  #monotonic: number;
  /** Wall clock minus monotonic clock: changes when somebody sets the wall clock. */
  #offset: number;

  /** `onStep`: the wall clock went forward by over an hour while hardly any time passed. */
  constructor(clock: Clock, onStep: () => void) {
    this.#clock = clock;
    this.#onStep = onStep;
    this.#at = clock.now();
    this.#monotonic = clock.monotonic();
    this.#offset = this.#at - this.#monotonic;
  }

  now(): number {
    const wall = this.#clock.now();
    const monotonic = this.#clock.monotonic();
    this.#at = Math.max(wall, this.#at + (monotonic - this.#monotonic));
    this.#monotonic = monotonic;
    const offset = wall - monotonic;
    const stepped = offset - this.#offset > STEP_MS;
    this.#offset = offset;
    if (stepped) this.#onStep();
    return this.#at;
  }

  /** Wall clock: for lifetimes and stored instants. */
  wall(): number {
    return this.#clock.now();
  }

  /** When, in due time, the wall clock will show `instant`. */
  ofWall(instant: number): number {
    return this.now() + Math.max(0, instant - this.#clock.now());
  }
}

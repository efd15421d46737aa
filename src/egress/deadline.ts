// One deadline that moves often and fires rarely: the timer is only touched when the deadline comes nearer, so that a
// busy session costs no timers.
import type { Clock, Timer } from '../base/clock.ts';

export class Deadline {
  readonly #clock: Clock;
  readonly #expired: () => void;
  #at = Infinity;
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Replaces what was set before. */
  set(delayMs: number): void {
    const at = this.#clock.monotonic() + delayMs;
    this.#at = at;
    if (this.#timer === undefined || at < this.#timerAt) this.#arm(at, delayMs);
  }

  /** Nothing is waited for. */
  clear(): void {
    this.#at = Infinity;
  }

  /** For good: no timer is left. */
  stop(): void {
    this.#at = Infinity;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #arm(at: number, delayMs: number): void {
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.after(delayMs, () => this.#fired());
  }

  #fired(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    if (this.#at === Infinity) return;
    const leftMs = this.#at - this.#clock.monotonic();
    if (leftMs > 0) return this.#arm(this.#at, leftMs);
    this.#at = Infinity;
    this.#expired();
  }
}

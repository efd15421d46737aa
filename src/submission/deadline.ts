// One deadline of a session that moves with every command: the timer is set once and looks, when it fires, where the
// deadline is now, so that moving it costs nothing. Monotonic time only.
import type { Clock, Timer } from '../base/clock.ts';

export class Deadline {
  readonly #clock: Clock;
  readonly #expire: () => void;
  /** Monotonic ms; undefined while the client owes nothing. */
  #at: number | undefined;
  #timer: Timer | undefined;
  #timerAt = 0;

  constructor(clock: Clock, expire: () => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** From now. */
  set(ms: number): void {
    const now = this.#clock.monotonic();
    this.#at = now + ms;
    if (this.#timer !== undefined && this.#timerAt <= this.#at) return;
    this.#timer?.cancel();
    this.#arm(now);
  }

  /** Stops the clock and tells how many ms were left. */
  hold(): number {
    if (this.#at === undefined) return 0;
    const left = this.#at - this.#clock.monotonic();
    this.#at = undefined;
    return Math.max(0, left);
  }

  /** Idempotent; the deadline never fires again. */
  cancel(): void {
    this.#at = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(now: number): void {
    if (this.#at === undefined) return;
    this.#timerAt = this.#at;
    this.#timer = this.#clock.after(this.#at - now, () => this.#fired());
  }

  #fired(): void {
    this.#timer = undefined;
    if (this.#at === undefined) return;
    const now = this.#clock.monotonic();
    if (now < this.#at) this.#arm(now);
    else {
      this.#at = undefined;
      this.#expire();
    }
  }
}

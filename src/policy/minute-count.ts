// How many there were in the last minute, by the second: a number each, whatever the rate.

const SECONDS = 60;

export class MinuteCount {
  readonly #slots = new Uint32Array(SECONDS);
  #total = 0;
  /** The second that is being counted. */
  #second = -Infinity;

  add(now: number, count: number): void {
    this.#forget(now);
    this.#slots[this.#second % SECONDS]! += count;
    this.#total += count;
  }

  /** So many of the last did not happen. */
  remove(now: number, count: number): void {
    this.#forget(now);
    let left = count;
    for (let age = 0; age < SECONDS && left > 0; age++) {
      const at = (this.#second - age + SECONDS) % SECONDS;
      const gone = Math.min(left, this.#slots[at]!);
      this.#slots[at]! -= gone;
      this.#total -= gone;
      left -= gone;
    }
  }

  /** In the last 59 to 60 seconds. */
  count(now: number): number {
    this.#forget(now);
    return this.#total;
  }

  #forget(now: number): void {
    const second = Math.max(this.#second, Math.floor(now / 1000));
    if (second - this.#second >= SECONDS) {
      this.#slots.fill(0);
      this.#total = 0;
    } else {
      for (let passed = this.#second + 1; passed <= second; passed++) {
        this.#total -= this.#slots[passed % SECONDS]!;
        this.#slots[passed % SECONDS] = 0;
      }
    }
    this.#second = second;
  }
}

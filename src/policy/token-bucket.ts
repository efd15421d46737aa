// A rate with a burst, and a limit over a sliding period. Both are told the time, hold a few numbers and never wait.

/** `count` per `perMs`, spread evenly; up to `burst` at once. Never lets more than burst + count pass in a period. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(count: number, perMs: number, burst: number, now: number) {
    this.#perMs = count / perMs;
    this.#burst = Math.max(1, burst);
    this.#tokens = this.#burst;
    this.#at = now;
  }

  /** 0: taken. Else nothing is taken, and so many ms must pass first. */
  take(tokens: number, now: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#at) * this.#perMs);
    this.#at = now;
    const missing = Math.min(tokens, this.#burst) - this.#tokens;
    if (missing > 1e-9) return Math.max(1, Math.ceil(missing / this.#perMs));
    this.#tokens -= tokens;
    return 0;
  }
}

/** Parts of a period: the finer, the sooner a use is forgotten. It never is too early. */
const SLOTS = 60;

/** At most `count` in any period of `perMs`. Remembers one number per sixtieth of the period. */
export class SlidingCount {
  readonly #count: number;
  readonly #slotMs: number;
  readonly #slots = new Float64Array(SLOTS + 1);
  #total = 0;
  /** Number of the slot that is being filled. */
  #slot: number;

  constructor(count: number, perMs: number, now: number) {
    this.#count = count;
    this.#slotMs = perMs / SLOTS;
    this.#slot = Math.floor(now / this.#slotMs);
  }

  /** 0: counted. Else nothing is counted, and so many ms must pass first. */
  take(amount: number, now: number): number {
    this.#forget(now);
    if (this.#total + Math.min(amount, this.#count) > this.#count) return this.#waitMs(amount, now);
    this.#slots[this.#slot % (SLOTS + 1)]! += amount;
    this.#total += amount;
    return 0;
  }

  /** What was counted a moment ago did not happen. */
  giveBack(amount: number): void {
    const at = this.#slot % (SLOTS + 1);
    const given = Math.min(amount, this.#slots[at]!);
    this.#slots[at]! -= given;
    this.#total -= given;
  }

  #forget(now: number): void {
    const slot = Math.max(this.#slot, Math.floor(now / this.#slotMs));
    for (let passed = Math.min(slot - this.#slot, SLOTS + 1); passed > 0; passed--) {
      const at = (slot - passed + 1) % (SLOTS + 1);
      this.#total -= this.#slots[at]!;
      this.#slots[at] = 0;
    }
    this.#slot = slot;
  }

  #waitMs(amount: number, now: number): number {
    let left = this.#total;
    for (let age = SLOTS; age >= 0; age--) {
      left -= this.#slots[(this.#slot - age + 10 * (SLOTS + 1)) % (SLOTS + 1)]!;
      if (left + Math.min(amount, this.#count) <= this.#count) {
        return Math.max(1, Math.ceil((this.#slot - age + SLOTS + 1) * this.#slotMs - now));
      }
    }
    return Math.ceil(this.#slotMs);
  }
}

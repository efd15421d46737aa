// How many there were in the last minute, or in sixty parts of another length: a number each, whatever the rate.

const PARTS = 60;
/** Over less than this nothing is a rate: what came all at once does not go on so. */
const SPAN_MS_MIN = 10_000;

export class RecentCount {
  readonly #partMs: number;
  readonly #parts = new Uint32Array(PARTS);
  #total = 0;
  /** The part that is being counted. */
  #part = -Infinity;

  constructor(partMs = 1000) {
    this.#partMs = partMs;
  }

  add(now: number, count: number): void {
    this.#forget(now);
    this.#parts[this.#part % PARTS]! += count;
    this.#total += count;
  }

  /** So many of the last did not happen. */
  remove(now: number, count: number): void {
    this.#forget(now);
    let left = count;
    for (let age = 0; age < PARTS && left > 0; age++) {
      const at = (this.#part - age + PARTS) % PARTS;
      const gone = Math.min(left, this.#parts[at]!);
      this.#parts[at]! -= gone;
      this.#total -= gone;
      left -= gone;
    }
  }

  /** In the last 59 to 60 parts. */
  count(now: number): number {
    this.#forget(now);
    return this.#total;
  }

  /** Since the first of those that are counted; at least over ten seconds. */
  perMinute(now: number): number {
    this.#forget(now);
    if (this.#total === 0) return 0;
    let oldest = PARTS - 1;
    while (this.#parts[(this.#part - oldest + PARTS) % PARTS] === 0) oldest--;
    const span = Math.max(SPAN_MS_MIN, now - (this.#part - oldest) * this.#partMs);
    return (this.#total * 60_000) / span;
  }

  #forget(now: number): void {
    const part = Math.max(this.#part, Math.floor(now / this.#partMs));
    if (part - this.#part >= PARTS) {
      this.#parts.fill(0);
      this.#total = 0;
    } else {
      for (let passed = this.#part + 1; passed <= part; passed++) {
        this.#total -= this.#parts[passed % PARTS]!;
        this.#parts[passed % PARTS] = 0;
      }
    }
    this.#part = part;
  }
}

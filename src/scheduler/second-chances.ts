// Deliveries that went again at once after their connection broke before the dot: once is enough.

/** Remembered; one that is forgotten gets a third chance. */
const KEPT_MAX = 10_000;

export class SecondChances {
  readonly #had = new Set<string>();

  /** `key`: of the delivery. True the first time. */
  take(key: string): boolean {
    if (this.#had.has(key)) return false;
    if (this.#had.size >= KEPT_MAX) this.#had.delete(this.#had.values().next().value as string);
    this.#had.add(key);
    return true;
  }

  forget(key: string): void {
    this.#had.delete(key);
  }
}

// A rate that holds where it counts, at the receiver: at most `count` deliveries end within any `perMs`, however long each
// takes; and they are spaced. What was granted and is not over counts as if it could end at any moment; what is over
// counts from the instant of its final dot on. Told the time, holds a few numbers, never waits.

export interface PacerRate {
  readonly count: number;
  readonly perMs: number;
  /** How many may go at once after a pause. Default: 1, so they are spaced evenly. */
  readonly burst?: number;
}

/** What a rate has let go, to be kept beyond a life. Times are ms before or after the instant at which it was asked. */
export interface KeptWindow {
  readonly perMs: number;
  /** How long ago the present part began. */
  readonly partMs: number;
  /** When the next one is to go. */
  readonly nextMs: number;
  /** What may still end at any moment. */
  readonly open: number;
  /** What was over, by how many parts ago. */
  readonly over: readonly (readonly [parts: number, amount: number])[];
}

/** Parts of the period: what is over is forgotten up to one part late, never early. */
const SLOTS = 120;
/** A turn that comes late makes up for so much: without it a rate of 100 a second would never be reached. */
const LATE_MS = 100;

/** Nobody minds a pause of so long after a restart. */
const PAUSE_MS = 60_000;

/** Its past is to be kept: without, a restart would pause it for longer than anybody wants. */
export function isKept({ count, perMs, burst = 1 }: PacerRate): boolean {
  return ((Math.min(burst, count) - 1) * perMs) / count > PAUSE_MS;
}

export class Pacer {
  #count = 0;
  #spaceMs = 0;
  #burst = 1;
  readonly perMs: number;
  readonly #slotMs: number;
  readonly #slots = new Float64Array(SLOTS + 1);
  #over = 0;
  #open = 0;
  /** Number of the youngest part. */
  #slot: number;
  /** When the next one is to go. */
  #nextAt: number;
  /** Where parts begin. */
  #phase = 0;

  /**
   * `since`: from then on everything that went was told to this object. What an earlier life may have sent before is
   * taken to be all that was allowed: spaced evenly, which costs nothing, for that is how it goes on; and its burst last,
   * for which the rate pauses once. `window`: at `since` that was known of it; what was open then has ended by now.
   */
  constructor(rate: PacerRate, now: number, since: number, window?: KeptWindow) {
    this.perMs = rate.perMs;
    this.#slotMs = rate.perMs / SLOTS;
    this.#slot = Math.floor(now / this.#slotMs);
    this.#nextAt = now;
    this.take(rate);
    if (window !== undefined) this.#resume(window, now, since);
    else if (since > now - rate.perMs) {
      this.#nextAt = Math.max(now, since + this.#spaceMs);
      this.#suppose(this.#slotOf(since));
    }
  }

  /** Parts go on as they were: who is killed every minute forgets no later than others. */
  #resume({ partMs, nextMs, open, over }: KeptWindow, now: number, at: number): void {
    this.#phase = at - partMs;
    this.#slot = this.#slotOf(now);
    this.#nextAt = at + nextMs;
    for (const [parts, amount] of over) if (-parts >= this.#slot - SLOTS) this.#add(-parts, amount);
    this.#add(this.#slot, open);
  }

  /** `ahead`: so many more count as open. */
  kept(now: number, ahead: number): KeptWindow {
    this.#forget(now);
    const over: [number, number][] = [];
    for (let parts = 0; parts <= SLOTS; parts++) {
      const amount = this.#slots[this.#at(this.#slot - parts)]!;
      if (amount > 1e-9) over.push([parts, Math.round(amount * 1e6) / 1e6]);
    }
    return {
      perMs: this.perMs,
      partMs: Math.floor(now - this.#phase - this.#slot * this.#slotMs),
      nextMs: Math.ceil(this.#nextAt + ahead * this.#spaceMs - now),
      open: this.#open + ahead,
      over,
    };
  }

  /** Everything allowed was sent up to that part, as late as may be. */
  #suppose(last: number): void {
    const each = this.#count / SLOTS;
    let late = Math.min(this.#burst, this.#count) - 1;
    for (let slot = this.#slot - SLOTS; slot <= last; slot++) {
      const kept = slot === last ? each : each - Math.min(each, late);
      late -= each - kept;
      this.#add(slot, kept);
    }
    this.#add(last, Math.min(this.#burst, this.#count) - 1 - late);
  }

  /** Another count for the same period: what was sent stays counted. */
  take({ count, perMs, burst = 1 }: PacerRate): void {
    this.#count = count;
    this.#spaceMs = perMs / count;
    this.#burst = burst;
  }

  /** How many may go now: 0 before `nextAt`. */
  room(now: number): number {
    if (now < this.#nextAt - (this.#burst - 1) * this.#spaceMs) return 0;
    this.#forget(now);
    // A sum of fractions may be a hair over a whole number.
    return Math.max(0, Math.floor(this.#count - this.#over - this.#open + 1e-6));
  }

  /** When to look again after `room` was 0. Infinity: when something ends. */
  nextAt(now: number): number {
    const spaced = this.#nextAt - (this.#burst - 1) * this.#spaceMs;
    if (now < spaced) return spaced;
    this.#forget(now);
    if (this.#open >= this.#count) return Infinity;
    let over = this.#over;
    for (let age = SLOTS; age >= 0; age--) {
      over -= this.#slots[this.#at(this.#slot - age)]!;
      if (Math.floor(this.#count - over - this.#open + 1e-6) >= 1) {
        return this.#phase + (this.#slot - age + SLOTS + 1) * this.#slotMs;
      }
    }
    return Infinity;
  }

  granted(amount: number, now: number): void {
    this.#open += amount;
    this.#nextAt = Math.max(this.#nextAt, now - LATE_MS) + amount * this.#spaceMs;
  }

  /** It ended at `at`, which is not after now. */
  ended(amount: number, at: number, now: number): void {
    this.#forget(now);
    this.#open = Math.max(0, this.#open - amount);
    const slot = Math.min(this.#slot, this.#slotOf(at));
    if (slot < this.#slot - SLOTS) return;
    this.#add(slot, amount);
  }

  /** It was not begun: as if it had never been granted. */
  returned(amount: number): void {
    this.#open = Math.max(0, this.#open - amount);
    this.#nextAt -= amount * this.#spaceMs;
  }

  /** Nothing of it need be remembered. */
  isQuiet(now: number): boolean {
    this.#forget(now);
    return this.#open === 0 && this.#over < 1e-6 && this.#nextAt <= now;
  }

  #slotOf(at: number): number {
    return Math.floor((at - this.#phase) / this.#slotMs);
  }

  #at(slot: number): number {
    return ((slot % (SLOTS + 1)) + SLOTS + 1) % (SLOTS + 1);
  }

  #add(slot: number, amount: number): void {
    this.#slots[this.#at(slot)]! += amount;
    this.#over += amount;
  }

  #forget(now: number): void {
    const slot = this.#slotOf(now);
    if (slot <= this.#slot) return;
    for (let passed = Math.min(slot - this.#slot, SLOTS + 1); passed > 0; passed--) {
      const at = this.#at(slot - passed + 1);
      this.#over -= this.#slots[at]!;
      this.#slots[at] = 0;
    }
    this.#slot = slot;
    if (this.#over < 1e-9) this.#over = 0;
  }
}

// Address families that do not work: of a host from one of our sources, or of a source altogether. Once all that was tried
// of one ran into a time-out or found no way, and another family served, it is tried last for a while: else every
// connection would wait for the time-out first. Memory of this process alone, and bounded; nothing is ever left out for it.
import type { Clock } from '../base/clock.ts';
import type { Source } from '../flow/attempt.ts';

export type Family = 4 | 6;

export interface FamilyTimes {
  /** How long it is tried last at first; doubled each time it is found broken again. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** Once that has passed one connection looks; the others stay away for so long. */
  readonly lookMs: number;
}

interface Broken {
  /** Monotonic. */
  readonly since: number;
  readonly forMs: number;
  until: number;
}

/** Beyond it the one that was noted first is forgotten: some connection waits once more. */
const BROKEN_MAX = 10_000;
/** In place of a host's name: the source has no way into the family at all. */
const ANY_HOST = '*';

export class BrokenFamilies {
  readonly #clock: Clock;
  readonly #times: FamilyTimes;
  readonly #broken = new Map<string, Broken>();

  constructor(clock: Clock, times: FamilyTimes) {
    this.#clock = clock;
    this.#times = times;
  }

  get size(): number {
    return this.#broken.size;
  }

  /** False once its time has passed, for the first who asks: that one looks. */
  isBroken(source: Source, host: string, family: Family): boolean {
    if (this.#broken.size === 0) return false;
    return this.#isBroken(keyOf(source, ANY_HOST, family)) || this.#isBroken(keyOf(source, host, family));
  }

  /**
   * `begunAt`: monotonic instant at which the connection began to look. Those that began together find it out together,
   * which is once. Gives how long it is tried last from now on; undefined: that was known.
   */
  broke(source: Source, host: string | undefined, family: Family, begunAt: number): number | undefined {
    const key = keyOf(source, host ?? ANY_HOST, family);
    const known = this.#broken.get(key);
    if (known !== undefined && known.since >= begunAt) return undefined;
    const now = this.#clock.monotonic();
    const { firstMs, mostMs } = this.#times;
    // What was whole, or not needed, for long is a new trouble.
    const isAgain = known !== undefined && now < known.until + mostMs;
    const forMs = isAgain ? Math.min(2 * known.forMs, mostMs) : firstMs;
    this.#broken.delete(key);
    this.#broken.set(key, { since: now, forMs, until: now + forMs });
    for (const oldest of this.#broken.keys()) {
      if (this.#broken.size <= BROKEN_MAX) break;
      this.#broken.delete(oldest);
    }
    return forMs;
  }

  /** A connection stands. */
  works(source: Source, host: string, family: Family): void {
    if (this.#broken.size === 0) return;
    this.#broken.delete(keyOf(source, ANY_HOST, family));
    this.#broken.delete(keyOf(source, host, family));
  }

  #isBroken(key: string): boolean {
    const known = this.#broken.get(key);
    if (known === undefined) return false;
    const now = this.#clock.monotonic();
    if (now < known.until) return true;
    known.until = now + this.#times.lookMs;
    return false;
  }
}

function keyOf({ name, address = '' }: Source, host: string, family: Family): string {
  return `${name} ${address} ${host} ${family}`;
}

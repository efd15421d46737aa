// Syncs in flight: how old the oldest is, and the end of the process when one fails. A slow sync is not a failure.
import type { Clock } from '../base/clock.ts';
import { type Die, codeOf } from './disk.ts';

/** What a dead writer answers: nothing, ever. Silence means unknown, and the client tries again. */
export const NEVER: Promise<never> = new Promise(() => {});

export class SyncWatch {
  readonly #clock: Clock;
  readonly #die: Die;
  readonly #inFlight = new Set<{ readonly since: number }>();
  #dead = false;

  constructor(clock: Clock, die: Die) {
    this.#clock = clock;
    this.#die = die;
  }

  get dead(): boolean {
    return this.#dead;
  }

  /** ms since the oldest sync now in flight was issued; 0 when none is. */
  ageMs(): number {
    for (const { since } of this.#inFlight) return this.#clock.monotonic() - since;
    return 0;
  }

  /** Runs one sync; resolves with its ms. When it fails the process ends and this never settles. */
  async run(what: string, sync: () => Promise<void>): Promise<number> {
    if (this.#dead) return NEVER;
    const mark = { since: this.#clock.monotonic() };
    this.#inFlight.add(mark);
    try {
      await sync();
    } catch (error) {
      return this.fail(`sync of ${what}: ${codeOf(error)}`);
    } finally {
      this.#inFlight.delete(mark);
    }
    return this.#dead ? NEVER : this.#clock.monotonic() - mark.since;
  }

  /** What was written can no longer be trusted. */
  fail(reason: string): Promise<never> {
    if (!this.#dead) {
      this.#dead = true;
      this.#die(reason);
    }
    return NEVER;
  }
}

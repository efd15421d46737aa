// Ends what is past its lifetime, held or not, in the order of expiry. Lifetimes go by the wall clock; after a start, or
// a step of that clock, what ended unseen is first tried once more.
import type { Clock } from '../base/clock.ts';
import type { Message } from '../flow/message.ts';
import type { Spool } from '../flow/spool.ts';
import { expiresAt, isOver, type Reprieve } from '../policy/lifetime.ts';
import type { DueTime } from './due-time.ts';
import type { InFlight } from './in-flight.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Unattempted } from './unattempted.ts';
import type { Wakeable, Wakes } from './wakes.ts';

export interface ExpiryDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly spool: Spool;
  readonly settings: Settings;
  readonly inFlight: InFlight;
  readonly recorder: Recorder;
  readonly unattempted: Unattempted;
}

/** Messages looked at in one turn. */
const STEP_MAX = 200;
/** Messages that a start makes due for their last attempt; of more, those that are due anyway get one. */
const REPRIEVED_MAX = 10_000;
/** While what is in flight keeps an expired message waiting, it is looked at again after so long. */
const AGAIN_MS = 1000;

export class Expiry implements Wakeable {
  readonly #deps: ExpiryDeps;
  #reprieve: Reprieve | undefined;
  #isDue = false;
  wakeAt: number | undefined;

  constructor(deps: ExpiryDeps) {
    this.#deps = deps;
  }

  get reprieve(): Reprieve | undefined {
    if (this.#reprieve !== undefined && this.#reprieve.until <= this.#deps.clock.now()) this.#reprieve = undefined;
    return this.#reprieve;
  }

  /** At a start, or the moment a step of the wall clock is noticed: what is past its lifetime now is spared. */
  spare(): void {
    const stepAt = this.#deps.clock.now();
    this.#reprieve = { stepAt, until: stepAt + this.#deps.settings.limits.lastAttemptMs };
  }

  /** What is spared is made due, once. */
  callUp(): void {
    const { clock, spool, unattempted } = this.#deps;
    for (const id of spool.expired(this.#reprieve?.stepAt ?? clock.now(), REPRIEVED_MAX)) {
      const queued = spool.message(id);
      if (queued !== undefined) unattempted.makeDue(queued, 'last attempt');
    }
    this.plan();
  }

  accepted(message: Message): void {
    const at = expiresAt(message);
    if (this.wakeAt === undefined || at < this.wakeAt) this.#deps.wakes.set(this, this.#deps.time.ofWall(at));
  }

  wake(): void {
    this.#isDue = true;
    this.#deps.recorder.request();
  }

  /** One turn's share. */
  step(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    const { clock, spool, inFlight, unattempted, recorder } = this.#deps;
    const now = clock.now();
    const reprieve = this.reprieve;
    // What is spared, or in flight, stands first in the order and must not hide the others.
    const limit = STEP_MAX + inFlight.messages;
    const ids = spool.expired(now, limit);
    for (const id of ids) {
      const queued = spool.message(id);
      if (queued !== undefined && isOver(queued.expiresAt, now, reprieve)) unattempted.expire(queued);
    }
    if (ids.length === limit && reprieve === undefined) {
      this.#isDue = true;
      recorder.request();
    } else this.plan();
  }

  /** Sets the next wake-up. */
  plan(): void {
    const { spool, wakes, time, clock } = this.#deps;
    const next = spool.nextExpiry();
    if (next === undefined) return;
    const now = clock.now();
    // Past already: spared until then, or in flight.
    const at = next > now ? next : (this.reprieve?.until ?? now + AGAIN_MS);
    wakes.set(this, time.ofWall(at));
  }
}

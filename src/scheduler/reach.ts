// A source's reach of one site: its connections there, and whether it may open more. After one that could not be made it
// sleeps, then probes with one transaction on one connection. It is of the site and not of the lane: one dead set of
// hosts must not stop a provider.
import type { AttemptError } from '../flow/attempt.ts';
import type { Phase, Reply } from '../flow/reply.ts';
import type { Session } from './lane.ts';
import type { Meter } from './meter.ts';
import type { Wakeable } from './wakes.ts';

/** Why no connection could be made. */
export interface ReachFailure {
  readonly phase: Phase;
  readonly reply?: Reply;
  readonly error?: AttemptError;
}

export class Reach implements Wakeable {
  readonly sessions = new Set<Session>();
  /** Connections that could not be made, in a row. */
  failures = 0;
  lastFailure: ReachFailure | undefined;
  /** In due time: no connection is opened before. */
  openAfter = 0;
  /** In due time: when it last fell asleep. */
  sleptAt = 0;
  /** First delay of the retry plan by which it sleeps. */
  patienceMs = 0;
  /** Failed, and nothing has worked since. */
  isProbing = false;
  /** Sessions that ended without having begun what they were granted, in a row. */
  fruitless = 0;
  /** Remote addresses of it that had no room when they were asked for (addresses.ts). */
  refusedBy: readonly Meter[] = [];
  wakeAt: number | undefined;
  readonly #onWake: () => void;

  constructor(onWake: () => void) {
    this.#onWake = onWake;
  }

  wake(): void {
    this.#onWake();
  }

  /** It may open connections, or has some that serve. */
  isAwake(now: number): boolean {
    if (now >= this.openAfter) return true;
    for (const session of this.sessions) if (!session.isClosing) return true;
    return false;
  }

  isForgettable(now: number): boolean {
    return this.sessions.size === 0 && this.openAfter <= now;
  }
}

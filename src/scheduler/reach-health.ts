// Whether a site can be reached from a source: after a connection that could not be made the reach sleeps, then probes
// with one transaction on one connection, and is whole again once something was answered.
import type { Random } from '../base/random.ts';
import type { DeliveryResult, Report, SessionClosed } from '../flow/attempt.ts';
import { backOffMs } from '../policy/retry-plan.ts';
import type { DueTime } from './due-time.ts';
import type { OpenAttempt } from './in-flight.ts';
import type { Session } from './lane.ts';
import type { Settings } from './settings.ts';
import type { Wakes } from './wakes.ts';

export interface ReachHealthDeps {
  readonly random: Random;
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly settings: Settings;
}

export class ReachHealth {
  readonly #deps: ReachHealthDeps;

  constructor(deps: ReachHealthDeps) {
    this.#deps = deps;
  }

  /** A reply to MAIL or later: the site works. */
  lives({ lane, reach }: Session, report: Report): void {
    reach.fruitless = 0;
    if (reach.failures === 0 && !reach.isProbing) return;
    const works = report.results.some((result) => result.reply !== undefined && !isBeforeMail(result));
    if (!works || this.#deps.time.now() < reach.openAfter) return;
    reach.failures = 0;
    reach.lastFailure = undefined;
    reach.isProbing = false;
    for (const other of reach.sessions) lane.place(other);
  }

  /** No connection could be made: none is opened for a while, then one. */
  failed({ reach }: Session, failure: NonNullable<SessionClosed['failure']>, atHand: OpenAttempt | undefined): void {
    const { time, random, settings, wakes } = this.#deps;
    const now = time.now();
    reach.lastFailure = failure;
    reach.isProbing = true;
    reach.fruitless = 0;
    // Ten connections that fail together are one failure.
    if (now < reach.openAfter) return;
    reach.failures++;
    const plan = settings.stream(atHand?.queued.message.stream ?? '').retryDelaysMs;
    reach.openAfter = now + Math.max(1, backOffMs(plan, reach.failures, random));
    wakes.set(reach, reach.openAfter);
  }
}

function isBeforeMail(result: DeliveryResult): boolean {
  return ['dns', 'connect', 'greeting', 'ehlo', 'starttls', 'auth'].includes(result.decidedAt);
}

// Whether a site can be reached from a source: after a connection that could not be made the reach sleeps, then probes
// with one transaction on one connection, and is whole again once something was answered. It sleeps as the most impatient
// of the streams that wait for the site asks; one that comes later wakes it sooner.
import type { Random } from '../base/random.ts';
import type { DeliveryResult, Report, SessionClosed } from '../flow/attempt.ts';
import { backOffMs } from '../policy/retry-plan.ts';
import type { Destination } from './destination.ts';
import type { DueTime } from './due-time.ts';
import type { OpenAttempt } from './in-flight.ts';
import type { Session } from './lane.ts';
import type { Queue } from './queue.ts';
import type { Reach } from './reach.ts';
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
  failed(session: Session, failure: NonNullable<SessionClosed['failure']>, atHand: OpenAttempt | undefined): void {
    const { reach, lane, relayKey } = session;
    const { time, settings } = this.#deps;
    const now = time.now();
    reach.lastFailure = failure;
    reach.isProbing = true;
    reach.fruitless = 0;
    // Ten connections that fail together are one failure.
    if (now < reach.openAfter) return;
    reach.failures++;
    reach.sleptAt = now;
    reach.openAfter = Infinity;
    const streams = [...lane.destination.streamsOf(relayKey)];
    if (atHand !== undefined) streams.push(atHand.queued.message.stream);
    this.#sleep(reach, settings.soonestPlan(streams));
  }

  /** Mail of this queue is due: no reach of its site sleeps longer than its stream's plan says. */
  due({ name, binding }: Queue, destination: Destination): void {
    const { settings, time } = this.#deps;
    const plan = settings.stream(name.stream).retryDelaysMs;
    const patienceMs = plan[0] ?? 0;
    if (patienceMs >= settings.patienceMsMax) return;
    const now = time.now();
    for (const lane of destination.lanes.values()) {
      const reach = lane.findReach(binding.domain.site);
      if (reach !== undefined && reach.openAfter > now && reach.patienceMs > patienceMs) this.#sleep(reach, plan);
    }
  }

  #sleep(reach: Reach, plan: readonly number[]): void {
    const { random, wakes } = this.#deps;
    reach.patienceMs = plan[0] ?? 0;
    const sleepMs = Math.max(1, backOffMs(plan, reach.failures, random));
    reach.openAfter = Math.min(reach.openAfter, reach.sleptAt + sleepMs);
    wakes.set(reach, reach.openAfter);
  }
}

function isBeforeMail(result: DeliveryResult): boolean {
  return ['dns', 'connect', 'greeting', 'ehlo', 'starttls', 'auth'].includes(result.decidedAt);
}

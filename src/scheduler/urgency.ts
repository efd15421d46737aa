// Room for mail that is more urgent than what connections hold: it waits for transactions that have begun, and for
// nothing else. What is granted and not begun behind them is recalled; where only connections for other sites are open,
// one that does nothing as urgent ends.
import type { DueTime } from './due-time.ts';
import type { Egresses } from './egresses.ts';
import type { OpenAttempt } from './in-flight.ts';
import type { Lane, Session } from './lane.ts';
import type { Queue } from './queue.ts';
import type { Settings } from './settings.ts';

export interface UrgencyDeps {
  readonly time: DueTime;
  readonly settings: Settings;
  readonly egresses: Egresses;
}

/** Between two reports of a session: what is urgent, and yet may not go for another reason, must not make it spin. */
const RECALLS_MAX = 3;

export class Urgency {
  readonly #deps: UrgencyDeps;

  constructor(deps: UrgencyDeps) {
    this.#deps = deps;
  }

  /** Recalls what stands before the queue's mail on connections that could serve it. True: something is on its way back. */
  recall(lane: Lane, queue: Queue): boolean {
    const { settings, egresses, time } = this.#deps;
    const priority = settings.priorityOf(queue.name);
    const { relayKey } = queue.binding.domain;
    const isLess = (attempt: OpenAttempt): boolean => settings.priorityOf(attempt.queue.name) < priority;
    // As many as are due, as far as is known without reading: one for each.
    let wanted = Math.max(1, queue.dueInHead(time.now(), lane.sessions.size));
    let isAsked = false;
    for (const session of Array.from(lane.sessions)) {
      if (wanted === 0) break;
      if (session.relayKey !== relayKey || session.isClosing) continue;
      if (session.recall === 'asked') isAsked = true;
      else if (session.recall === 'firm' || session.recalls >= RECALLS_MAX || !notBegun(session).some(isLess)) continue;
      else {
        session.recalls++;
        isAsked = true;
        egresses.recall(session);
      }
      wanted--;
    }
    return isAsked;
  }

  /** Does nothing that is as urgent as the queue's mail. */
  yields(session: Session, queue: Queue): boolean {
    const { settings } = this.#deps;
    const priority = settings.priorityOf(queue.name);
    return session.outstanding.every((attempt) => settings.priorityOf(attempt.queue.name) < priority);
  }

  /** Of these: of those that yield the one that has done most; none while one of them is ending. */
  findYielding(queue: Queue, isOne: (session: Session) => boolean): Session | undefined {
    const { settings } = this.#deps;
    // Nothing is less urgent: no need to look at every connection of the host.
    if (settings.priorityOf(queue.name) <= settings.lowestPriority) return undefined;
    let best: Session | undefined;
    for (const session of this.#deps.egresses.all) {
      if (!isOne(session)) continue;
      if (session.isClosing) return undefined;
      if (best !== undefined && session.granted <= best.granted) continue;
      if (this.yields(session, queue)) best = session;
    }
    return best;
  }
}

/** The first has begun, unless nothing was ever heard of its connection. */
function notBegun({ outstanding, hasBegun }: Session): readonly OpenAttempt[] {
  return hasBegun ? outstanding.slice(1) : outstanding;
}

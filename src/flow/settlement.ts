// How a report becomes outcomes: the port between the scheduler, which knows the plan, and src/outcome/, which knows
// what replies mean.
import type { Action, RetryPlan } from './action.ts';
import type { DeliveryResult, Report } from './attempt.ts';
import type { OutcomeEvent } from './event.ts';
import type { QueuedMessage } from './spool.ts';

/** What the scheduler knows of the deliveries that a report is about. */
export interface Terms {
  /** ms since 1970, for the event. */
  readonly at: number;
  readonly lane: string | undefined;
  /** 0: nothing was tried now (what waits is judged by its last reply). */
  readonly attempted: 0 | 1;
  /** False: a delivery whose reply was lost after the final dot ends as unknown. */
  readonly mayDuplicate: boolean;
  /** The message is past its lifetime: what would be deferred is expired. */
  readonly isOver: boolean;
  /** The message was cancelled while it was on its way: what would be deferred is cancelled. */
  readonly isCancelled: boolean;
  /** May this delivery, whose connection broke before the final dot, be tried again at once? */
  mayGoAgain(index: number): boolean;
  /**
   * now: the attempt used something that the reply's actions leave out from now on. later: it did without something that is used
   * again. Neither says anything of the mail.
   */
  otherwise?(meaning: Meaning, report: Report): 'now' | 'later' | undefined;
  /** Of the site that answered, when it is one we know. */
  readonly provider?: string | undefined;
  /** ms since 1970 of the attempt after this one. */
  nextAttemptAt(attempts: number, plan: RetryPlan): number;
}

/** What a reply was taken for. */
export interface Meaning {
  readonly category: string;
  readonly actions?: readonly Action[] | undefined;
}

/** What the rules say of one result that was no success, whatever became of its delivery. */
export interface Judged {
  readonly result: DeliveryResult;
  readonly category: string;
  readonly rule: string;
  readonly actions: readonly Action[];
}

export interface Settlement {
  /** One for each delivery but those in `again`. */
  readonly outcomes: readonly OutcomeEvent[];
  /** Broke before the final dot: back in the queue as if never tried. */
  readonly again: readonly number[];
  /** In the order of the report, those in `again` too; nothing of what succeeded. */
  readonly judged: readonly Judged[];
}

/** Pure. `report` names deliveries that wait in `queued`; others are left out. Without an attempt its `attempt` is ''. */
export type Settle = (report: Report, queued: QueuedMessage, terms: Terms) => Settlement;

// What the scheduler needs of the feedback stage, and all it knows of it: which outcomes owe the reverse-path a report.
// The stage makes the reports by itself later, and hands them in like any accepted message.
import type { Report } from './attempt.ts';
import type { OutcomeEvent } from './event.ts';
import type { MessageId } from './message.ts';
import type { QueuedMessage } from './spool.ts';

export interface Feedback {
  /**
   * The outcomes as they are to be written: `dsn` is added to those that owe a report. Called before each is written, for
   * deliveries as they stand in `queued`. `report`: only when a server was really talked to. Gives back the same array
   * when nothing is owed.
   */
  owe(queued: QueuedMessage, outcomes: readonly OutcomeEvent[], report?: Report): readonly OutcomeEvent[];
  /** Reports owed and not made yet. */
  readonly owed: number;
}

/** Stream of what the relay itself says. */
export const SYSTEM_STREAM = 'system';

/** State key of an outcome whose report is owed. */
export function dsnKey(report: MessageId, index: number): string {
  return `${DSN}${report}/${index}`;
}

/** Its value: the event without what was said, which nobody reports and which would stay in memory. */
export function dsnState(event: OutcomeEvent): OutcomeEvent {
  if (event.conversation === undefined) return event;
  const { conversation, ...kept } = event;
  void conversation;
  return kept;
}

/** With what those keys begin. */
export const DSN = 'dsn/';

/** Of a relay that reports nothing. */
export const noFeedback: Feedback = { owe: (_queued, outcomes) => outcomes, owed: 0 };

// Which report an outcome owes to the reverse-path, if any. Pure: RFC 3461 sections 4.1 and 5.2, and the stream's word
// where the client said nothing.
import { unreachable } from '../base/errors.ts';
import type { DsnKind, OutcomeEvent } from '../flow/event.ts';
import type { Message } from '../flow/message.ts';
import type { StreamReports } from './options.ts';

export interface Facts {
  /** What the stream says. */
  readonly stream: StreamReports;
  readonly delayAfterMs: number;
  /** ms since 1970: when the delivery was due for the attempt that this is the outcome of. */
  readonly dueAt: number;
  /** The next server took it, and was told nothing of what the client wants to hear. */
  readonly isLastToTell: boolean;
}

/** May anybody be told anything of this message? Never of a report, never without a reverse-path (RFC 3461 section 6.2). */
export function isAnswerable(message: Message): boolean {
  return message.reversePath !== '' && message.origin === undefined;
}

/** Of an answerable message. */
export function reportOwed(message: Message, event: OutcomeEvent, facts: Facts): DsnKind | undefined {
  const notify = message.forwardPaths[event.index]?.notify;
  if (notify === 'never') return undefined;
  const asks = (what: 'success' | 'failure' | 'delay', byStream: boolean): boolean =>
    notify === undefined ? byStream : notify.includes(what);
  switch (event.outcome) {
    case 'delivered':
      return facts.isLastToTell && asks('success', false) ? 'relayed' : undefined;
    case 'failed':
    case 'expired':
    case 'suppressed':
      return asks('failure', facts.stream !== 'never') ? 'failed' : undefined;
    case 'deferred':
      return asks('delay', facts.stream === 'failure-and-delay') && becomesDelayed(message, event, facts)
        ? 'delayed'
        : undefined;
    // An operator's own doing; and what may have arrived is no failure.
    case 'cancelled':
    case 'unknown':
      return undefined;
    default:
      return unreachable(event.outcome);
  }
}

/**
 * The one deferral that carries the next attempt past the age at which the sender is told. Each deferral begins where the
 * one before it ended, so there is no other: nothing needs to be remembered.
 */
function becomesDelayed(message: Message, event: OutcomeEvent, { delayAfterMs, dueAt }: Facts): boolean {
  const tellAt = Math.max(message.acceptedAt, message.notBefore ?? 0) + delayAfterMs;
  return dueAt < tellAt && (event.nextAttemptAt ?? event.at) >= tellAt;
}

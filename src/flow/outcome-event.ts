// The one place that builds outcome events: what every one of them says about its delivery, and what only some say.
import type { AttemptError, Report } from './attempt.ts';
import type { OutcomeEvent } from './event.ts';
import type { OutcomeKind, Scope } from './outcome.ts';
import type { Phase, Reply } from './reply.ts';
import type { QueuedMessage } from './spool.ts';

/** What became of a delivery. */
export interface Fate {
  readonly outcome: OutcomeKind;
  readonly category: string;
  readonly scope: Scope;
  readonly rule: string;
  readonly class?: string | undefined;
  readonly actions?: readonly string[] | undefined;
  readonly provider?: string | undefined;
  readonly attempts: number;
  readonly nextAttemptAt?: number | undefined;
  readonly decidedAt?: Phase | undefined;
  readonly reply?: Reply | undefined;
  readonly error?: AttemptError | undefined;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** `report` and `lane`: only when something was tried; a report whose `attempt` is '' has no instants to tell. */
export function outcomeEvent(
  queued: QueuedMessage,
  index: number,
  at: number,
  fate: Fate,
  report?: Report,
  lane?: string,
): OutcomeEvent {
  const { message } = queued;
  const path = message.forwardPaths[index];
  if (path === undefined) throw new RangeError(`message ${message.id} has no forward-path ${index}`);
  const event: Writable<OutcomeEvent> = {
    type: 'outcome',
    at,
    messageId: message.id,
    index,
    outcome: fate.outcome,
    category: fate.category,
    scope: fate.scope,
    rule: fate.rule,
    forwardPath: path.mailbox,
    domain: path.domain,
    reversePath: message.reversePath,
    tenant: message.tenant,
    user: message.user,
    stream: message.stream,
    acceptedAt: message.acceptedAt,
    size: message.size,
    attempts: fate.attempts,
  };
  if (fate.class !== undefined) event.class = fate.class;
  if (fate.actions !== undefined && fate.actions.length > 0) event.actions = fate.actions;
  if (fate.provider !== undefined) event.provider = fate.provider;
  if (message.campaign !== undefined) event.campaign = message.campaign;
  if (fate.nextAttemptAt !== undefined) event.nextAttemptAt = fate.nextAttemptAt;
  if (fate.decidedAt !== undefined) event.decidedAt = fate.decidedAt;
  if (fate.reply !== undefined) event.reply = fate.reply;
  if (fate.error !== undefined) event.error = fate.error;
  if (lane !== undefined) event.lane = lane;
  if (report !== undefined) {
    if (report.mayHaveBeenDelivered) event.mayHaveBeenDelivered = true;
    if (report.attempt !== '') event.instants = report.instants;
    if (report.source !== '') event.source = report.source;
    if (report.remote !== undefined) event.remote = report.remote;
    if (report.tls !== undefined) event.tls = report.tls;
  }
  return event;
}

// Reports that egress could not make: of a connection that could not be opened, of a process that died.
import type { Report, SessionClosed } from '../flow/attempt.ts';
import type { OpenAttempt } from './in-flight.ts';

export function failureReport(
  attempt: OpenAttempt,
  failure: NonNullable<SessionClosed['failure']>,
  now: number,
): Report {
  const { phase, reply, error, remote, conversation } = failure;
  const facts = { ...(reply === undefined ? {} : { reply }), ...(error === undefined ? {} : { error }) };
  return {
    attempt: attempt.id,
    session: attempt.session.id,
    messageId: attempt.queued.message.id,
    results: attempt.indexes.map((index) => ({ index, decidedAt: phase, ...facts })),
    mayHaveBeenDelivered: false,
    instants: { granted: attempt.grantedAt, done: now },
    source: attempt.session.lane.source.name,
    ...(remote === undefined ? {} : { remote }),
    ...(conversation === undefined ? {} : { conversation }),
  };
}

export function lostReport(attempt: OpenAttempt, now: number): Report {
  const error = { kind: 'lost', text: 'the egress process ended' } as const;
  return {
    attempt: attempt.id,
    session: attempt.session.id,
    messageId: attempt.queued.message.id,
    results: attempt.indexes.map((index) => ({ index, decidedAt: 'dot', error })),
    mayHaveBeenDelivered: true,
    instants: { granted: attempt.grantedAt, done: now },
    source: attempt.session.lane.source.name,
  };
}

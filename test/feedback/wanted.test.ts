// RFC 3461 section 4.1 as a table: what is reported, by NOTIFY, outcome and the stream's word.
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { isAnswerable, reportOwed } from '../../src/feedback/wanted.ts';
import type { StreamReports } from '../../src/feedback/options.ts';
import type { DsnKind } from '../../src/flow/event.ts';
import type { Notify } from '../../src/flow/message.ts';
import type { OutcomeKind } from '../../src/flow/outcome.ts';
import { HOUR, mail, outcome, T0 } from '../spool/mail.ts';

interface Case {
  readonly notify: Notify | undefined;
  readonly stream: StreamReports;
  readonly outcome: OutcomeKind;
  readonly want: DsnKind | undefined;
  readonly isPassedOn?: boolean;
}

const all: readonly StreamReports[] = ['never', 'failure', 'failure-and-delay'];
const every = (notify: Notify, kind: OutcomeKind, want: DsnKind | undefined): Case[] =>
  all.map((stream) => ({ notify, stream, outcome: kind, want }));
const kinds: readonly OutcomeKind[] = [
  'delivered',
  'deferred',
  'failed',
  'expired',
  'suppressed',
  'cancelled',
  'unknown',
];

const CASES: readonly Case[] = [
  ...kinds.flatMap((kind) => every('never', kind, undefined)),
  ...kinds.map((kind): Case => ({ notify: undefined, stream: 'never', outcome: kind, want: undefined })),
  ...(['failed', 'expired', 'suppressed'] as const).flatMap((kind) => [
    ...every(['failure'], kind, 'failed'),
    ...every(['success', 'delay'], kind, undefined),
    { notify: undefined, stream: 'failure' as const, outcome: kind, want: 'failed' as const },
    { notify: undefined, stream: 'failure-and-delay' as const, outcome: kind, want: 'failed' as const },
  ]),
  ...every(['success'], 'delivered', 'relayed'),
  ...every(['failure', 'delay'], 'delivered', undefined),
  ...all.map((stream): Case => ({ notify: undefined, stream, outcome: 'delivered', want: undefined })),
  { notify: ['success'], stream: 'failure', outcome: 'delivered', want: undefined, isPassedOn: true },
  ...every(['delay'], 'deferred', 'delayed'),
  ...every(['success', 'failure'], 'deferred', undefined),
  { notify: undefined, stream: 'failure', outcome: 'deferred', want: undefined },
  { notify: undefined, stream: 'failure-and-delay', outcome: 'deferred', want: 'delayed' },
  ...every(['success', 'failure', 'delay'], 'cancelled', undefined),
  ...every(['success', 'failure', 'delay'], 'unknown', undefined),
];

test('wanted: NOTIFY comes before the stream, for every outcome', () => {
  for (const { notify, stream, outcome: kind, want, isPassedOn } of CASES) {
    const message = mail(['a@one.example'], {});
    const [path] = message.forwardPaths;
    const asked = { ...message, forwardPaths: [{ ...path!, ...(notify !== undefined && { notify }) }] };
    const event = outcome(asked, 0, kind, kind === 'deferred' ? { nextAttemptAt: T0 + 5 * HOUR } : {});
    const facts = { stream, delayAfterMs: 4 * HOUR, dueAt: T0, isLastToTell: isPassedOn !== true };
    equal(reportOwed(asked, event, facts), want, JSON.stringify({ notify, stream, kind }));
  }
});

test('wanted: of any plan of retries one deferral owes a delay report, that which passes the age', () => {
  const message = mail(['a@one.example']);
  for (const delays of [[1], [5], [0.1, 0.5, 1, 2, 4, 6], [3.999, 0.001, 0.001], [10, 10]]) {
    let dueAt = T0;
    let owed = 0;
    for (let n = 0; dueAt < T0 + 40 * HOUR; n++) {
      const nextAttemptAt = dueAt + (delays[Math.min(n, delays.length - 1)] ?? 1) * HOUR;
      const event = outcome(message, 0, 'deferred', { at: dueAt + 1000, nextAttemptAt });
      const facts = { stream: 'failure-and-delay', delayAfterMs: 4 * HOUR, dueAt, isLastToTell: true } as const;
      if (reportOwed(message, event, facts) === 'delayed') owed++;
      dueAt = nextAttemptAt;
    }
    equal(owed, 1, String(delays));
  }
});

test('wanted: mail that waits for its hour is not late before it', () => {
  const message = mail(['a@one.example'], { notBefore: T0 + 10 * HOUR });
  const event = outcome(message, 0, 'deferred', { nextAttemptAt: T0 + 11 * HOUR });
  const facts = {
    stream: 'failure-and-delay',
    delayAfterMs: 4 * HOUR,
    dueAt: T0 + 10 * HOUR,
    isLastToTell: true,
  } as const;
  equal(reportOwed(message, event, facts), undefined);
});

test('wanted: nobody is answered without a reverse-path, nor because of a report', () => {
  equal(isAnswerable(mail(['a@one.example'])), true);
  equal(isAnswerable(mail(['a@one.example'], { reversePath: '' })), false);
  equal(isAnswerable(mail(['a@one.example'], { origin: 'dsn' })), false);
});

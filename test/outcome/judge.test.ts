import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { AttemptError, DeliveryResult, Report } from '../../src/flow/attempt.ts';
import type { Phase } from '../../src/flow/reply.ts';
import { judge } from '../support/rules.ts';

const REPORT = { results: [{ index: 0 }] } as unknown as Report;

function of(phase: Phase, code: number, enhanced?: string): string {
  const reply = { code, lines: ['text'], ...(enhanced === undefined ? {} : { enhanced }) };
  const { kind, category, scope } = judge({ index: 0, decidedAt: phase, reply }, REPORT);
  return `${kind} ${category} (${scope})`;
}

const REPLIES: readonly (readonly [phase: Phase, code: number, enhanced: string | undefined, want: string])[] = [
  ['dot', 250, '2.0.0', 'delivered delivered (recipient)'],
  ['dot', 450, undefined, 'deferred remote-error (site)'],
  ['dot', 421, '4.7.28', 'deferred rate-limit (source)'],
  ['rcpt', 550, '5.1.1', 'failed recipient-unknown (recipient)'],
  ['rcpt', 550, undefined, 'failed undetermined (recipient)'],
  ['dot', 554, undefined, 'failed undetermined (message)'],
  ['dot', 550, '5.7.1', 'failed policy (message)'],
  ['dot', 552, '5.3.4', 'failed too-large (message)'],
  ['mail', 553, '5.1.8', 'failed sender-rejected (sending domain)'],
  // RFC 5321 section 4.5.3.1.10: too many recipients is temporary, and old servers say 552.
  ['rcpt', 452, '4.5.3', 'deferred too-many-recipients (message)'],
  ['rcpt', 552, undefined, 'deferred too-many-recipients (message)'],
  ['rcpt', 552, '5.2.2', 'failed recipient-full (recipient)'],
  // 503 is about the order of commands.
  ['rcpt', 503, '5.5.1', 'deferred protocol-error (source)'],
  // Before MAIL a refusal is about us or the host, never about this mail.
  ['greeting', 554, undefined, 'deferred undetermined (source)'],
  ['greeting', 521, undefined, 'deferred domain-no-mail (site)'],
  ['ehlo', 550, '5.7.1', 'deferred policy (source)'],
  ['auth', 535, '5.7.8', 'deferred auth-required (site)'],
  // Null MX (RFC 7505), told by routing in the form of a reply.
  ['dns', 556, '5.1.10', 'failed domain-no-mail (site)'],
  // A success elsewhere than at the dot promises nothing.
  ['rcpt', 250, undefined, 'deferred protocol-error (source)'],
  ['dot', 354, undefined, 'deferred protocol-error (source)'],
];

for (const [phase, code, enhanced, want] of REPLIES) {
  test(`judge: ${code} ${enhanced ?? '(no status)'} at ${phase} means ${want}`, () => {
    equal(of(phase, code, enhanced), want);
  });
}

const FAILED: readonly AttemptError['kind'][] = [
  'forbidden-address',
  'no-8bitmime',
  'no-smtputf8',
  'no-requiretls',
  'too-large',
];
const DEFERRED: readonly AttemptError['kind'][] = [
  'refused',
  'unreachable',
  'timeout',
  'closed',
  'protocol',
  'tls',
  'lost',
  'damaged',
];

test('judge: what broke without a reply is temporary; only what can never go out fails', () => {
  const kindOf = (kind: AttemptError['kind']): string =>
    judge({ index: 0, decidedAt: 'connect', error: { kind, text: '' } }, REPORT).kind;
  deepEqual(
    FAILED.map(kindOf),
    FAILED.map(() => 'failed'),
  );
  deepEqual(
    DEFERRED.map(kindOf),
    DEFERRED.map(() => 'deferred'),
  );
});

test('judge: silence of DNS is a failure of DNS, and a result that says nothing is temporary', () => {
  const result: DeliveryResult = { index: 0, decidedAt: 'dns', error: { kind: 'timeout', text: '' } };
  equal(judge(result, REPORT).category, 'dns-failure');
  equal(judge({ index: 0, decidedAt: 'dot' }, REPORT).kind, 'deferred');
});

const SEVERAL = { results: [{ index: 0 }, { index: 1 }] } as unknown as Report;
const suppresses = (result: DeliveryResult, report: Report, provider?: string): boolean =>
  (judge(result, report, provider).actions ?? []).some((action) => action.do === 'suppress');

test('judge: a mailbox is suppressed for its own reply, not for one to a transaction of several', () => {
  const reply = { code: 550, enhanced: '5.1.1', lines: ['User unknown'] };
  equal(suppresses({ index: 0, decidedAt: 'rcpt', reply }, SEVERAL), true);
  equal(suppresses({ index: 0, decidedAt: 'dot', reply }, REPORT), true);
  equal(suppresses({ index: 0, decidedAt: 'dot', reply }, SEVERAL), false);
  for (const decidedAt of ['greeting', 'ehlo', 'mail'] as const) {
    equal(suppresses({ index: 0, decidedAt, reply }, REPORT), false, decidedAt);
  }
});

test('judge: the provider tells whose words they are', () => {
  const reply = {
    code: 550,
    enhanced: '5.7.1',
    lines: ['[TSS09] All messages from 192.0.2.1 will be permanently deferred'],
  };
  const at = { index: 0, decidedAt: 'mail', reply } as const;
  equal(judge(at, REPORT, 'yahoo').kind, 'deferred');
  equal(judge(at, REPORT, 'yahoo').rule.startsWith('yahoo'), true);
});

test('judge: a greeting of several lines is read as one text, and no mail fails for it, whatever its code', () => {
  const lines = [
    'mx.example.net ESMTP',
    'Service unavailable; Client host [192.0.2.1] blocked',
    'using zen.spamhaus.org',
  ];
  const found = judge({ index: 0, decidedAt: 'greeting', reply: { code: 554, lines } }, REPORT);
  deepEqual([found.kind, found.class], ['deferred', 'block']);
  for (const code of [421, 454, 500, 521, 550, 554, 571]) {
    const verdict = judge({ index: 0, decidedAt: 'greeting', reply: { code, lines: ['no', 'thanks'] } }, REPORT);
    equal(verdict.kind, 'deferred', `${code}`);
  }
});

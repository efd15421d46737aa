import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryResult, Report } from '../../src/flow/attempt.ts';
import type { Domain, Mailbox, Message, MessageId } from '../../src/flow/message.ts';
import type { Terms } from '../../src/flow/settlement.ts';
import type { QueuedMessage } from '../../src/flow/spool.ts';
import { createSettle } from '../../src/outcome/settle.ts';
import { judge } from '../support/rules.ts';

const ID = '0'.repeat(26) as MessageId;
const settle = createSettle(judge);

function queued(): QueuedMessage {
  const paths = [0, 1].map((n) => ({ mailbox: `r${n}@x.example` as Mailbox, domain: 'x.example' as Domain }));
  const message = { id: ID, acceptedAt: 1, tenant: 't', user: 'u', stream: 's', reversePath: '', size: 9 };
  return {
    message: { ...message, forwardPaths: paths } as unknown as Message,
    location: { segment: 's', offset: 0, length: 1 },
    expiresAt: 1000,
    waiting: [0, 1].map((index) => ({ messageId: ID, index, dueAt: 1, attempts: 2 })),
  };
}

function report(results: readonly DeliveryResult[], mayHaveBeenDelivered = false): Report {
  const instants = { granted: 1, done: 2 };
  return { attempt: 'a', session: 's', messageId: ID, results, mayHaveBeenDelivered, instants, source: 'out' };
}

function terms(also: Partial<Terms> = {}): Terms {
  return {
    at: 5,
    lane: 'out/mx',
    attempted: 1,
    mayDuplicate: true,
    isOver: false,
    isCancelled: false,
    mayGoAgain: () => true,
    nextAttemptAt: (attempts) => attempts * 100,
    ...also,
  };
}

const CLOSED = { kind: 'closed', text: 'closed' } as const;
const later: DeliveryResult = { index: 0, decidedAt: 'rcpt', reply: { code: 450, lines: [] } };
const brokeEarly: DeliveryResult = { index: 0, decidedAt: 'data', error: CLOSED };
const brokeLate: DeliveryResult = { index: 0, decidedAt: 'dot', error: CLOSED };

function outcomes(result: DeliveryResult, also: Partial<Terms> = {}, late = false): readonly string[] {
  const { outcomes: events, again } = settle(report([result], late), queued(), terms(also));
  return [...events.map((event) => event.outcome), ...again.map(() => 'again')];
}

test('settle: what was said stands once, in the first outcome that is no success, else in the first', () => {
  const taken = (index: number): DeliveryResult => ({ index, decidedAt: 'dot', reply: { code: 250, lines: [] } });
  const conversation = ['0 S: 220 mx'];
  const where = (results: readonly DeliveryResult[]): readonly boolean[] =>
    settle({ ...report(results), conversation }, queued(), terms()).outcomes.map((event) => 'conversation' in event);
  deepEqual(where([taken(0), { ...later, index: 1 }]), [false, true]);
  deepEqual(where([taken(0), taken(1)]), [true, false]);
  deepEqual(where([]), []);
});

test('settle: recipients of one transaction have each their own outcome', () => {
  const taken: DeliveryResult = { index: 1, decidedAt: 'dot', reply: { code: 250, lines: [] } };
  const { outcomes: events } = settle(report([later, taken]), queued(), terms());
  deepEqual(
    events.map(({ index, outcome, attempts, nextAttemptAt, lane, source }) => [
      index,
      outcome,
      attempts,
      nextAttemptAt,
      lane,
      source,
    ]),
    [
      [0, 'deferred', 3, 300, 'out/mx', 'out'],
      [1, 'delivered', 3, undefined, 'out/mx', 'out'],
    ],
  );
});

test('settle: a connection that breaks before the dot goes again once, then is deferred', () => {
  deepEqual(outcomes(brokeEarly), ['again']);
  deepEqual(outcomes({ index: 0, decidedAt: 'rcpt', reply: { code: 421, lines: [] } }), ['again']);
  deepEqual(outcomes(brokeEarly, { mayGoAgain: () => false }), ['deferred']);
});

test('settle: a connection that breaks after the dot is perhaps delivered, and never sent twice where that is asked', () => {
  const { outcomes: events } = settle(report([brokeLate], true), queued(), terms());
  equal(events[0]?.outcome, 'deferred');
  equal(events[0]?.mayHaveBeenDelivered, true);
  deepEqual(outcomes(brokeLate, { mayDuplicate: false }, true), ['unknown']);
  // A reply says that it was not taken: there is nothing unknown about it.
  deepEqual(outcomes({ ...later, decidedAt: 'dot' }, { mayDuplicate: false }, true), ['deferred']);
});

test('settle: past its lifetime a deferral is the end, and so it is for what was cancelled on its way', () => {
  deepEqual(outcomes(later, { isOver: true }), ['expired']);
  deepEqual(outcomes(brokeEarly, { isOver: true }), ['expired']);
  deepEqual(outcomes(later, { isCancelled: true }), ['cancelled']);
  deepEqual(outcomes({ index: 0, decidedAt: 'dot', reply: { code: 250, lines: [] } }, { isOver: true }), ['delivered']);
});

test('settle: what does not wait is left out', () => {
  deepEqual(outcomes({ ...later, index: 7 }), []);
});

test('settle: recipients beyond what a remote takes in one transaction follow at once, if it took any', () => {
  const taken: DeliveryResult = { index: 1, decidedAt: 'dot', reply: { code: 250, lines: [] } };
  const tooMany: DeliveryResult = {
    index: 0,
    decidedAt: 'rcpt',
    reply: { code: 452, enhanced: '4.5.3', lines: ['too many recipients'] },
  };
  const due = (results: readonly DeliveryResult[]): number | undefined =>
    settle(report(results), queued(), terms()).outcomes.find(({ index }) => index === 0)?.nextAttemptAt;
  equal(due([tooMany, taken]), 5, 'now');
  equal(due([tooMany, { ...tooMany, index: 1 }]), 300, 'it took none: by the plan');
  equal(due([{ ...later, index: 0 }, taken]), 300, 'another reason');
});

test('settle: what the rules say of each result that was no success is told, of those that go again at once too', () => {
  const busy: DeliveryResult = {
    index: 1,
    decidedAt: 'mail',
    reply: { code: 421, enhanced: '4.7.0', lines: ['[TSS04]'] },
  };
  const taken: DeliveryResult = { index: 0, decidedAt: 'dot', reply: { code: 250, lines: [] } };
  const { judged, again } = settle(report([taken, busy]), queued(), terms({ provider: 'yahoo' }));
  deepEqual(again, [1]);
  deepEqual(
    judged.map(({ result, actions }) => [result, actions.map((action) => action.do)]),
    [[busy, ['retry', 'suspend']]],
  );
});

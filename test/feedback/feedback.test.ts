// From the outcome to the report in the queue, with the real scheduler: who is told what, when, and how often.
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import type { ForwardPath, Mailbox, Message, Notify } from '../../src/flow/message.ts';
import type { Behaviour } from '../scheduler/fake-egress.ts';
import { HOUR, MINUTE, takesAll } from '../scheduler/world.ts';
import { outcome } from '../spool/mail.ts';
import { CONTENT, FeedbackWorld, REPORTING } from './world.ts';

const UNKNOWN = { code: 550, enhanced: '5.1.1', lines: ['The email account does not exist.', 'Learn more'] };

/** Refuses every recipient below `no.example`, defers those below `wait.example`, takes all others. */
const judges: Behaviour = {
  ...takesAll,
  transact: (attempt, message) => {
    const of = (index: number): string => message.forwardPaths[index]?.domain ?? '';
    const refused = attempt.indexes.filter((index) => of(index).endsWith('no.example'));
    const deferred = attempt.indexes.filter((index) => of(index).endsWith('wait.example'));
    const taken = attempt.indexes.filter((index) => !refused.includes(index) && !deferred.includes(index));
    return {
      ms: 10,
      results: [
        ...refused.map((index) => ({ index, decidedAt: 'rcpt', reply: UNKNOWN }) as const),
        ...deferred.map(
          (index) => ({ index, decidedAt: 'rcpt', reply: { code: 452, enhanced: '4.2.2', lines: ['Full'] } }) as const,
        ),
        ...taken.map((index) => ({ index, decidedAt: 'dot', reply: { code: 250, lines: ['Ok'] } }) as const),
      ],
      taken,
    };
  },
};

function asking(message: Message, notify: Notify, also: Partial<ForwardPath> = {}): Partial<Message> {
  return { forwardPaths: message.forwardPaths.map((path) => ({ ...path, notify, ...also })) };
}

test('feedback: a failure is told once, in words and exactly, by a message of ours that is delivered like any other', async () => {
  const world = new FeedbackWorld({ behaviour: judges });
  await world.start();
  const message = world.submit(['no.example'], { envid: 'batch+2B7' });
  await world.clock.advance(5000);
  const [report] = world.kept;
  ok(report);
  equal(world.kept.length, 1);
  equal(report.message.reversePath, '');
  equal(report.message.origin, 'dsn');
  deepEqual([report.message.stream, report.message.tenant, report.message.user], ['system', 'default', 'app']);
  deepEqual(report.message.forwardPaths, [{ mailbox: 'app@example.org', domain: 'example.org', notify: 'never' }]);
  equal(report.message.size, report.content.length);
  deepEqual(world.kinds(report.message), ['delivered']);
  const [failure] = world.outcomes(message);
  equal(failure?.dsn?.id, report.message.id);
  const mail = await simpleParser(report.content);
  equal(mail.subject, 'Your message could not be delivered');
  match(mail.text ?? '', /There is no such mailbox\. Check the address for a typing error\./);
  match(mail.text ?? '', /mx\.no\.example said:\s+550 5\.1\.1 The email account does not exist\./);
  match(report.text, /^Original-Envelope-Id: batch\+7\r$/m);
  match(report.text, /^Final-Recipient: rfc822;r0@no\.example\r$/m);
  match(report.text, /^Action: failed\r\nStatus: 5\.1\.1\r\nRemote-MTA: dns; mx\.no\.example\r$/m);
  match(report.text, /^Subject: Your order\r$/m);
  doesNotMatch(report.text, /Thanks/);
  equal(world.spool.states('dsn/').length, 0);
  equal(world.stage.owed, 0);
  await world.end();
});

test('feedback: failures of one message within a minute make one report, later ones another', async () => {
  let isLate = false;
  const behaviour: Behaviour = {
    ...judges,
    transact: (attempt, message) => {
      const isWait = message.forwardPaths[attempt.indexes[0] ?? 0]?.domain === 'late.example';
      if (!isWait || isLate) {
        const results = attempt.indexes.map((index) => ({ index, decidedAt: 'rcpt', reply: UNKNOWN }) as const);
        return { ms: 10, results, taken: [] };
      }
      const reply = { code: 451, lines: ['later'] };
      return { ms: 10, results: attempt.indexes.map((index) => ({ index, decidedAt: 'rcpt', reply })), taken: [] };
    },
  };
  const world = new FeedbackWorld({ behaviour });
  await world.start();
  const message = world.submit(['a.example', 'b.example', 'late.example', 'c.example']);
  await world.clock.advance(30_000);
  equal(world.kept.length, 0, 'the moment is not over');
  equal(world.stage.owed, 1);
  const shown = await world.scheduler.operations.message(message.id);
  deepEqual(
    shown?.reports.map(({ kind, state }) => [kind, state]),
    [['failed', 'owed']],
  );
  equal((await world.scheduler.operations.queue({ domainsMax: 1 })).reportsOwed, 1);
  isLate = true;
  await world.clock.advance(10 * MINUTE);
  deepEqual(
    world.kept.map(({ text }) => text.match(/^Final-Recipient: .*$/gm)?.map((line) => line.slice(24).trim())),
    [['r0@a.example', 'r1@b.example', 'r3@c.example'], ['r2@late.example']],
  );
  const later = await world.scheduler.operations.message(message.id);
  deepEqual(
    later?.reports.map(({ kind, state, outcome }) => [kind, state, outcome]),
    [
      ['failed', 'sent', 'failed'],
      ['failed', 'sent', 'failed'],
    ],
  );
  await world.end();
});

test('feedback: a report that fails is answered by nobody, and so is mail without a reverse-path', async () => {
  const world = new FeedbackWorld({ behaviour: judges });
  await world.start();
  world.submit(['no.example'], { reversePath: 'gone@no.example' as Mailbox });
  world.submit(['no.example'], { reversePath: '' });
  await world.clock.advance(HOUR);
  equal(world.kept.length, 1);
  deepEqual(world.kinds(world.kept[0]?.message), ['failed']);
  await world.end();
});

test('feedback: NOTIFY=SUCCESS is told as relayed where the next server has no DSN, and left to it where it has', async () => {
  const passing: Behaviour = {
    ...takesAll,
    transact: (attempt, message) => ({
      ...takesAll.transact(attempt, message),
      ...(message.forwardPaths[0]?.domain === 'dsn.example' && { passedDsn: true }),
    }),
  };
  const world = new FeedbackWorld({ behaviour: passing });
  await world.start();
  for (const domain of ['old.example', 'dsn.example']) {
    const message = world.message([domain]);
    world.submit([domain], asking(message, ['success', 'failure'], { orcpt: 'rfc822;before+2B1@x.example' }));
  }
  world.submit(['unasked.example']);
  await world.clock.advance(MINUTE);
  equal(world.kept.length, 1);
  const text = world.kept[0]?.text ?? '';
  match(text, /^Action: relayed\r\nStatus: 2\.0\.0\r$/m);
  match(text, /^Original-Recipient: rfc822;before\+1@x\.example\r$/m);
  match(text, /sends no reports of its own/);
  await world.end();
});

test('feedback: a delay is told once, and only where NOTIFY or the stream asks', async () => {
  const world = new FeedbackWorld({ behaviour: judges });
  await world.start();
  const asks = world.submit(['a.wait.example'], asking(world.message(['a.wait.example']), ['delay']));
  const byStream = world.submit(['b.wait.example'], { stream: 'news' });
  world.submit(['c.wait.example']);
  world.submit(['d.wait.example'], asking(world.message(['d.wait.example']), ['failure']));
  await world.clock.advance(20 * HOUR);
  deepEqual(
    world.kept.map(({ text }) => /^X-Postilion-Message: (.*)\r$/m.exec(text)?.[1]).toSorted(),
    [asks.id, byStream.id].toSorted(),
  );
  const text = world.kept[0]?.text ?? '';
  match(text, /^Action: delayed\r\nStatus: 4\.2\.2\r$/m);
  match(text, /^Will-Retry-Until: .*\r$/m);
  match(text, /You need not do anything/);
  await world.end();
});

test('feedback: RET=FULL brings the message back when it is small, RET=HDRS its header', async () => {
  const world = new FeedbackWorld({ behaviour: judges, reporting: { returnOctetsMax: CONTENT.length } });
  await world.start();
  world.submit(['no.example'], { ret: 'full' });
  world.submit(['no.example'], { ret: 'hdrs' });
  world.accept(['no.example'], { ret: 'full', size: CONTENT.length + 1 });
  await world.clock.advance(MINUTE);
  deepEqual(
    world.kept.map(({ text }) => [
      text.includes('Thanks.'),
      /Content-Type: (?:message|text)\/rfc822\S*/.exec(text)?.[0],
    ]),
    [
      [true, 'Content-Type: message/rfc822'],
      [false, 'Content-Type: text/rfc822-headers'],
      [false, 'Content-Type: text/rfc822-headers'],
    ],
  );
  await world.end();
});

test('feedback: when the record is gone the report says everything else', async () => {
  const world = new FeedbackWorld({ behaviour: judges });
  await world.start();
  const message = world.submit(['no.example']);
  for (const offset of world.records.keys()) world.gone.add(offset);
  await world.clock.advance(MINUTE);
  const text = world.kept[0]?.text ?? '';
  match(text, new RegExp(`as ${message.id}`));
  match(text, /^Status: 5\.1\.1\r$/m);
  doesNotMatch(text, /rfc822-headers/);
  await world.end();
});

test('feedback: 500 failures to one reverse-path make 100 reports and, at the end of the hour, one digest', async () => {
  const world = new FeedbackWorld({ behaviour: judges });
  await world.start();
  for (let n = 0; n < 500; n++) world.submit([`n${n}.no.example`]);
  const other = world.submit(['other.no.example'], { reversePath: 'other@example.org' as Mailbox });
  await world.clock.advance(55 * MINUTE);
  const to = (mailbox: string) => world.kept.filter(({ message }) => message.forwardPaths[0]?.mailbox === mailbox);
  equal(to('app@example.org').length, 100);
  equal(to('other@example.org').length, 1, 'another reverse-path has its own limit');
  equal(world.stage.owed, 0, 'what is summed up is not owed one by one');
  await world.clock.advance(2 * HOUR);
  equal(to('app@example.org').length, 101);
  const digest = world.kept.at(-1);
  equal(digest?.message.reversePath, '');
  match(digest?.text ?? '', /^Subject: 400 more delivery reports in one\r$/m);
  match(digest?.text ?? '', /^ {2}400 could not be delivered\r$/m);
  match(digest?.text ?? '', /^ {2}400: There is no such mailbox\.\r$/m);
  match(digest?.text ?? '', /550 5\.1\.1 The email account does not exist\./);
  equal(world.spool.states('dsn').length, 0, 'nothing is left of it');
  const summed = world
    .outcomes()
    .find(({ dsn }) => dsn !== undefined && !world.kept.some((k) => k.message.id === dsn.id));
  const shown = await world.scheduler.operations.message(summed?.messageId ?? other.id);
  deepEqual(
    shown?.reports.map(({ state }) => state),
    ['digest'],
  );
  // A new hour, and reports again.
  world.submit(['again.no.example']);
  await world.clock.advance(MINUTE);
  equal(to('app@example.org').length, 102);
  await world.end();
});

test('feedback: a campaign of 200,000 recipients that waits for five hours makes no delay report', async () => {
  const world = new FeedbackWorld();
  await world.start();
  const recipients = Array.from({ length: 100 }, () => 'wait.example');
  let deferred = 0;
  for (let n = 0; n < 2000; n++) {
    const message = world.message(recipients, { stream: n % 2 === 0 ? 'bulk' : 'default', campaign: 'c' });
    let dueAt = message.acceptedAt;
    for (const minutes of [5, 20, 50, 110, 230, 300]) {
      const waiting = recipients.map((_, index) => ({ messageId: message.id, index, dueAt, attempts: 1 }));
      const queued = { message, location: { segment: 's', offset: 0, length: 1 }, expiresAt: dueAt + HOUR, waiting };
      const nextAttemptAt = message.acceptedAt + minutes * MINUTE;
      const outcomes = recipients.map((_, index) => outcome(message, index, 'deferred', { at: dueAt, nextAttemptAt }));
      equal(world.stage.owe(queued, outcomes), outcomes, 'nothing is added to any outcome');
      deferred += outcomes.length;
      dueAt = nextAttemptAt;
    }
  }
  equal(deferred, 1_200_000);
  equal(world.stage.owed, 0);
  await world.clock.advance(HOUR);
  equal(world.kept.length, 0);
  await world.end();
});

test('feedback: at the reserve reports stay owed, let go of what they quote, and are sent when there is room', async () => {
  const world = new FeedbackWorld({ behaviour: judges });
  await world.start();
  world.submit(['no.example']);
  world.spool.setReserve(true);
  await world.clock.advance(HOUR);
  equal(world.kept.length, 0);
  equal(world.stage.owed, 1);
  equal(world.spool.states('dsn/').length, 1);
  world.spool.setReserve(false);
  await world.clock.advance(MINUTE);
  equal(world.kept.length, 1);
  equal(world.stage.owed, 0);
  await world.end();
});

test('feedback: beyond the total rate reports wait, and none is lost', async () => {
  const world = new FeedbackWorld({ behaviour: judges, reporting: { total: { count: 60, perMs: MINUTE } } });
  await world.start();
  for (let n = 0; n < 100; n++) world.submit(['no.example'], { reversePath: `app${n}@example.org` as Mailbox });
  await world.clock.advance(20_000);
  ok(world.kept.length < 40, `${world.kept.length}`);
  await world.clock.advance(3 * MINUTE);
  equal(new Set(world.kept.map(({ message }) => message.forwardPaths[0]?.mailbox)).size, 100);
  equal(world.kept.length, 100);
  await world.end();
});

test('feedback: what may be owed at a time is bounded, and an alarm says when it is reached', async () => {
  const world = new FeedbackWorld({ behaviour: judges, reporting: { owedMax: 10 } });
  await world.start();
  world.spool.setReserve(true);
  for (let n = 0; n < 50; n++) world.submit(['no.example']);
  await world.clock.advance(MINUTE);
  equal(world.stage.owed, 10);
  deepEqual(
    world.alarms.map(({ alarm }) => alarm),
    ['reports-owed'],
  );
  await world.end();
});

test('feedback: a stream that reports nothing is silent, unless NOTIFY asks; a reload changes it at once', async () => {
  const world = new FeedbackWorld({ behaviour: judges });
  await world.start();
  world.submit(['no.example'], { stream: 'bulk' });
  const asks = world.submit(['no.example'], { stream: 'bulk', ...asking(world.message(['no.example']), ['failure']) });
  await world.clock.advance(MINUTE);
  deepEqual(
    world.kept.map(({ text }) => text.includes(asks.id)),
    [true],
  );
  world.stage.reload({ ...REPORTING, streams: { bulk: 'failure', default: 'never' } });
  world.submit(['no.example'], { stream: 'bulk' });
  world.submit(['no.example']);
  await world.clock.advance(MINUTE);
  equal(world.kept.length, 2);
  await world.end();
});

test('feedback: what is cancelled, thrown away by a route or unsure is not reported', async () => {
  const router = {
    resolve: async (domain: Message['forwardPaths'][number]['domain']) =>
      ({
        domain,
        route: { kind: 'unroutable', code: 556, enhanced: '5.1.10', text: 'takes no mail' },
        ttlMs: HOUR,
      }) as const,
  };
  const world = new FeedbackWorld({ behaviour: judges, router });
  await world.start();
  await world.scheduler.operations.pause('domain/held.example', 'test');
  const held = world.submit(['held.example']);
  await world.clock.advance(1000);
  await world.scheduler.operations.cancel(held.id, 'test');
  const unroutable = world.submit(['null-mx.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(held), ['cancelled']);
  deepEqual(world.kinds(unroutable), ['failed']);
  equal(world.kept.length, 1, 'what routing refuses is reported');
  match(world.kept[0]?.text ?? '', /takes no mail\. Check the part behind the @ .* \(takes no mail\)/);
  doesNotMatch(world.kept[0]?.text ?? '', /said:/);
  await world.end();
});

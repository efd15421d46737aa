import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { IntakeClient } from '../../src/app/intake-client.ts';
import { IntakeServer } from '../../src/app/intake-server.ts';
import type { SubmissionHello } from '../../src/app/link-records.ts';
import type { SchedulerDoor } from '../../src/app/scheduler-door.ts';
import { silentLog } from '../../src/base/log.ts';
import { IntakeAway } from '../../src/flow/intake.ts';
import type { ClaimQuestion } from '../../src/flow/intake.ts';
import type { MessageId } from '../../src/flow/message.ts';
import { acceptedRecord, FakeIntake, type Place, place, until } from './scheduler-link.ts';

function client(t: TestContext, { path, clock }: Place, process = 'submission-1', pid = 1): IntakeClient {
  const made = new IntakeClient({ path, process, pid, clock, log: silentLog, unacknowledgedMax: 50 });
  t.after(() => made.close());
  return made;
}

function serve(t: TestContext, door: SchedulerDoor, { clock }: Place, intake = new FakeIntake()) {
  const closed: string[] = [];
  const server = new IntakeServer({ intake, clock, segmentClosed: (segment) => closed.push(segment) });
  t.after(() => server.close());
  door.begin({ submission: (visitor) => server.take(visitor), egress: () => {}, control: () => {} });
  return { intake, server, closed };
}

const claim = (key: string): ClaimQuestion => ({
  ask: 'claim',
  user: 'u',
  key,
  digest: 'd',
  messageId: 'm' as MessageId,
  holder: 'submission-1/s1',
});

test('intake link: questions are answered and records acknowledged', async (t) => {
  const here = place(t);
  const { intake, closed } = serve(t, await here.open(), here);
  const submission = client(t, here);
  intake.answer = () => Promise.resolve({ answer: 'no', why: 'rate', retryMs: 7 });
  submission.segmentOpened('a');
  submission.accepted(acceptedRecord('m1', 'a', 0));
  submission.accepted(acceptedRecord('m2', 'a', 100));
  assert.equal(submission.unacknowledged, 2);
  const answer = submission.ask({ ask: 'submit', user: 'u', recipients: 2 });
  await until(here.clock, () => submission.unacknowledged === 0);
  assert.deepEqual(await answer, { answer: 'no', why: 'rate', retryMs: 7 });
  assert.deepEqual(intake.took, ['m1', 'm2']);
  submission.segmentOpened('b');
  submission.accepted(acceptedRecord('m3', 'b', 0));
  await until(here.clock, () => intake.took.length === 3);
  assert.deepEqual(closed, ['a']);
});

test('intake link: what was not acknowledged is told again to the next scheduler, after a hello that names it', async (t) => {
  const here = place(t);
  const first = await here.open();
  const submission = client(t, here);
  submission.segmentOpened('a');
  const old = serve(t, first, here);
  submission.accepted(acceptedRecord('m1', 'a', 0));
  await until(here.clock, () => submission.unacknowledged === 0);
  await first.close();
  submission.accepted(acceptedRecord('m2', 'a', 100, 'k'));
  submission.segmentOpened('b');
  submission.accepted(acceptedRecord('m3', 'b', 0));
  const second = await here.open();
  await until(here.clock, () => second.hellos().length === 1, 10);
  const [hello] = second.hellos() as SubmissionHello[];
  assert.deepEqual(hello?.open, [
    { segment: 'a', durable: 100 },
    { segment: 'b', durable: 0 },
  ]);
  const { intake } = serve(t, second, here);
  await until(here.clock, () => submission.unacknowledged === 0);
  assert.deepEqual([old.intake.took, intake.took], [['m1'], ['m2', 'm3']]);
});

test('intake link: a question asked while the scheduler restarts is answered by the next one', async (t) => {
  const here = place(t);
  const first = await here.open();
  const submission = client(t, here);
  const old = serve(t, first, here);
  old.intake.answer = () => new Promise(() => {});
  let answer: unknown;
  void submission.ask({ ask: 'submit', user: 'u', recipients: 1 }).then((given) => {
    answer = given;
  });
  await until(here.clock, () => old.intake.asked.length === 1);
  await first.close();
  serve(t, await here.open(), here);
  await until(here.clock, () => answer !== undefined, 10);
  assert.deepEqual(answer, { answer: 'yes' });
});

test('intake link: after 5 s without an answer a question rejects and the gate says scheduler, until it is back', async (t) => {
  const here = place(t);
  const submission = client(t, here);
  let away: unknown;
  submission.ask({ ask: 'submit', user: 'u', recipients: 1 }).catch((error: unknown) => {
    away = error;
  });
  await here.clock.advance(4_900);
  assert.deepEqual([away, submission.gate.refusal()], [undefined, undefined]);
  await here.clock.advance(700);
  assert.ok(away instanceof IntakeAway);
  assert.equal(submission.gate.refusal(), 'scheduler');
  serve(t, await here.open(), here);
  await until(here.clock, () => submission.gate.refusal() === undefined, 50);
});

test('intake link: a connected scheduler that acknowledges nothing for 5 s is away too', async (t) => {
  const here = place(t);
  const door = await here.open();
  const submission = client(t, here);
  submission.accepted(acceptedRecord('m1', 'a', 0));
  await until(here.clock, () => door.hellos().length === 1, 10);
  await here.clock.advance(4_000);
  assert.equal(submission.gate.refusal(), undefined);
  await here.clock.advance(2_000);
  assert.equal(submission.gate.refusal(), 'scheduler');
});

test('intake link: a change of the gate is told', async (t) => {
  const here = place(t);
  const { intake } = serve(t, await here.open(), here);
  const submission = client(t, here);
  await until(here.clock, () => submission.gate.refusal() === undefined);
  intake.refusal = 'disk';
  await until(here.clock, () => submission.gate.refusal() === 'disk', 50);
  intake.refusal = undefined;
  await until(here.clock, () => submission.gate.refusal() === undefined, 50);
});

test('intake link: at the bound of unacknowledged records the gate refuses', async (t) => {
  const here = place(t);
  const submission = client(t, here);
  for (let number = 0; number < 50; number++) submission.accepted(acceptedRecord(`m${number}`, 'a', number * 100));
  assert.equal(submission.gate.refusal(), 'scheduler');
});

test('intake link: a new scheduler hears of the claims that are held, and only of those', async (t) => {
  const here = place(t);
  const first = await here.open();
  const submission = client(t, here);
  const old = serve(t, first, here);
  submission.segmentOpened('a');
  await Promise.all([submission.ask(claim('held')), submission.ask(claim('released')), submission.ask(claim('kept'))]);
  await submission.ask({ ask: 'release', user: 'u', key: 'released', holder: 'submission-1/s1' });
  submission.accepted(acceptedRecord('m', 'a', 0, 'kept'));
  await until(here.clock, () => submission.unacknowledged === 0);
  assert.deepEqual(
    old.server.ended('submission-1', 1).claims.map(({ key }) => key),
    ['held'],
  );
  await first.close();
  const { intake } = serve(t, await here.open(), here);
  await until(here.clock, () => intake.asked.length > 0, 10);
  assert.deepEqual(intake.asked, [claim('held')]);
});

test('intake link: a claim released while the channel is broken is released when the process is back', async (t) => {
  const here = place(t);
  const intake = new FakeIntake();
  const door = await here.open();
  const { server } = serve(t, door, here, intake);
  const submission = client(t, here);
  await until(here.clock, () => submission.gate.refusal() === undefined);
  await submission.ask(claim('k'));
  await door.close();
  const again = await here.open();
  // The release goes nowhere: the channel is broken, and it is not asked again in time.
  const release = assert.rejects(
    submission.ask({ ask: 'release', user: 'u', key: 'k', holder: 'submission-1/s1' }),
    IntakeAway,
  );
  await until(here.clock, () => again.hellos().length === 1, 10);
  await here.clock.advance(6_000);
  await release;
  again.begin({ submission: (visitor) => server.take(visitor), egress: () => {}, control: () => {} });
  assert.deepEqual(intake.asked.at(1), { ask: 'release', user: 'u', key: 'k', holder: 'submission-1/s1' });
});

test('intake link: a dead process leaves its open segments; its successor starts anew under the same name', async (t) => {
  const here = place(t);
  const { server, intake, closed } = serve(t, await here.open(), here);
  const dead = client(t, here, 'submission-1', 10);
  dead.segmentOpened('a');
  dead.accepted(acceptedRecord('m1', 'a', 0));
  await until(here.clock, () => intake.took.length === 1);
  const next = client(t, here, 'submission-1', 11);
  next.segmentOpened('b');
  next.accepted(acceptedRecord('m2', 'b', 0));
  await until(here.clock, () => intake.took.length === 2);
  assert.deepEqual(server.ended('submission-1', 10).segments, ['a']);
  assert.deepEqual([intake.took, closed], [['m1', 'm2'], []]);
});

test('intake link: what a dead process had told is handed on before it is said to be gone', async (t) => {
  const here = place(t);
  const door = await here.open();
  const { intake } = serve(t, door, here);
  const dead = client(t, here, 'submission-1', 10);
  await until(here.clock, () => dead.gate.refusal() === undefined);
  await dead.ask({ ask: 'submit', user: 'u', recipients: 1 });
  let [gone, alone] = [false, false];
  void door.gone('submission-1', 10).then(() => (gone = true));
  void door.withoutSubmission().then(() => (alone = true));
  await door.gone('submission-1', 11);
  for (let number = 0; number < 20; number++) dead.accepted(acceptedRecord(`m${number}`, 'a', number * 100));
  await here.clock.advance(10);
  assert.deepEqual([gone, alone], [false, false]);
  for (let number = 20; number < 40; number++) dead.accepted(acceptedRecord(`m${number}`, 'a', number * 100));
  dead.close();
  await until(here.clock, () => gone && alone);
  assert.equal(intake.took.length, 40);
});

test('intake link: an orderly end closes its segment', async (t) => {
  const here = place(t);
  const { server, intake, closed } = serve(t, await here.open(), here);
  const submission = client(t, here);
  submission.accepted(acceptedRecord('m1', 'a', 0));
  await until(here.clock, () => submission.unacknowledged === 0);
  submission.accepted(acceptedRecord('m2', 'a', 100));
  submission.close();
  await until(here.clock, () => closed.length === 1);
  assert.deepEqual([intake.took, closed, server.ended('submission-1', 1).segments], [['m1', 'm2'], ['a'], []]);
});

test('intake link: who speaks another protocol, or does not say hello, is sent away', async (t) => {
  const here = place(t);
  const door = await here.open();
  const { connect } = await import('node:net');
  const silent = connect(here.path);
  const other = connect(here.path);
  const ended: string[] = [];
  silent.on('close', () => ended.push('silent')).resume();
  other.on('close', () => ended.push('other')).resume();
  const text = '[[0,{"kind":"submission","protocol":999,"process":"submission-1","pid":1}]]';
  const head = Buffer.alloc(4);
  head.writeUInt32BE(text.length);
  other.write(Buffer.concat([head, Buffer.from(text)]));
  await until(here.clock, () => ended.includes('other'));
  assert.deepEqual([ended, door.hellos()], [['other'], []]);
  await here.clock.advance(5_100);
  await until(here.clock, () => ended.includes('silent'));
});

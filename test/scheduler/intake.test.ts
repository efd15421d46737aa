import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { envelopeDigest } from '../../src/flow/envelope-digest.ts';
import type { Answer, ClaimQuestion } from '../../src/flow/intake.ts';
import { HOUR, MINUTE, OPTIONS, World } from './world.ts';

function claim(world: World, holder: string, also: Partial<ClaimQuestion> = {}): Promise<Answer> {
  const digest = envelopeDigest('app@example.org', ['r0@a.example']);
  const { id: messageId } = world.message(['a.example']);
  return world.scheduler.intake.ask({ ask: 'claim', user: 'app', key: 'k', digest, messageId, holder, ...also });
}

test('intake: one key is one message, however many sessions come with it', async () => {
  const world = new World();
  await world.scheduler.start();
  const first = await Promise.all(['p1/1', 'p1/2', 'p2/1'].map((holder) => claim(world, holder)));
  deepEqual(
    first.map(({ answer }) => answer),
    ['yes', 'busy', 'busy'],
  );
  const message = world.accept(['a.example'], { idempotencyKey: 'k' });
  deepEqual(await claim(world, 'p2/1'), { answer: 'done', messageId: message.id });
  deepEqual(await claim(world, 'p2/1', { digest: 'other' }), { answer: 'other-envelope' });
  equal((await claim(world, 'p2/1', { user: 'else' })).answer, 'yes');
  await world.clock.advance(1000);
  equal(world.spool.journal.filter((event) => event.type === 'key').length, 1);
  await world.clock.advance(25 * HOUR);
  equal((await claim(world, 'p2/1')).answer, 'yes');
  await world.end();
});

test('intake: a claim ends when its holder says so, asks anew, or its process is gone', async () => {
  const world = new World();
  await world.scheduler.start();
  const { intake } = world.scheduler;
  await claim(world, 'p1/1');
  await intake.ask({ ask: 'release', user: 'app', key: 'k', holder: 'p1/2' });
  equal((await claim(world, 'p1/2')).answer, 'busy', 'only the holder releases');
  await intake.ask({ ask: 'release', user: 'app', key: 'k', holder: 'p1/1' });
  equal((await claim(world, 'p1/2')).answer, 'yes');
  equal((await claim(world, 'p1/2')).answer, 'yes', 'a session has one transaction at a time');
  await world.scheduler.detachSubmission('p2/');
  equal((await claim(world, 'p3/1')).answer, 'busy');
  await world.scheduler.detachSubmission('p1/');
  equal((await claim(world, 'p3/1')).answer, 'yes');
  await world.end();
});

test('intake: what a dead process had made durable is taken in before its claims end', async () => {
  const world = new World();
  await world.scheduler.start();
  await claim(world, 'p1/1');
  const message = world.message(['a.example'], { idempotencyKey: 'k' });
  world.wire.messages.set(message.id, message);
  world.tail = [{ message, location: { segment: 's1', offset: 0, length: 1 } }];
  const detached = world.scheduler.detachSubmission('p1/', 's1');
  await detached;
  deepEqual(await claim(world, 'p2/1'), { answer: 'done', messageId: message.id });
  await world.clock.advance(1000);
  deepEqual(world.kinds(message), ['delivered']);
  await world.end();
});

test('intake: users have the rate and the recipients that their limits say, others have none', async () => {
  const users = {
    app: { rate: { count: 100, perMs: MINUTE }, recipients: { count: 50, perMs: HOUR } },
  };
  const world = new World({ options: { ...OPTIONS, users } });
  await world.scheduler.start();
  const { intake } = world.scheduler;
  const submit = (user: string, recipients: number): Promise<Answer> => intake.ask({ ask: 'submit', user, recipients });
  for (let n = 0; n < 10; n++) equal((await submit('app', 1)).answer, 'yes');
  deepEqual(await submit('app', 1), { answer: 'no', why: 'rate', retryMs: 600 });
  await world.clock.advance(600);
  equal((await submit('app', 40)).answer, 'yes', 'what the rate refused counted no recipients');
  await world.clock.advance(600);
  const full = await submit('app', 1);
  equal(full.answer === 'no' && full.why, 'recipients');
  for (let n = 0; n < 200; n++) equal((await submit('other', 100)).answer, 'yes');
  await world.clock.advance(62 * MINUTE);
  equal((await submit('app', 50)).answer, 'yes');
  await world.end();
});

test('intake: logins beyond the budget wait for those in flight, and ten failures lock with a note', async () => {
  const logins = { ...OPTIONS.logins, slowDownFrom: 1000 };
  const world = new World({ options: { ...OPTIONS, logins } });
  await world.scheduler.start();
  const { intake } = world.scheduler;
  const address = '192.0.2.1';
  const answers: string[] = [];
  for (let n = 0; n < 12; n++) {
    void intake.ask({ ask: 'login', address, user: 'app' }).then(({ answer }) => answers.push(answer));
  }
  await world.clock.advance(10);
  equal(answers.length, 10);
  await intake.ask({ ask: 'login-result', address, user: 'app', ok: true });
  await world.clock.advance(10);
  equal(answers.length, 11);
  for (let n = 0; n < 10; n++) await intake.ask({ ask: 'login-result', address, user: 'app', ok: false });
  await world.clock.advance(10);
  deepEqual(answers.slice(10), ['yes', 'no']);
  const notes = world.spool.journal.filter((event) => event.type === 'note' && event.note === 'login-lock');
  equal(notes.length, 1);
  await world.end();
});

test('intake: the gate says why nothing is taken', async () => {
  const world = new World({ options: { ...OPTIONS, limits: { ...OPTIONS.limits, queueMax: 3 } }, egresses: 0 });
  const { gate } = world.scheduler.intake;
  equal(gate.refusal(), 'scheduler');
  await world.scheduler.start();
  equal(gate.refusal(), undefined);
  world.spool.setReserve(true);
  equal(gate.refusal(), 'disk');
  await world.clock.advance(MINUTE);
  deepEqual(
    world.spool.alarms().map((alarm) => alarm.alarm),
    ['disk-reserve'],
  );
  world.spool.setReserve(false);
  for (let n = 0; n < 3; n++) world.accept(['a.example']);
  equal(gate.refusal(), 'queue');
  await world.end();
  equal(gate.refusal(), 'stopping');
});

// Password checks: what they cost, what they tell, what is remembered.
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../../src/base/random.ts';
import { type Answer, IntakeAway, type Question } from '../../src/flow/intake.ts';
import { Credentials } from '../../src/submission/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { plainToken, USERS, withRig } from './rig.ts';

interface Bench {
  readonly clock: FakeClock;
  readonly credentials: Credentials;
  readonly hashed: string[];
  readonly questions: Question[];
  answer: (question: Question) => Promise<Answer>;
  users: typeof USERS;
}

function bench(waiting = 32): Bench {
  const clock = new FakeClock();
  const it: Bench = {
    clock,
    hashed: [],
    questions: [],
    users: USERS,
    answer: () => Promise.resolve({ answer: 'yes' }),
    credentials: new Credentials(
      {
        clock,
        random: systemRandom,
        users: () => ({ find: (name) => it.users.find((user) => user.name === name), decoyHash: 'decoy' }),
        intake: {
          ask: (question) => {
            it.questions.push(question);
            return it.answer(question);
          },
          accepted: () => undefined,
          gate: { refusal: () => undefined },
        },
        verify: (hash, password) => {
          it.hashed.push(hash);
          return Promise.resolve(hash === `hash of ${password}` || hash === 'decoy');
        },
      },
      waiting,
    ),
  };
  return it;
}

test('credentials: the budget is asked before hashing and told after it', async () => {
  const it = bench();
  equal((await it.credentials.login('192.0.2.1', 'app', 'wrong')).login, 'wrong');
  equal((await it.credentials.login('192.0.2.1', 'app', 'app')).login, 'ok');
  deepEqual(it.questions, [
    { ask: 'login', address: '192.0.2.1', user: 'app' },
    { ask: 'login-result', address: '192.0.2.1', user: 'app', ok: false },
    { ask: 'login', address: '192.0.2.1', user: 'app' },
    { ask: 'login-result', address: '192.0.2.1', user: 'app', ok: true },
  ]);
});

test('credentials: unknown user, user without password and wrong network cost one hash and look like a wrong password', async () => {
  const it = bench();
  it.users = [...USERS, { name: 'nopass', tenant: 't', stream: 's', counted: false }];
  for (const name of ['nobody', 'nopass', 'elsewhere']) {
    it.hashed.length = 0;
    it.questions.length = 0;
    deepEqual(await it.credentials.login('198.51.100.1', name, name), { login: 'wrong' }, name);
    deepEqual(it.hashed, ['decoy']);
    equal(it.questions.at(-1)?.ask, 'login-result');
    equal('ok' in (it.questions.at(-1) ?? {}) && (it.questions.at(-1) as { ok: boolean }).ok, false);
  }
});

test('credentials: a verified password is not hashed again for ten minutes, from the same address', async () => {
  const it = bench();
  await it.credentials.login('192.0.2.1', 'app', 'app');
  const again = await it.credentials.login('192.0.2.1', 'app', 'app');
  equal(again.login === 'ok' && again.cached, true);
  equal(it.hashed.length, 1);
  equal(it.questions.length, 2);
  await it.credentials.login('192.0.2.2', 'app', 'app');
  equal(it.hashed.length, 2);
  await it.clock.advance(10 * 60_000);
  await it.credentials.login('192.0.2.1', 'app', 'app');
  equal(it.hashed.length, 3);
});

test('credentials: a wrong guess where a right password is remembered forgets it', async () => {
  const it = bench();
  await it.credentials.login('192.0.2.1', 'app', 'app');
  await it.credentials.login('192.0.2.1', 'app', 'guess');
  it.answer = () => Promise.resolve({ answer: 'no', why: 'locked' });
  equal((await it.credentials.login('192.0.2.1', 'app', 'app')).login, 'limited');
});

test('credentials: a new password counts at once, a removed user too', async () => {
  const it = bench();
  await it.credentials.login('192.0.2.1', 'app', 'app');
  it.users = USERS.map((user) => (user.name === 'app' ? { ...user, hash: 'hash of new' } : user));
  equal((await it.credentials.login('192.0.2.1', 'app', 'app')).login, 'wrong');
  equal((await it.credentials.login('192.0.2.1', 'app', 'new')).login, 'ok');
  it.users = [];
  equal((await it.credentials.login('192.0.2.1', 'app', 'new')).login, 'wrong');
});

test('credentials: a lock is told without hashing, a slow-down after its time', async () => {
  const it = bench();
  it.answer = () => Promise.resolve({ answer: 'no', why: 'locked' });
  equal((await it.credentials.login('192.0.2.1', 'app', 'app')).login, 'limited');
  it.answer = () => Promise.resolve({ answer: 'no', why: 'slow-down', retryMs: 2000 });
  let told: string | undefined;
  void it.credentials.login('192.0.2.1', 'app', 'app').then((result) => (told = result.login));
  await it.clock.advance(1999);
  equal(told, undefined);
  await it.clock.advance(1);
  equal(told, 'limited');
  equal(it.hashed.length, 0);
});

test('credentials: without a scheduler nobody gets in and nothing is hashed', async () => {
  const it = bench();
  it.answer = () => Promise.reject(new IntakeAway());
  equal((await it.credentials.login('192.0.2.1', 'app', 'app')).login, 'away');
  equal(it.hashed.length, 0);
});

test('credentials: 300 wrong passwords at once from 300 addresses: one in flight, 32 waiting, 454 for the rest', async () => {
  await withRig({}, async (rig) => {
    let inFlight = 0;
    let most = 0;
    let checks = 0;
    const open: (() => void)[] = [];
    rig.verify = async () => {
      checks++;
      most = Math.max(most, ++inFlight);
      await new Promise<void>((resolve) => open.push(resolve));
      inFlight--;
      return false;
    };
    const port = await rig.listen('plain');
    const clients = Array.from({ length: 300 }, (_unused, index) =>
      rig.client(port, { localAddress: `127.0.${1 + Math.floor(index / 200)}.${1 + (index % 200)}` }),
    );
    const replies = clients.map(async (client) => {
      await client.reply();
      await client.command('EHLO x');
      return client.command(`AUTH PLAIN ${plainToken('app', 'wrong')}`);
    });
    let putOff = 0;
    for (const reply of replies) void reply.then((text) => (putOff += text.startsWith('454 4.7.0 ') ? 1 : 0));
    while (putOff < 267) await new Promise((resolve) => setImmediate(resolve));
    equal(inFlight, 1);
    equal(checks, 1);
    while (checks < 33 || inFlight > 0) {
      open.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const all = await Promise.all(replies);
    equal(all.filter((text) => text.startsWith('535 5.7.8 ')).length, 33);
    equal(all.filter((text) => text.startsWith('454 4.7.0 ')).length, 267);
    equal(most, 1);
    equal(rig.submission.counts().loginsPutOff, 267);
    rig.verify = () => Promise.resolve(true);
    match(await (clients[0] ?? rig.client(port)).command(`AUTH PLAIN ${plainToken('app', 'x')}`), /^235 /);
  });
});

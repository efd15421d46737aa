// What is refused for a limit is refused for now: a client that keeps its message and tries again has it taken, once.
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, Question, Refusal } from '../../src/flow/intake.ts';
import type { LineClient } from '../support/line-client.ts';
import { plainToken, type Rig, withRig } from './rig.ts';

const CONTENT = ['Subject: once', 'X-Idempotency-Key: k1', '', 'hello', '.', ''].join('\r\n');

/** One try of a client that goes by reply codes alone (RFC 5321 section 4.2.1): the reply that it ended with. */
async function trySending(rig: Rig, port: number): Promise<string> {
  const client = rig.client(port);
  try {
    return await conversation(client);
  } finally {
    client.socket.destroy();
  }
}

async function conversation(client: LineClient): Promise<string> {
  const greeting = await client.reply();
  if (!greeting.startsWith('2')) return greeting;
  await client.command('EHLO client.test');
  for (const line of [
    `AUTH PLAIN ${plainToken('counted', 'secret-counted')}`,
    'MAIL FROM:<a@example.com>',
    'RCPT TO:<b@example.net>',
    'DATA',
  ]) {
    const reply = await client.command(line);
    if (!/^[23]/.test(reply)) return reply;
  }
  client.send(CONTENT);
  return client.reply();
}

const no =
  (ask: Question['ask'], answer: Answer) =>
  (question: Question): Answer =>
    question.ask === ask ? answer : { answer: 'yes' };

const refusing = (refusal: Refusal) => (rig: Rig) => {
  rig.refusal = refusal;
};
const answering = (answer: (question: Question) => Answer) => (rig: Rig) => {
  rig.answer = (question) => Promise.resolve(answer(question));
};

for (const [what, limit] of [
  ['the rate of a user', answering(no('submit', { answer: 'no', why: 'rate' }))],
  ['the recipients per hour of a user', answering(no('submit', { answer: 'no', why: 'recipients' }))],
  ['an address locked out', answering(no('login', { answer: 'no', why: 'locked' }))],
  ['an idempotency key in use', answering(no('claim', { answer: 'busy' }))],
  ['a full disk', refusing('disk')],
  ['a full queue', refusing('queue')],
  ['a slow disk', refusing('slow-sync')],
  ['a scheduler that restarts', refusing('scheduler')],
  ['a relay that stops', refusing('stopping')],
] as const) {
  test(`over a limit: ${what} is 4xx, and the same message is taken once when it is over`, async () => {
    await withRig({}, async (rig) => {
      const port = await rig.listen('plain');
      limit(rig);
      for (let n = 0; n < 2; n++) match(await trySending(rig, port), /^4\d\d[ -]4\.\d+\.\d+ /);
      equal(rig.writer.kept.length, 0);
      rig.refusal = undefined;
      rig.answer = () => Promise.resolve({ answer: 'yes' });
      match(await trySending(rig, port), /^250 2\.6\.0 /);
      equal(rig.only.message.forwardPaths.length, 1);
    });
  });
}

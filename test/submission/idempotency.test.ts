// The same key again: what is asked, when, and what each answer means to the client.
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, IntakeAway, type Question } from '../../src/flow/intake.ts';
import type { MessageId } from '../../src/flow/message.ts';
import { SpoolFull } from '../../src/flow/spool.ts';
import type { LineClient } from '../support/line-client.ts';
import { type Rig, withRig } from './rig.ts';

const CONTENT = 'A: 1\r\nX-Idempotency-Key: k1\r\n\r\nb\r\n';

async function submit(rig: Rig, content = `${CONTENT}.\r\n`): Promise<string> {
  const client = await rig.sender();
  client.send('MAIL FROM:<a@example.com>\r\nRCPT TO:<z@example.net>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n');
  for (let i = 0; i < 4; i++) await client.reply();
  client.send(content);
  return client.reply();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function begin(client: LineClient): Promise<void> {
  client.send('MAIL FROM:<a@example.com>\r\nRCPT TO:<z@example.net>\r\nDATA\r\n');
  for (let i = 0; i < 3; i++) await client.reply();
}

const answering =
  (claim: Answer) =>
  (question: Question): Promise<Answer> =>
    Promise.resolve(question.ask === 'claim' ? claim : { answer: 'yes' });

test('idempotency: a new key is claimed with the id of the message and kept in its record, not in its content', async () => {
  await withRig({}, async (rig) => {
    match(await submit(rig), /^250 /);
    const { message, content } = rig.only;
    equal(message.idempotencyKey, 'k1');
    equal(content.includes('Idempotency'), false);
    const [claim, ...more] = rig.questions;
    equal(more.length, 0);
    if (claim?.ask !== 'claim') throw new Error('no claim');
    deepEqual([claim.user, claim.key, claim.messageId], ['app', 'k1', message.id]);
    match(claim.digest, /^[0-9a-f]{64}$/);
    match(claim.holder, /^[0-9a-f]{10}-0-1$/);
  });
});

test('idempotency: the digest is of the envelope, whatever the order of its recipients', async () => {
  await withRig({}, async (rig) => {
    await submit(rig);
    const client = await rig.sender();
    for (const recipients of [['b', 'z'], ['b']]) {
      client.send(
        `MAIL FROM:<a@example.com>\r\n${recipients.map((name) => `RCPT TO:<${name}@example.net>\r\n`).join('')}DATA\r\n`,
      );
      for (let i = 0; i < recipients.length + 2; i++) await client.reply();
      client.send(`${CONTENT}.\r\n`);
      await client.reply();
    }
    const [first, second, third] = rig.questions.map((question) => ('digest' in question ? question.digest : ''));
    equal(first, second);
    equal(first === third, false);
  });
});

test('idempotency: done answers with the first id and keeps nothing', async () => {
  await withRig({}, async (rig) => {
    rig.answer = answering({ answer: 'done', messageId: '01m85zw2w9xb5rh6g9k83s6hnw' as MessageId });
    equal(await submit(rig), '250 2.6.0 01m85zw2w9xb5rh6g9k83s6hnw accepted');
    equal(rig.writer.kept.length, 0);
    equal(rig.submission.counts().repeated, 1);
    equal(rig.submission.counts().memory, 0);
  });
});

test('idempotency: busy is 451, another envelope 554, no scheduler 451; nothing is kept or released', async () => {
  await withRig({}, async (rig) => {
    rig.answer = answering({ answer: 'busy' });
    match(await submit(rig), /^451 4\.5\.0 /);
    rig.answer = answering({ answer: 'other-envelope' });
    match(await submit(rig), /^554 5\.6\.0 This idempotency key/);
    rig.answer = () => Promise.reject(new IntakeAway());
    match(await submit(rig), /^451 4\.3\.0 /);
    equal(rig.writer.kept.length, 0);
    equal(rig.questions.filter((question) => question.ask === 'release').length, 0);
  });
});

test('idempotency: a claim without a record is released: full disk, bare LF, too large, gone', async () => {
  await withRig({ limits: { sizeMax: 5000 } }, async (rig) => {
    const released = (): number => rig.questions.filter((question) => question.ask === 'release').length;
    const claimed = async (count: number): Promise<void> => {
      while (rig.questions.filter((question) => question.ask === 'claim').length < count) await turn();
      for (let i = 0; i < 5; i++) await turn();
    };
    rig.writer.before = () => Promise.reject(new SpoolFull());
    match(await submit(rig), /^452 /);
    equal(released(), 1);
    const large = await rig.sender();
    await begin(large);
    large.send(CONTENT);
    await claimed(2);
    large.send(`${'x\r\n'.repeat(3000)}.\r\n`);
    match(await large.reply(), /^552 /);
    equal(released(), 2);
    const client = await rig.sender();
    await begin(client);
    client.send(CONTENT);
    await claimed(3);
    client.send('x\n');
    match(await client.reply(), /^550 5\.6\.11 /);
    while (released() < 3) await turn();
    const holder = await rig.sender();
    await begin(holder);
    let answer: (value: Answer) => void = () => {};
    rig.answer = (question) =>
      question.ask === 'claim' ? new Promise((resolve) => (answer = resolve)) : Promise.resolve({ answer: 'yes' });
    holder.send(CONTENT);
    await claimed(4);
    holder.socket.resetAndDestroy();
    while (rig.submission.counts().sessions > 3) await turn();
    answer({ answer: 'yes' });
    while (released() < 4) await turn();
    equal(rig.submission.counts().memory, 0);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SubmissionOptions } from '../../src/submission/options.ts';
import { type Kept, type Rig, USERS, withRig } from './rig.ts';
import { createHash } from 'node:crypto';

const OWN = 's._domainkey.example.com';
const OPERATOR = 'o._domainkey.op.example';
const SIGNING: NonNullable<SubmissionOptions['signing']> = {
  table: {
    domains: {
      'example.com': { selectors: [OWN] },
      'acme.example': { selectors: ['s._domainkey.acme.example'], tenant: 'acme' },
      'op.example': { selectors: [OPERATOR] },
    },
    operator: 'op.example',
  },
  isRelaxed: true,
  required: false,
};

async function send(rig: Rig, content: string, from = 'a@example.com'): Promise<string> {
  const client = await rig.sender();
  const mail = await client.command(`MAIL FROM:<${from}>`);
  if (!mail.startsWith('250')) return mail;
  await client.command('RCPT TO:<b@example.net>');
  await client.command('DATA');
  return client.command(`${content}\r\n.`);
}

async function keptOf(options: Partial<SubmissionOptions>, content: string): Promise<Kept> {
  let kept: Kept | undefined;
  await withRig({ options }, async (rig) => {
    assert.match(await send(rig, content), /^250/);
    kept = rig.only;
  });
  if (kept === undefined) throw new Error('nothing was kept');
  return kept;
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('base64');

test('signing: a message keeps the names of the keys of its From domain, or of one above it, and the operator’s', async () => {
  const table = [
    ['example.com', [OWN, OPERATOR]],
    ['news.EXAMPLE.com', [OWN, OPERATOR]],
    ['other.example', [OPERATOR]],
  ] as const;
  for (const [domain, selectors] of table) {
    const { message } = await keptOf({ signing: SIGNING }, `From: a@${domain}\r\n\r\nhello`);
    assert.deepEqual(message.selectors, selectors, domain);
    assert.equal(message.bodyRelaxedSha256, sha256('hello\r\n'));
  }
});

test('signing: both forms of a body are those of RFC 6376, in one piece and in many', async () => {
  const lines = 'word  word \t\r\n\r\n x\r\n'.repeat(20);
  for (const times of [0, 1, 400]) {
    const { message } = await keptOf({ signing: SIGNING }, `From: a@example.com\r\n\r\n${lines.repeat(times)}`);
    const relaxed = 'word word\r\n\r\n x\r\n'.repeat(20 * times);
    assert.equal(message.bodyRelaxedSha256, sha256(relaxed), `${times}`);
    assert.equal(message.bodySha256, sha256(times === 0 ? '\r\n' : lines.repeat(times)), `${times}`);
  }
});

test('signing: the relaxed form is not hashed when nobody signs with it', async () => {
  const content = 'From: a@example.com\r\n\r\nhello  there';
  const simple = await keptOf({ signing: { ...SIGNING, isRelaxed: false, validityMs: 5 } }, content);
  assert.equal(simple.message.bodyRelaxedSha256, undefined);
  assert.equal(simple.message.signatureMs, 5);
  const { message } = await keptOf({ signing: { ...SIGNING, table: { domains: {} } } }, content);
  assert.deepEqual(
    [message.bodyRelaxedSha256, message.selectors, message.signatureMs],
    [undefined, undefined, undefined],
  );
});

test('signing: what the From domain has no key for is counted, by who signs it', async () => {
  await withRig({ options: { signing: SIGNING } }, async (rig) => {
    await send(rig, 'From: a@example.com\r\n\r\n');
    await send(rig, 'From: a@other.example\r\n\r\n');
    const { signedByOperator, unsigned } = rig.submission.counts();
    assert.deepEqual([signedByOperator, unsigned], [1, 0]);
  });
  await withRig({}, async (rig) => {
    await send(rig, 'From: a@example.com\r\n\r\n');
    assert.equal(rig.submission.counts().unsigned, 1);
  });
});

test('signing: required and without a key is refused; the user’s word counts before the stream’s and the relay’s', async () => {
  const refusal = '550 5.7.1 The From domain has no DKIM key here, and messages must be signed for it';
  const cases = [
    [false, undefined, undefined, false],
    [true, undefined, undefined, true],
    [true, 'optional', undefined, false],
    [false, 'required', undefined, true],
    [false, 'required', 'optional', false],
    [true, 'optional', 'required', true],
  ] as const;
  for (const [required, stream, user, isRefused] of cases) {
    const signing = { ...SIGNING, required };
    const streams = { default: { lifetimeMs: 5_000, ...(stream && { dkim: stream }) } };
    const users = USERS.map((one) => ({ ...one, ...(user && { dkim: user }) }));
    await withRig({ options: { signing, streams }, users }, async (rig) => {
      for (const from of ['From: a@other.example\r\n\r\n', 'Subject: no From\r\n\r\n']) {
        const reply = await send(rig, from);
        if (isRefused) assert.equal(reply.trimEnd(), refusal);
        else assert.match(reply, /^250/);
      }
      assert.match(await send(rig, 'From: a@example.com\r\n\r\n'), /^250/);
    });
  }
});

test('signing: nobody writes as a domain of another tenant', async () => {
  await withRig({ options: { signing: SIGNING } }, async (rig) => {
    assert.match(await send(rig, 'From: a@mail.acme.example\r\n\r\n'), /^550 5\.7\.1 You may not use this From domain/);
    assert.match(await send(rig, '', 'a@acme.example'), /^550 5\.7\.1 You may not use this sender domain/);
  });
  const users = USERS.map((one) => ({ ...one, tenant: 'acme' }));
  await withRig({ options: { signing: SIGNING }, users }, async (rig) => {
    assert.match(await send(rig, 'From: a@mail.acme.example\r\n\r\n', 'a@acme.example'), /^250/);
  });
});

test('signing: Feedback-ID is added for a stream that wants it, unless the message has one', async () => {
  const streams = { default: { lifetimeMs: 5_000, feedbackId: '{campaign}:{user}:{stream}:acme' } };
  const added = await keptOf({ streams }, 'X-Postilion-Campaign: a:b c\r\nFrom: a@example.com\r\n\r\n');
  assert.match(added.content.toString(), /^Feedback-ID: a_b_c:app:default:acme\r\n/m);
  const has = await keptOf({ streams }, 'feedback-id : mine\r\nFrom: a@example.com\r\n\r\n');
  assert.equal(has.content.toString().match(/feedback-id/gi)?.length, 1);
  const none = await keptOf({}, 'From: a@example.com\r\n\r\n');
  assert.doesNotMatch(none.content.toString(), /feedback-id/i);
});

// Submission from the connection to the record: every way in, and what is kept.
import { deepEqual, equal, match } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { plainToken, withRig } from './rig.ts';

const MAIL =
  'Date: Tue, 6 Jan 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\nFrom: a@example.com\r\n\r\nHello\r\n';

test('submission: a message over STARTTLS and AUTH PLAIN is durable before its 250', async () => {
  await withRig({}, async (rig) => {
    const client = rig.client(await rig.listen('starttls'));
    equal(await client.reply(), '220 relay.test ESMTP');
    match(await client.command('EHLO client.test'), /^250-STARTTLS$/m);
    match(await client.command('STARTTLS'), /^220 /);
    await client.startTls();
    match(await client.command('EHLO client.test'), /^250-AUTH PLAIN LOGIN$/m);
    match(await client.command(`AUTH PLAIN ${plainToken('app', 'secret-app')}`), /^235 2\.7\.0 /);
    client.send('MAIL FROM:<a@example.com> SIZE=100\r\nRCPT TO:<b@EXAMPLE.net>\r\nDATA\r\n');
    equal(await client.reply(), '250 2.1.0 OK');
    equal(await client.reply(), '250 2.1.5 OK');
    match(await client.reply(), /^354 /);
    let release = (): void => {};
    rig.writer.before = () => new Promise((resolve) => (release = resolve));
    client.send(`${MAIL}.\r\n`);
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (rig.submission.counts().memory === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    equal(rig.accepted.length, 0);
    release();
    const reply = await client.reply();
    const { message, content } = rig.only;
    equal(reply, `250 2.6.0 ${message.id} accepted`);
    equal(rig.accepted[0]?.message, message);
    const text = content.toString('latin1');
    const own = text.slice(0, -MAIL.length);
    match(
      own,
      /^Received: from client\.test \(\[127\.0\.0\.1\]\)\r\n\tby relay\.test with ESMTPSA id [0-9a-z]{26};\r\n\t\w{3}, .* \+0000\r\n$/,
    );
    equal(text.slice(-MAIL.length), MAIL);
    equal(message.size, content.length);
    equal(message.sha256, createHash('sha256').update(content).digest('hex'));
    equal(message.bodySha256, createHash('sha256').update('Hello\r\n').digest('base64'));
    deepEqual(message.forwardPaths, [{ mailbox: 'b@EXAMPLE.net', domain: 'example.net' }]);
    equal(message.fromDomain, 'example.com');
    equal(rig.submission.counts().memory, 0);
    match(await client.command('QUIT'), /^221 /);
    equal(await client.reply(), 'closed');
  });
});

test('submission: a message says whether a route in force names its From domain', async () => {
  for (const [from, byFrom] of [
    ['brand.example', true],
    ['a.Brand.example', true],
    ['brand.example.com', undefined],
  ] as const) {
    await withRig({ options: { fromRoutes: ['brand.example', '*.brand.example'] } }, async (rig) => {
      const client = await rig.sender();
      for (const line of ['MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.net>', 'DATA']) await client.command(line);
      match(await client.command(`From: x@${from}\r\n\r\nhello\r\n.`), /^250/);
      equal(rig.only.message.byFrom, byFrom, from);
    });
  }
});

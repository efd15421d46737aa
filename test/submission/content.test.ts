// What is kept is what was sent, with our fields in front and control fields gone, whatever the size, the segmentation
// and the memory there is.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { awkwardMail } from '../support/awkward-mail.ts';
import { withRig } from './rig.ts';
import { begin, checkSums, submit, theirs } from './talk.ts';

for (const [name, sent, kept] of [
  [
    'a dot line, dots, no stuffing, 8-bit',
    'From: a@b.c\r\n\r\n..\r\n...\r\n. x\r\n\xe4\xff\r\n',
    'From: a@b.c\r\n\r\n.\r\n..\r\n x\r\n\xe4\xff\r\n',
  ],
  ['a header section alone', 'Subject: x\r\n', 'Subject: x\r\n'],
  ['nothing at all', '', ''],
  ['an empty line alone', '\r\n', '\r\n'],
  ['a body alone, which then needs the empty line before it', 'Hello there\r\n', '\r\nHello there\r\n'],
  ['a body that begins with a dot', '..\r\n', '\r\n.\r\n'],
  ['a first line of 5000 octets without a colon', `${'x'.repeat(5000)}\r\n`, `\r\n${'x'.repeat(5000)}\r\n`],
  ['trailing empty lines', 'A: 1\r\n\r\nx\r\n\r\n\r\n', 'A: 1\r\n\r\nx\r\n\r\n\r\n'],
] as const) {
  test(`content: ${name} is kept exactly`, async () => {
    await withRig({}, async (rig) => {
      match(await submit(rig, `${sent}.\r\n`), /^250 2\.6\.0 /);
      equal(theirs(rig.only), kept);
      checkSums(rig.only);
    });
  });
}

test('content: whatever is known to be awkward, an invitation among it, is kept exactly', async () => {
  await withRig({}, async (rig) => {
    for (const [name, content] of Object.entries(awkwardMail())) {
      const sent = content.toString('latin1').replace(/(?<!\r\n)$/, '\r\n');
      match(await submit(rig, `${sent.replace(/^\./gm, '..')}.\r\n`), /^250 2\.6\.0 /, name);
      const kept = rig.writer.kept.at(-1);
      ok(kept !== undefined && theirs(kept) === sent, name);
    }
  });
});

test('content: recipients are those of RCPT alone, whatever To, Cc, Bcc and From say', async () => {
  await withRig({}, async (rig) => {
    const client = await rig.sender();
    await begin(client);
    const header =
      'From: x@other.example\r\nTo: c@example.org, d@example.org\r\nCc: e@example.org\r\nBcc: f@example.org\r\n';
    client.send(`${header}Resent-To: g@example.org\r\n\r\nb\r\n.\r\n`);
    match(await client.reply(), /^250 2\.6\.0 /);
    const { message } = rig.only;
    equal(message.reversePath, 'a@example.com');
    deepEqual(
      message.forwardPaths.map(({ mailbox }) => mailbox),
      ['b@example.net'],
    );
    ok(theirs(rig.only).startsWith(header));
  });
});

test('content: Date and Message-ID are added only when absent, behind our Received and before theirs', async () => {
  await withRig({ options: { received: 'anonymous' } }, async (rig) => {
    await submit(rig, 'Received: from x\r\nsubject: y\r\nDATE: z\r\n\r\nb\r\n.\r\n');
    match(
      rig.only.content.toString(),
      /^Received: by relay\.test with ESMTP id \w{26};\r\n\t[^\r]+ \+0000\r\nMessage-ID: <\w{26}@relay\.test>\r\nReceived: from x\r\nsubject: y\r\nDATE: z\r\n\r\nb\r\n$/,
    );
  });
  await withRig({ options: { received: 'none' } }, async (rig) => {
    await submit(rig, 'message-id: <x>\r\n\r\nb\r\n.\r\n');
    match(rig.only.content.toString(), /^Date: [^\r]+\r\nmessage-id: <x>\r\n\r\nb\r\n$/);
  });
});

test('content: control fields are taken out and obeyed', async () => {
  await withRig({}, async (rig) => {
    const reply = await submit(
      rig,
      'A: 1\r\nX-Postilion-Stream: bulk\r\nX-Postilion-Campaign: spring\r\nX-Postilion-Not-Before: 2026-02-01T10:00:00+01:00\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nFrom: x@example.com\r\n\r\nb\r\n.\r\n',
    );
    match(reply, /^250 /);
    equal(theirs(rig.only), 'A: 1\r\nFrom: x@example.com\r\n\r\nb\r\n');
    const { stream, campaign, notBefore, pool, lifetimeMs, trace } = rig.only.message;
    deepEqual(
      { stream, campaign, notBefore, pool, lifetimeMs, trace },
      {
        stream: 'bulk',
        campaign: 'spring',
        notBefore: Date.UTC(2026, 1, 1, 9),
        pool: 'bulkpool',
        lifetimeMs: 9000,
        trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
    );
  });
});

test('content: the envelope is kept as the client gave it', async () => {
  await withRig({}, async (rig) => {
    const client = await rig.sender();
    client.send(
      'MAIL FROM:<> RET=HDRS ENVID=QQ+2B BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<B@Example.NET> NOTIFY=DELAY,FAILURE ORCPT=rfc822;b+2B@x\r\nRCPT TO:<c@example.net> NOTIFY=NEVER\r\nDATA\r\n',
    );
    for (let i = 0; i < 4; i++) await client.reply();
    client.send('Subject: \xc3\xa4\r\n\r\nb\r\n.\r\n');
    await client.reply();
    const { reversePath, forwardPaths, ret, envid, body, smtpUtf8, has8bit, has8bitHeader } = rig.only.message;
    deepEqual(
      { reversePath, forwardPaths, ret, envid, body, smtpUtf8, has8bit, has8bitHeader },
      {
        reversePath: '',
        forwardPaths: [
          { mailbox: 'B@Example.NET', domain: 'example.net', notify: ['delay', 'failure'], orcpt: 'rfc822;b+2B@x' },
          { mailbox: 'c@example.net', domain: 'example.net', notify: 'never' },
        ],
        ret: 'hdrs',
        envid: 'QQ+2B',
        body: '8bitmime',
        smtpUtf8: true,
        has8bit: true,
        has8bitHeader: true,
      },
    );
    match(rig.only.content.toString(), /^Received: .*\r\n\tby relay\.test with UTF8SMTP id /);
  });
});

test('content: octet by octet it is the same, and held in few blocks', async () => {
  await withRig({}, async (rig) => {
    const client = await rig.sender();
    await begin(client);
    client.socket.setNoDelay(true);
    const text = 'From: a@example.com\r\nX-Postilion-Stream: bulk\r\n\r\n..a\r\n\r\n';
    for (const octet of `${text}.\r\n`) {
      client.send(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    match(await client.reply(), /^250 /);
    equal(theirs(rig.only), 'From: a@example.com\r\n\r\n.a\r\n\r\n');
    checkSums(rig.only);
  });
});

test('content: over the limit is 552 after the end of data, nothing kept, the session goes on', async () => {
  await withRig({ limits: { sizeMax: 10_000 } }, async (rig) => {
    const client = await rig.sender();
    await begin(client);
    client.send(`A: 1\r\n\r\n${'x\r\n'.repeat(5000)}.\r\n`);
    match(await client.reply(), /^552 5\.3\.4 /);
    equal(rig.submission.counts().memory, 0);
    await begin(client);
    client.send(`A: 1\r\n\r\n${'x'.repeat(9988)}\r\n.\r\n`);
    match(await client.reply(), /^250 /);
    await begin(client);
    client.send(`A: 1\r\n\r\n${'x\r\n'.repeat(20_000)}`);
    match(await client.reply(), /^552 5\.3\.4 /);
    equal(await client.reply(), 'closed');
    equal(rig.writer.kept.length, 1);
  });
});

test('content: a header section over its limit is 552, however it comes', async () => {
  await withRig({ limits: { headerMax: 20_000 } }, async (rig) => {
    for (const header of [
      'A: 1\r\n'.repeat(5000),
      `A: ${'x'.repeat(30_000)}\r\n`,
      `A: 1\r\n${' x\r\n'.repeat(9000)}`,
    ]) {
      match(await submit(rig, `${header}\r\nb\r\n.\r\n`), /^552 5\.3\.4 Header/);
    }
    equal(rig.writer.kept.length, 0);
  });
});

test('content: lines over 998 octets are counted, or refused when that is asked for', async () => {
  const long = `A: 1\r\n\r\n${'x'.repeat(999)}\r\n.\r\n`;
  await withRig({}, async (rig) => {
    match(await submit(rig, long), /^250 /);
    equal(rig.submission.counts().longLines, 1);
  });
  await withRig({ options: { longLines: 'refuse' } }, async (rig) => {
    match(await submit(rig, long), /^554 5\.6\.0 Line over 998/);
    equal(rig.writer.kept.length, 0);
  });
});

test('content: the reserve reached between MAIL and the end of data is 452; a slow sync is waited for', async () => {
  await withRig({}, async (rig) => {
    const client = await rig.sender();
    for (const [refusal, wanted] of [
      ['queue', /^452 4\.3\.1 /],
      ['slow-sync', /^250 /],
      ['scheduler', /^250 /],
    ] as const) {
      rig.refusal = undefined;
      await begin(client);
      rig.refusal = refusal;
      client.send('A: 1\r\n\r\nb\r\n.\r\n');
      match(await client.reply(), wanted, refusal);
    }
  });
});

test('content: when nobody knows whether it is durable, there is no reply', async () => {
  await withRig({}, async (rig) => {
    rig.writer.before = () => Promise.reject(new Error('EIO'));
    equal(await submit(rig, 'A: 1\r\n\r\nb\r\n.\r\n'), 'closed');
    equal(
      rig.logged.some((line) => line.level === 'error'),
      true,
    );
    equal(rig.submission.counts().memory, 0);
  });
});

test('content: not-before is an instant of RFC 3339 or of RFC 5322, and nothing else', async () => {
  await withRig({}, async (rig) => {
    const wanted = Date.UTC(2026, 1, 1, 9);
    for (const text of [
      '2026-02-01T10:00:00+01:00',
      '2026-02-01 09:00Z',
      'Sun, 01 Feb 2026 10:00:00 +0100',
      '1 Feb 2026 09:00 GMT',
    ]) {
      match(await submit(rig, `X-Postilion-Not-Before: ${text}\r\n\r\nb\r\n.\r\n`), /^250 /, text);
      equal(rig.writer.kept.at(-1)?.message.notBefore, wanted, text);
    }
    for (const text of [
      '2026-02-01T10:00:00',
      'Sun, 01 Feb 2026 10:00:00',
      '01 Foo 2026 10:00:00 +0000',
      '1769940000',
    ]) {
      match(await submit(rig, `X-Postilion-Not-Before: ${text}\r\n\r\nb\r\n.\r\n`), /^554 5\.6\.0 Not-before/, text);
    }
  });
});

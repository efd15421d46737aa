// Messages made to cost more than they are: every one is counted in octets while it streams, none is parsed, and others
// have their turn meanwhile.
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { plainToken, withRig } from './rig.ts';
import { begin, checkSums, submit, theirs, works } from './talk.ts';

const EIGHT_MB = 8_000_000;
const parts = (count: number): string =>
  Array.from({ length: count }, (_unused, at) => `--b\r\nContent-Type: text/plain\r\n\r\n${at}\r\n`).join('');
const nested = (depth: number): string =>
  Array.from(
    { length: depth },
    (_unused, at) => `Content-Type: multipart/mixed; boundary=${at}\r\n\r\n--${at}\r\n`,
  ).join('');

/** Larger than a header section may be: refused with 552, nothing kept, the session goes on. */
const HEADER_BOMBS: Readonly<Record<string, string>> = {
  'of 8 MB in fields': 'X-A: 1\r\n'.repeat(EIGHT_MB / 8),
  'of 8 MB in one field, folded': `X-A: 1\r\n${' x\r\n'.repeat(EIGHT_MB / 4)}`,
  'of 8 MB in one line': `X-A: ${'x'.repeat(EIGHT_MB)}\r\n`,
  'of 100,000 addresses': `To: ${'a@example.net,\r\n '.repeat(100_000)}b@example.net\r\n`,
};

for (const [name, header] of Object.entries(HEADER_BOMBS)) {
  test(`bomb: a header section ${name} is 552, and the session goes on`, async () => {
    await withRig({}, async (rig) => {
      const client = await rig.sender();
      await begin(client);
      client.send(`${header}\r\nb\r\n.\r\n`);
      match(await client.reply(), /^552 5\.3\.4 Header/);
      match(await client.command('NOOP'), /^250 /);
      equal(rig.submission.counts().memory, 0);
      await works(rig);
      equal(rig.writer.kept.length, 1);
    });
  });
}

/** Within the limits: kept as they are, since nobody reads their structure. */
const BODY_BOMBS: Readonly<Record<string, string>> = {
  'one line of 8 MB': `A: 1\r\n\r\n${'x'.repeat(EIGHT_MB)}\r\n`,
  '20,000 parts within parts': nested(20_000),
  '100,000 parts': `Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts(100_000)}--b--\r\n`,
  'a From of 90,000 brackets': `From: ${`${'('.repeat(900)}\r\n `.repeat(100)}a@example.com\r\n\r\nb\r\n`,
};

for (const [name, content] of Object.entries(BODY_BOMBS)) {
  test(`bomb: ${name} costs its octets and is kept as it is, for a user whose From is looked at too`, async () => {
    await withRig({}, async (rig) => {
      match(await submit(rig, `${content}.\r\n`), /^250 2\.6\.0 /);
      equal(theirs(rig.only) === content, true);
      checkSums(rig.only);
      equal(rig.submission.counts().memory, 0);
      const client = rig.client(await rig.listen('plain'));
      await client.reply();
      await client.command('HELO client.test');
      match(await client.command(`AUTH PLAIN ${plainToken('restricted', 'secret-restricted')}`), /^235 /);
      await begin(client);
      client.send(`${content}.\r\n`);
      match(await client.reply(), /^(?:250 2\.6\.0|550 5\.7\.1|552 5\.3\.4) /);
    });
  });
}

test('bomb: while 10 clients send theirs another one is served', async () => {
  await withRig({ limits: { memory: 4_000_000 } }, async (rig) => {
    const bombs = await Promise.all(Array.from({ length: 10 }, () => rig.sender()));
    await Promise.all(bombs.map((client) => begin(client)));
    for (const client of bombs) client.send(`A: 1\r\n\r\n${'..\r\n'.repeat(400_000)}`);
    await works(rig);
    equal(rig.writer.kept.length, 1, 'none of the others has ended yet');
    for (const client of bombs) client.send('.\r\n');
    for (const client of bombs) match(await client.reply(), /^250 2\.6\.0 /);
    equal(rig.submission.counts().memory, 0);
  });
});

test('header: what is odd and harmless is taken as it is; what another server would repair is refused', async () => {
  await withRig({}, async (rig) => {
    const taken = [
      'From: a@example.com\r\nSubject: no To\r\n\r\nb\r\n',
      `From: a@example.com\r\nSubject: ${'x'.repeat(5000)}\r\n\r\nb\r\n`,
      'From: a@example.com\r\nSubject: \xe4\xff undeclared\r\n\r\nb\r\n',
      'From: a@example.com\r\nBcc: c@example.net\r\n\r\nb\r\n',
    ];
    for (const content of taken) match(await submit(rig, `${content}.\r\n`), /^250 2\.6\.0 /);
    equal(rig.writer.kept.length, taken.length);
    for (const [at, kept] of rig.writer.kept.entries()) equal(theirs(kept), taken[at]);
    match(await submit(rig, 'From: a@example.com\r\nSubject: a\0b\r\n\r\nb\r\n.\r\n'), /^550 5\.6\.11 .*NUL/);
    match(
      await submit(rig, 'From: a@example.com\r\nFrom: b@example.com\r\n\r\nb\r\n.\r\n'),
      /^554 5\.6\.0 More than one/,
    );
    // RFC 5322 section 4.5: white space before the colon hides no field.
    match(
      await submit(rig, 'From : a@example.com\r\nFrom: b@example.com\r\n\r\nb\r\n.\r\n'),
      /^554 5\.6\.0 More than one/,
    );
    match(await submit(rig, 'From a@example.com Tue Jan  6\r\nA: 1\r\n\r\nb\r\n.\r\n'), /^554 5\.6\.0 /);
  });
});

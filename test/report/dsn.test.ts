import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simpleParser } from 'mailparser';
import { formatDate } from '../../src/mail/date.ts';
import { buildDsn, type DsnTerms } from '../../src/report/dsn.ts';
import { readReport } from '../support/read-report.ts';

const TERMS: DsnTerms = {
  hostName: 'relay.example.org',
  id: '01jd0000000000000000000000',
  at: Date.UTC(2026, 10, 24, 12, 0, 5),
  to: 'app@example.org',
  arrivedAt: Date.UTC(2026, 10, 24, 11, 0, 0),
  envid: 'batch+2B7',
  recipients: [
    {
      mailbox: 'nobody@example.net',
      orcpt: 'rfc822;no+2Bbody@example.net',
      action: 'failed',
      status: '5.1.1',
      diagnostic: ['550 5.1.1 The email account that you tried to reach does not exist.', '550 5.1.1 Learn more'],
      remoteMta: 'mx.example.net',
      lastAttemptAt: Date.UTC(2026, 10, 24, 12, 0, 0),
      explanation: 'There is no such mailbox. Check the address for a typing error.',
    },
    {
      mailbox: 'slow@example.com',
      action: 'delayed',
      status: '4.2.2',
      willRetryUntil: Date.UTC(2026, 10, 28, 11, 0, 0),
      explanation: 'The mailbox is full.',
    },
  ],
  header: Buffer.from('From: app@example.org\r\nSubject: caf\u00e9\r\n', 'latin1'),
};

test('dsn: Python reads every field of the machine part', () => {
  const read = readReport(buildDsn(TERMS));
  assert.deepEqual(read.defects, []);
  assert.deepEqual(read.types.slice(0, 3), ['multipart/report', 'text/plain', 'message/delivery-status']);
  assert.equal(read.types.at(-1), 'text/rfc822-headers');
  assert.equal(read.fields[0]?.['Original-Envelope-Id'], 'batch+7');
  assert.equal(read.fields[0]?.['Reporting-MTA'], 'dns; relay.example.org');
  assert.equal(read.fields[1]?.['Original-Recipient'], 'rfc822;no+body@example.net');
  assert.equal(read.fields[1]?.['Final-Recipient'], 'rfc822;nobody@example.net');
  assert.equal(read.fields[1]?.['Status'], '5.1.1');
  assert.match(read.fields[1]?.['Diagnostic-Code'] ?? '', /^smtp; 550 5\.1\.1 The email account .* Learn more$/);
  assert.equal(read.fields[2]?.['Action'], 'delayed');
  assert.equal(read.fields[2]?.['Will-Retry-Until'], 'Sat, 28 Nov 2026 11:00:00 +0000');
});

test('dsn: mailparser shows the part for people', async () => {
  const mail = await simpleParser(buildDsn(TERMS), { keepDeliveryStatus: true });
  assert.equal(mail.subject, 'Your message could not be delivered');
  assert.match(mail.text ?? '', /There is no such mailbox/);
  assert.match(mail.text ?? '', /mx\.example\.net said:/);
  assert.equal(mail.headers.get('auto-submitted'), 'auto-replied');
});

test('dsn: the same report has the same octets', () => {
  assert.deepEqual(buildDsn(TERMS), buildDsn({ ...TERMS }));
});

test('dsn: nothing a remote or a client said makes a header, a line or a part of its own', () => {
  const [first] = TERMS.recipients;
  assert.ok(first);
  const evil = '550 no\r\nBcc: victim@example.net\r\n\r\n--=_dsn_x\u0000\u001b[31m';
  const octets = buildDsn({
    ...TERMS,
    envid: 'a+0D+0ABcc: victim@example.net',
    recipients: [
      { ...first, diagnostic: [evil], remoteMta: 'mx\r\nBcc: v', orcpt: 'rfc822;a+0D+0Ab', explanation: 'x\r\ny' },
    ],
  });
  const text = octets.toString('latin1');
  assert.doesNotMatch(text, /^Bcc:/m);
  assert.doesNotMatch(text, /[\u0000\u001b]/);
  assert.equal(text.match(/^--=_dsn_/gm)?.length, 4);
  assert.equal(readReport(octets).fields.length, 2);
});

test('dsn: lines stay under 998 octets whatever was said', () => {
  const [first] = TERMS.recipients;
  assert.ok(first);
  const octets = buildDsn({ ...TERMS, recipients: [{ ...first, diagnostic: ['x'.repeat(5000), 'y z '.repeat(900)] }] });
  for (const line of octets.toString('latin1').split('\r\n')) assert.ok(line.length <= 998, String(line.length));
});

test('dsn: the machine part is ASCII where the way may be, whatever ENVID and ORCPT hide', () => {
  const [first] = TERMS.recipients;
  assert.ok(first);
  const terms = { ...TERMS, envid: 'a+FFb', recipients: [{ ...first, orcpt: 'utf-8;\u00e9l\u00e8ve@example.net' }] };
  const [whole, recipient] = readReport(buildDsn(terms)).fields;
  assert.equal(whole?.['Original-Envelope-Id'], 'a?b');
  assert.equal(recipient?.['Original-Recipient'], 'utf-8;\\x{E9}l\\x{E8}ve@example.net');
  const utf8 = readReport(buildDsn({ ...terms, smtpUtf8: true }));
  assert.equal(utf8.fields[1]?.['Original-Recipient'], 'utf-8;\u00e9l\u00e8ve@example.net');
  assert.equal(utf8.types[2], 'message/global-delivery-status');
});

test('dsn: a header comes back in lines and octets that any server takes, and says what it is written in', () => {
  const typeOf = (header: Buffer, smtpUtf8 = false): string | undefined =>
    /Content-Type: ((?:text\/rfc822|message\/global)-headers.*)\r\nContent-Transfer-Encoding: .*/
      .exec(buildDsn({ ...TERMS, header, smtpUtf8 }).toString('latin1'))?.[0]
      ?.replace('Content-Type: ', '')
      .replace('\r\nContent-Transfer-Encoding:', ';');
  assert.equal(typeOf(Buffer.from('A: b\r\n')), 'text/rfc822-headers; 7bit');
  assert.equal(typeOf(Buffer.from('A: \u00e9\r\n')), 'text/rfc822-headers; charset=utf-8; quoted-printable');
  const latin1 = Buffer.from('A: \u00e9\r\n', 'latin1');
  assert.equal(typeOf(latin1), 'text/rfc822-headers; charset=iso-8859-1; quoted-printable');
  assert.equal(typeOf(latin1, true), 'text/rfc822-headers; charset=iso-8859-1; quoted-printable');
  assert.equal(typeOf(Buffer.from('A: \u00e9\r\n'), true), 'message/global-headers; 8bit');
  const long = Buffer.from(`A: ${'x'.repeat(2000)}\r\n`);
  assert.equal(typeOf(long), 'text/rfc822-headers; quoted-printable');
  assert.equal(typeOf(long, true), 'text/rfc822-headers; quoted-printable');
});

test('dsn: dates are those of RFC 5322', () => {
  assert.equal(formatDate(0), 'Thu, 1 Jan 1970 00:00:00 +0000');
});

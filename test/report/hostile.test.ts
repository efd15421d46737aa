// Everything in a report that others have a hand in (but not its id, which nobody can know before): addresses, ENVID and ORCPT of the client, replies and names of remotes,
// the header of the message. Whatever they say, the report has our fields and our parts, and no line is too long.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildDigest } from '../../src/report/digest.ts';
import { buildDsn, type DsnTerms } from '../../src/report/dsn.ts';
import { readReports } from '../support/read-report.ts';

const said = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'no',
        ' ',
        '   ',
        '\t',
        '\r\n',
        '\n',
        '\r',
        'Bcc: v@x.test',
        '--=_dsn_id',
        '--',
        '\u0000',
        '\u001b[31m',
      ),
      fc.constantFrom(
        '\u00e9',
        '\u4e2d',
        '\u{1f600}',
        '\ud800',
        '\u0085',
        '\u2028',
        '\u202e',
        '=0D=0A',
        'Content-Type: x',
      ),
      fc.constantFrom('\r\n\r\n', '\r\n.\r\n', 'x'.repeat(1200), '\u00e9'.repeat(700), 'y '.repeat(600)),
    ),
    { maxLength: 6 },
  )
  .map((pieces) => pieces.join(''));
const xtext = fc.array(fc.constantFrom('a', '+0D', '+0A', '+FF', '+C3', '+A9', '+20', ';', ':', '@'), { maxLength: 6 });
const action = fc.constantFrom('failed', 'delayed', 'delivered', 'relayed', 'expanded') as fc.Arbitrary<
  DsnTerms['recipients'][number]['action']
>;
const recipient = fc.record(
  {
    mailbox: said,
    orcpt: fc
      .tuple(fc.constantFrom('rfc822', 'utf-8', 'x\r\n'), xtext, said)
      .map(([a, b, c]) => `${a};${b.join('')}${c}`),
    action,
    status: fc.constantFrom('5.1.1', '4.4.7'),
    diagnostic: fc.array(said, { maxLength: 4 }),
    remoteMta: said,
    lastAttemptAt: fc.constant(0),
    willRetryUntil: fc.constant(1),
    explanation: said,
  },
  { requiredKeys: ['mailbox', 'action', 'status', 'explanation'] },
);
const header = fc
  .array(fc.constantFrom('From: a', 'X: \u00ff', `Y: ${'z'.repeat(1500)}`, 'S: \u00c3\u00a9', ' folded', 'T: \t'))
  .map((lines) => Buffer.from(['F: f', ...lines].map((line) => `${line}\r\n`).join(''), 'latin1'));
const terms = fc.record(
  {
    hostName: fc.constant('relay.test'),
    id: fc.constant('id'),
    at: fc.constant(0),
    to: fc.constant('a@example.org'),
    arrivedAt: fc.constant(0),
    messageId: fc.constant('m'),
    envid: xtext.map((pieces) => pieces.join('')),
    recipients: fc.array(recipient, { minLength: 1, maxLength: 3 }),
    header,
    smtpUtf8: fc.boolean(),
  },
  { requiredKeys: ['hostName', 'id', 'at', 'to', 'arrivedAt', 'recipients'] },
) as fc.Arbitrary<DsnTerms>;

const HEAD = ['From', 'To', 'Subject', 'Date', 'Message-ID', 'Auto-Submitted', 'MIME-Version', 'Content-Type'];
const GROUP = new Set(
  [
    'Original-Recipient',
    'Final-Recipient',
    'Action',
    'Status',
    'Remote-MTA',
    'Diagnostic-Code',
    'Last-Attempt-Date',
  ].concat('Will-Retry-Until'),
);

function checkOctets(octets: Buffer, isUtf8: boolean): void {
  const text = octets.toString('latin1');
  ok(!/[^\r]\n|\r(?!\n)|[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text), 'no controls, no bare CR or LF');
  for (const line of text.split('\r\n')) ok(line.length <= 998, `a line of ${line.length} octets`);
  if (!isUtf8) ok(!/[\u0080-\u00ff]/.test(text), '7 bit');
}

test('reports: whatever is said, a report has our fields, our parts and lines that any server takes', () => {
  fc.assert(
    fc.property(terms, (given) => {
      const octets = buildDsn(given);
      checkOctets(octets, given.smtpUtf8 === true);
      deepEqual(octets, buildDsn(given), 'the same again');
      const text = octets.toString('latin1');
      deepEqual(text.slice(0, text.indexOf('\r\n\r\n')).match(/^[^ \t\r\n:]+(?=:)/gm), HEAD);
      equal(/[\u0085\u2028\u202e]/.test(octets.toString()), false);
      // Part for people, for machines, what comes back, and the end: each is announced once, by us.
      const marks = text.match(/^--=_dsn_id/gm)?.length ?? 0;
      const back = given.header === undefined ? 0 : 1;
      equal(marks, 3 + back);
      const machines = text.split('\r\n--=_dsn_id\r\n')[2] ?? '';
      equal(/^[ \t]+\r$/m.test(machines), false, 'no field goes on with nothing');
    }),
    { numRuns: 300 },
  );
});

test('reports: Python reads of every report what was meant, and sees nothing wrong', () => {
  const samples = fc.sample(terms, { numRuns: 80, seed: 3464 });
  readReports(samples.map((given) => buildDsn(given))).forEach((read, at) => {
    const given = samples[at] as DsnTerms;
    const what = JSON.stringify(given);
    deepEqual(read.names, HEAD, what);
    deepEqual(read.defects, [], what);
    const [whole, ...each] = read.fields;
    equal(each.length, given.recipients.length, what);
    equal(whole?.['Reporting-MTA'], 'dns; relay.test');
    each.forEach((fields, index) => {
      for (const name of Object.keys(fields)) ok(GROUP.has(name), `${name} in ${what}`);
      equal(fields['Action'], given.recipients[index]?.action);
      equal(fields['Status'], given.recipients[index]?.status);
    });
  });
});

test('reports: a thousand recipients with long replies make a report of bounded size', () => {
  const recipients = Array.from({ length: 1000 }, (_, at) => ({
    mailbox: `r${at}@example.net`,
    action: 'failed' as const,
    status: '5.7.1',
    diagnostic: Array.from({ length: 100 }, () => 'words '.repeat(150)),
    remoteMta: 'mx.example.net',
    explanation: 'There is no such mailbox.',
  }));
  const octets = buildDsn({ hostName: 'relay.test', id: 'id', at: 0, to: 'a@example.org', arrivedAt: 0, recipients });
  ok(octets.length < 2_500_000, `${octets.length}`);
  const text = octets.toString();
  equal(text.match(/^Final-Recipient: /gm)?.length, 1000, 'programs find all of them');
  equal(text.match(/^ {2}and 900 more, /gm)?.length, 1);
});

test('digests: whatever is said, a digest has our fields and lines that any server takes', () => {
  const first = fc.array(fc.record({ messageId: said, mailbox: said, reply: said }), { maxLength: 5 });
  const reasons = fc.array(fc.tuple(said, fc.nat()), { maxLength: 3 });
  fc.assert(
    fc.property(first, reasons, fc.boolean(), (examples, why, smtpUtf8) => {
      const octets = buildDigest({
        ...{
          hostName: 'relay.test',
          id: 'id',
          at: 0,
          to: 'a@example.org',
          sent: 100,
          firstAt: 0,
          lastAt: 1,
          recipients: 9,
        },
        ...{ kinds: [['could not be delivered', 9]], reasons: why, first: examples, smtpUtf8 },
      });
      checkOctets(octets, smtpUtf8);
      const text = octets.toString('latin1');
      deepEqual(text.slice(0, text.indexOf('\r\n\r\n')).match(/^[^ \t\r\n:]+(?=:)/gm), [
        ...HEAD,
        'Content-Transfer-Encoding',
      ]);
    }),
    { numRuns: 200 },
  );
});

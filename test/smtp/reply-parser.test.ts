import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Reply } from '../../src/flow/reply.ts';
import { REPLY_LIMITS, ReplyParser } from '../../src/smtp/reply-parser.ts';

interface Outcome {
  replies: Reply[];
  trouble?: string;
}

function parse(chunks: readonly Buffer[], limits = REPLY_LIMITS): Outcome {
  const parser = new ReplyParser(limits);
  const outcome: Outcome = { replies: [] };
  for (const chunk of chunks) {
    const { replies, trouble } = parser.feed(chunk);
    outcome.replies.push(...replies);
    if (trouble !== undefined) outcome.trouble ??= trouble;
    chunk.fill(0); // the parser must not have kept it
  }
  return outcome;
}

const whole = (text: string): Outcome => parse([Buffer.from(text)]);
const octetByOctet = (text: string): Outcome => parse([...Buffer.from(text)].map((octet) => Buffer.from([octet])));

const CASES: readonly (readonly [name: string, text: string, want: Outcome])[] = [
  ['one line', '250 ok\r\n', { replies: [{ code: 250, lines: ['ok'] }] }],
  ['a code alone', '250\r\n', { replies: [{ code: 250, lines: [''] }] }],
  ['several lines', '250-a\r\n250-b\r\n250 c\r\n', { replies: [{ code: 250, lines: ['a', 'b', 'c'] }] }],
  [
    'enhanced codes are taken off every line',
    '550-5.1.1 no\r\n550 5.1.1 such user\r\n',
    { replies: [{ code: 550, enhanced: '5.1.1', lines: ['no', 'such user'] }] },
  ],
  [
    'an enhanced code behind the first line counts',
    '554-mx.test\r\n554-5.7.1 blocked\r\n554 5.7.1 ask us\r\n',
    { replies: [{ code: 554, enhanced: '5.7.1', lines: ['mx.test', 'blocked', 'ask us'] }] },
  ],
  ['an address is no enhanced code', '250 2.1.1.1 x\r\n', { replies: [{ code: 250, lines: ['2.1.1.1 x'] }] }],
  [
    'a bare LF ends a line',
    '250 a\n354 b\n',
    {
      replies: [
        { code: 250, lines: ['a'] },
        { code: 354, lines: ['b'] },
      ],
    },
  ],
  ['the last code counts', '250-a\r\n550 b\r\n', { replies: [{ code: 550, lines: ['a', 'b'] }] }],
  ['UTF-8 stays', '550 gr\u00fc\u00dfe\r\n', { replies: [{ code: 550, lines: ['gr\u00fc\u00dfe'] }] }],
  [
    'controls and marks of direction are replaced',
    '550 a\u001b[31mb\u0000c\u0085d\u202ee\rf\r\n',
    { replies: [{ code: 550, lines: ['a?[31mb?c?d?e?f'] }] },
  ],
  ['a long line is cut', `550 ${'x'.repeat(3000)}\r\n`, { replies: [{ code: 550, lines: ['x'.repeat(512)] }] }],
  ['nothing yet', '250-a\r\n250', { replies: [] }],
  ['another protocol', 'HTTP/1.1 400\r\n', { replies: [], trouble: 'not an SMTP reply: HTTP/1.1 400' }],
  ['1xx', '150 x\r\n', { replies: [], trouble: 'not an SMTP reply: 150 x' }],
  ['6xx', '650 x\r\n', { replies: [], trouble: 'not an SMTP reply: 650 x' }],
  ['no separator', '250ok\r\n', { replies: [], trouble: 'not an SMTP reply: 250ok' }],
  ['an empty line', '\r\n', { replies: [], trouble: 'not an SMTP reply: ' }],
  [
    'what came before the trouble counts',
    '220 hi\r\nnonsense\u0007\r\n',
    { replies: [{ code: 220, lines: ['hi'] }], trouble: 'not an SMTP reply: nonsense?' },
  ],
];

for (const [name, text, want] of CASES) {
  test(`reply parser: ${name}`, () => {
    assert.deepEqual(whole(text), want);
    assert.deepEqual(octetByOctet(text), want);
  });
}

test('reply parser: an endless reply, an endless line and a megabyte end it at its bounds', () => {
  const limits = { linesMax: 3, octetsMax: 100, textMax: 10 };
  const run = (text: string): Outcome => parse([Buffer.from(text)], limits);
  assert.deepEqual(run('250-a\r\n'.repeat(4)), { replies: [], trouble: 'a reply of more than 3 lines' });
  assert.deepEqual(run('250-a\r\n250-b\r\n250 c\r\n').replies.length, 1);
  assert.equal(run(`250 ${'x'.repeat(200)}`).trouble, 'a reply of more than 100 octets');
  assert.equal(run(`250-${'x'.repeat(60)}\r\n250 ${'x'.repeat(60)}\r\n`).trouble, 'a reply of more than 100 octets');
  assert.equal(run(`250 ${'x'.repeat(94)}\r\n`).replies.length, 1, 'exactly 100');
  const parser = new ReplyParser();
  assert.notEqual(parser.feed(Buffer.alloc(1_000_000, 'x')).trouble, undefined);
  assert.notEqual(parser.feed(Buffer.from('250 ok\r\n')).trouble, undefined, 'it stays ended');
});

test('reply parser: bounds count per reply, not per connection', () => {
  const limits = { linesMax: 3, octetsMax: 100, textMax: 10 };
  assert.equal(parse([Buffer.from('250-a\r\n250 b\r\n'.repeat(50))], limits).replies.length, 50);
});

test('reply parser: any cut of any dialogue gives the same replies', () => {
  const line = fc
    .tuple(
      fc.constantFrom('220', '250', '354', '421', '452', '550', '199', 'xyz', ''),
      fc.constantFrom(' ', '-', '-', ''),
      fc.constantFrom('', 'ok', '2.1.0 ok', '5.7.1 no\u00fc', 'a\tb', 'x'.repeat(40)),
      fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r', ''),
    )
    .map((parts) => parts.join(''));
  const limits = { linesMax: 4, octetsMax: 120, textMax: 20 };
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 9 })), (lines, cuts) => {
      const octets = Buffer.from(lines.join(''));
      const chunks: Buffer[] = [];
      for (let at = 0, cut = 0; at < octets.length; cut++) {
        const length = cuts[cut % Math.max(cuts.length, 1)] ?? octets.length;
        chunks.push(Buffer.from(octets.subarray(at, at + length)));
        at += length;
      }
      const cut = parse(chunks, limits);
      assert.deepEqual(cut, parse([Buffer.from(octets)], limits));
      for (const { lines: kept, code } of cut.replies) {
        assert.ok(code >= 200 && code < 600 && kept.length <= 4 && kept.every((one) => one.length <= 20));
      }
    }),
    { numRuns: 1000 },
  );
});

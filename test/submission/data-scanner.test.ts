// End of data against a slow and obvious reading of RFC 5321, in every segmentation; the smuggling matrix byte by byte.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataScanner } from '../../src/submission/data-scanner.ts';

interface Reading {
  readonly content: string;
  readonly rest: string;
}

/** What the RFC says, one line at a time: undefined when the octets end before the data does. */
function expected(octets: string): Reading | 'fault' | undefined {
  let content = '';
  let at = 0;
  for (;;) {
    const end = octets.indexOf('\r\n', at);
    const line = end === -1 ? octets.slice(at) : octets.slice(at, end);
    if (/[\0\r\n]/.test(end === -1 ? line.replace(/\r$/, '') : line)) return 'fault';
    if (end === -1) return undefined;
    if (line === '.') return { content, rest: octets.slice(end + 2) };
    content += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
    at = end + 2;
  }
}

function scan(octets: string, cuts: readonly number[]): Reading | 'fault' | undefined {
  const scanner = new DataScanner();
  const all = Buffer.from(octets, 'latin1');
  let content = '';
  let from = 0;
  for (const to of [...cuts, all.length]) {
    const result = scanner.feed(all.subarray(from, to), (piece) => {
      content += piece.toString('latin1');
    });
    if (typeof result === 'string') return 'fault';
    if (result !== -1) return { content, rest: octets.slice(from + result) };
    from = to;
  }
  return undefined;
}

const everyOctet = (octets: string): number[] => Array.from({ length: octets.length }, (_unused, index) => index);

/** Everything that could be an end of data to somebody. */
const ENDS = [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r\n.\r',
  '\r.\r\n',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\0\r\n.\r\n',
  '\n\n.\r\n',
  '\r\r\n.\r\r\n',
  '\r\n\r.\r\n',
  '\n..\n',
  '\r\n..\n',
  '\n..\r\n',
  '\r\n.\r\r\n',
  '\r\n.\n\r\n',
  '\n.\r',
  '\r.\n',
] as const;

for (const end of ENDS) {
  test(`data scanner: ${JSON.stringify(end)} ends nothing and is refused, in one piece and octet by octet`, () => {
    const octets = `a${end}MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nx\r\n.\r\n`;
    equal(scan(octets, []), 'fault');
    equal(scan(octets, everyOctet(octets)), 'fault');
    for (let cut = 0; cut <= end.length + 2; cut++) equal(scan(octets, [cut]), 'fault', `cut at ${cut}`);
  });
}

for (const [name, octets, content] of [
  ['nothing', '.\r\n', ''],
  ['a stuffed dot', '..\r\n.\r\n', '.\r\n'],
  ['two dots', '...\r\n.\r\n', '..\r\n'],
  ['a dot the client forgot to stuff', '. x\r\n.\r\n', ' x\r\n'],
  ['an empty line', '\r\n.\r\n', '\r\n'],
  ['a dot within a line', 'a.\r\n.a\r\n.\r\n', 'a.\r\na\r\n'],
  ['octets over 127', '\xff\x80\r\n.\r\n', '\xff\x80\r\n'],
] as const) {
  test(`data scanner: ${name} comes out exactly in every segmentation`, () => {
    const all = `${octets}QUIT\r\n`;
    for (let cut = 0; cut < octets.length; cut++) {
      deepEqual(scan(all, [cut]), { content, rest: 'QUIT\r\n' }, `cut at ${cut}`);
    }
    deepEqual(scan(all, everyOctet(all)), { content, rest: 'QUIT\r\n' });
  });
}

test('data scanner: reads as the RFC says, whatever comes in whatever pieces', () => {
  const piece = fc.constantFrom(
    '\r\n',
    '.',
    '\r\n.\r\n',
    '\r',
    '\n',
    '\0',
    'a',
    '\r\n.',
    '\r\n..',
    'text',
    'a\r\n',
    '\r\n\r\n',
  );
  const calm = fc.constantFrom('\r\n', '.', '\r\n.\r\n', 'a', '\r\n.', '\r\n..', 'text', 'a\r\n', '\r\n\r\n', 'b');
  const octets = fc
    .oneof(fc.array(piece, { maxLength: 12 }), fc.array(calm, { maxLength: 20 }))
    .map((all) => all.join(''));
  fc.assert(
    fc.property(octets, fc.array(fc.nat(60), { maxLength: 6 }), (text, cuts) => {
      const sorted = cuts.filter((cut) => cut <= text.length).sort((a, b) => a - b);
      const wanted = expected(text);
      const got = scan(text, sorted);
      if (wanted !== 'fault') deepEqual(got, wanted);
      // A fault may be told before the end of its line is there, and once told is never taken back.
      else equal(got, 'fault');
    }),
    { numRuns: 3000 },
  );
});

test('data scanner: counts lines over 998 octets, in pieces too, the stuffed dot left out', () => {
  for (const [line, long] of [
    ['x'.repeat(998), 0],
    ['x'.repeat(999), 1],
    [`.${'.'.repeat(998)}`, 0],
    [`.${'.'.repeat(999)}`, 1],
  ] as const) {
    for (const step of [1, 7, 500, 5000]) {
      const scanner = new DataScanner();
      const octets = Buffer.from(`${line}\r\n.\r\n`);
      for (let at = 0; at < octets.length; at += step) scanner.feed(octets.subarray(at, at + step), () => undefined);
      equal(scanner.longLines, long, `${line.length} octets in steps of ${step}`);
    }
  }
});

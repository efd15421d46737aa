// Header sections: what is read, what is taken out, that the rest stays octet for octet, and that hostile ones cost time
// that grows with their size only.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromMailboxDomain } from '../../src/mail/from-mailbox.ts';
import { type HeaderFault, type HeaderSection, readHeaderSection } from '../../src/mail/header-section.ts';

const CONTROL = new Map([
  ['x-stream', 'stream'],
  ['x-job', 'stream'],
  ['x-key', 'key'],
]);

const read = (text: string): HeaderSection | HeaderFault => readHeaderSection(Buffer.from(text), CONTROL);
function section(text: string): HeaderSection {
  const result = read(text);
  if ('fault' in result) throw new Error(result.fault);
  return result;
}
const kept = (text: string): string => Buffer.concat(section(text).kept).toString();

test('header section: counts and finds fields whatever their case and folding', () => {
  const { received, hasDate, hasMessageId, fromFields, fromDomain } = section(
    'Received: a\r\n\tb\r\nRECEIVED: c\r\ndate : x\r\nMessage-ID:\r\n <1@example.com>\r\nFROM: A\r\n <a@Example.com>\r\n',
  );
  deepEqual(
    { received, hasDate, hasMessageId, fromFields, fromDomain },
    {
      received: 2,
      hasDate: true,
      hasMessageId: true,
      fromFields: 1,
      fromDomain: 'example.com',
    },
  );
});

test('header section: control fields are read and leave, folded lines and all', () => {
  const text = 'X-Stream: bulk\r\nA: 1\r\n x\r\nx-key:\r\n  k 1 \r\nB: 2\r\n';
  equal(kept(text), 'A: 1\r\n x\r\nB: 2\r\n');
  deepEqual(
    [...section(text).control],
    [
      ['stream', 'bulk'],
      ['key', 'k 1'],
    ],
  );
  equal(kept('X-Stream: bulk\r\n'), '');
});

test('header section: a control field twice is a fault, two names for one thing are not', () => {
  deepEqual(read('X-Key: 1\r\nx-key: 2\r\n'), { fault: 'control-twice', name: 'x-key' });
  equal(section('X-Job: 1\r\nX-Stream: 2\r\n').control.get('stream'), '1');
});

for (const [text, line] of [
  ['Hello\r\n', 1],
  ['A: 1\r\nHello there: x\r\n', 2],
  [' a\r\nA: 1\r\n', 1],
  ['A: 1\r\n: x\r\n', 2],
  ['A: 1\r\n\xc3\xa4: x\r\n', 2],
  ['A: 1\r\n b\r\nx\r\n', 3],
] as const) {
  test(`header section: ${JSON.stringify(text)} has a line that is no field`, () => {
    deepEqual(readHeaderSection(Buffer.from(text, 'latin1'), CONTROL), { fault: 'not-a-field', line });
  });
}

test('header section: what is not control stays octet for octet', () => {
  const field = fc.constantFrom('A: 1\r\n', 'B: x\r\n y\r\n', 'X-Other:\r\n', 'Received: r\r\n', 'X-Streams: no\r\n');
  const control = fc.constantFrom('', 'X-Key: k\r\n', 'X-KEY : k\r\n\tk\r\n');
  fc.assert(
    fc.property(fc.array(field), control, fc.array(field), (before, middle, after) => {
      equal(kept([...before, middle, ...after].join('')), [...before, ...after].join(''));
    }),
  );
});

for (const [value, domain] of [
  ['a@example.com', 'example.com'],
  [' "Doe, John" <a@example.com>', 'example.com'],
  ['John (a@b.example) <a@EXAMPLE.com> (x)', 'example.com'],
  ['"a@b.example" <a@example.com>', 'example.com'],
  ['"a b"@example.com', 'example.com'],
  ['<@relay.example:a@example.com>', undefined],
  ['a@example.com, b@example.com', undefined],
  ['Team: a@example.com;', undefined],
  ['<a@example.com', undefined],
  ['a@example.com <b@example.net>', 'example.net'],
  ['<a@example.com><b@example.net>', undefined],
  ['nobody', undefined],
  ['', undefined],
] as const) {
  test(`from mailbox: the domain of ${JSON.stringify(value)}`, () => equal(fromMailboxDomain(value), domain));
}

test('from mailbox: nesting as deep as it can be is read once', () => {
  for (const value of ['('.repeat(100_000), '"'.repeat(100_001), '<'.repeat(100_000), `${'(\\'.repeat(50_000)}a@b.c`]) {
    equal(fromMailboxDomain(value), undefined);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from '../../src/mail/address.ts';
import { comparableAddress, parseComparableAddress } from '../../src/mail/comparable-address.ts';

test('comparable address: case, IDN, quotes and Unicode forms are one mailbox; dots and +tags are not', () => {
  const same: readonly (readonly [string, string])[] = [
    ['John.Smith@Example.COM', 'john.smith@example.com'],
    ['<john.smith@example.com>', 'john.smith@example.com'],
    ['  john.smith@example.com ', 'john.smith@example.com'],
    ['"john.smith"@example.com', 'john.smith@example.com'],
    ['"john\\.smith"@example.com', 'john.smith@example.com'],
    ['"John Smith"@example.com', '"john smith"@example.com'],
    ['"a\\"b\\\\c"@example.com', '"a\\"b\\\\c"@example.com'],
    ['"a@b"@example.com', '"a@b"@example.com'],
    ['info@BÜCHER.example', 'info@xn--bcher-kva.example'],
    ['info@xn--bcher-kva.example', 'info@xn--bcher-kva.example'],
    ['JOSÉ@example.com', 'josé@example.com'],
    ['jose\u0301@example.com', 'josé@example.com'],
    ['@relay.example:john@example.com', 'john@example.com'],
    ['john@[IPv6:2001:DB8::1]', 'john@[ipv6:2001:db8::1]'],
  ];
  for (const [given, want] of same) assert.equal(parseComparableAddress(given), want, given);
  const apart = ['john.smith@gmail.com', 'johnsmith@gmail.com', 'john.smith+x@gmail.com', 'john.smith@googlemail.com'];
  assert.equal(new Set(apart.map(parseComparableAddress)).size, 4);
  for (const wrong of [
    '',
    ' ',
    '<>',
    'john',
    '@example.com',
    'john@',
    'a b@example.com',
    'john@example.com,',
    'a\u0000@b.example',
  ]) {
    assert.equal(parseComparableAddress(wrong), undefined, wrong);
  }
});

test('comparable address: however a mailbox is written, the form is one, and is its own form', () => {
  const piece = fc.constantFrom(
    'a',
    'B',
    'é',
    'É',
    'e\u0301',
    '0',
    '+',
    '-',
    "'",
    '\\"',
    '\\\\',
    ' ',
    '@',
    '\\a',
    'ß',
    'İ',
  );
  const local = fc
    .tuple(fc.boolean(), fc.array(piece, { minLength: 1, maxLength: 8 }))
    .map(([isQuoted, pieces]) => (isQuoted ? `"${pieces.join('')}"` : pieces.join('')));
  const domain = fc.constantFrom('example.com', 'EXAMPLE.com', 'bücher.example', 'XN--bcher-kva.example');
  fc.assert(
    fc.property(local, domain, (name, host) => {
      const parsed = parseAddress(`${name}@${host}`, true);
      fc.pre(typeof parsed !== 'string');
      const form = comparableAddress(parsed.mailbox, parsed.domain);
      assert.equal(parseComparableAddress(form), form);
      const shouted = parseAddress(`${name}@${host.toUpperCase()}`, true);
      assert.ok(typeof shouted !== 'string' && comparableAddress(shouted.mailbox, shouted.domain) === form);
    }),
  );
});

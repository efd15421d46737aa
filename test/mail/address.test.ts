// Addresses: what is one, what its routing domain is, and that nothing of what was sent is changed.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAddress } from '../../src/mail/address.ts';
import { domainMatches, parseDomain } from '../../src/mail/domain.ts';

for (const [text, domain, utf8] of [
  ['a@example.com', 'example.com', false],
  ['A.B+c@EXAMPLE.Com', 'example.com', false],
  ['"a b"@example.com', 'example.com', false],
  ['"a@b"@example.com', 'example.com', false],
  ['"a\\"b"@example.com', 'example.com', false],
  ['user%host@example.net', 'example.net', false],
  ['a@xn--p1ai.co', 'xn--p1ai.co', false],
  ['a@B\u00fccher.example', 'xn--bcher-kva.example', true],
  ['j\u00f6rg@example.com', 'example.com', true],
  ['a@[192.0.2.1]', '[192.0.2.1]', false],
  ['a@[IPv6:2001:DB8:0::1]', '[IPv6:2001:db8::1]', false],
  ['a@localhost', 'localhost', false],
  ['a@_spf.example', '_spf.example', false],
] as const) {
  test(`address: ${text} is kept as it is and goes to ${domain}`, () => {
    deepEqual(parseAddress(text, utf8), { mailbox: text, domain });
  });
}

test('address: a source route is stripped', () => {
  deepEqual(parseAddress('@relay.example,@b.example:a@example.com', false), {
    mailbox: 'a@example.com',
    domain: 'example.com',
  });
});

for (const text of [
  'a',
  '@',
  'a@',
  '@example.com',
  'a@b@c',
  'a..b@example.com',
  '.a@example.com',
  'a.@example.com',
  'a b@example.com',
  '"a@example.com',
  '"a"b@example.com',
  'a@example.com.',
  'a@.example.com',
  'a@exa..mple.com',
  'a@-a.example',
  'a@a-.example',
  'a@192.0.2.1',
  'a@1',
  'a@[192.0.2.1',
  'a@[192.0.2]',
  'a@[192.0.2.256]',
  'a@[2001:db8::1]',
  'a@[IPv6:2001:db8::g]',
  'a@[IPv6:::1%lo]',
  'a@[x:y]',
  'a@exam_ple!.com',
  'a\t@example.com',
  'a@exa\0mple.com',
  `a@${'x'.repeat(64)}.example`,
  'a@example.com\r\nRCPT TO:<b@example.com>',
  '@a:b@',
  '@a b:c@example.com',
]) {
  test(`address: ${JSON.stringify(text)} is none`, () => equal(parseAddress(text, true), 'syntax'));
}

test('address: not ASCII needs SMTPUTF8, and hides nothing', () => {
  equal(parseAddress('j\u00f6rg@example.com', false), 'needs-smtputf8');
  equal(parseAddress('a@b\u00fccher.example', false), 'needs-smtputf8');
  for (const hidden of ['\u0085', '\u200b', '\u202e', '\u2028', '\ufeff']) {
    equal(parseAddress(`a${hidden}@example.com`, true), 'syntax', JSON.stringify(hidden));
  }
});

test('address: a path of 254 octets is the longest', () => {
  const domain = `${'d'.repeat(60)}.${'d'.repeat(60)}.example`;
  const local = (octets: number): string => 'l'.repeat(octets - domain.length - 1);
  equal(typeof parseAddress(`${local(254)}@${domain}`, false), 'object');
  equal(parseAddress(`${local(255)}@${domain}`, false), 'too-long');
});

test('address: any text ends in an answer, and an accepted one is ASCII-safe for the wire', () => {
  const piece = fc.constantFrom(
    'a',
    '@',
    '.',
    '"',
    '\\',
    '<',
    '>',
    '[',
    ']',
    ':',
    ',',
    ' ',
    'example.com',
    '\u00fc',
    '\r\n',
    '%',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, utf8) => {
      const parsed = parseAddress(pieces.join(''), utf8);
      if (typeof parsed === 'string') return;
      equal(/[\x00-\x1f\x7f]/.test(parsed.mailbox), false);
      equal(parseDomain(parsed.domain), parsed.domain);
    }),
    { numRuns: 2000 },
  );
});

test('domain: rules cover one name or all below it', () => {
  equal(domainMatches('example.com', 'Example.com'), true);
  equal(domainMatches('a.example.com', 'example.com'), false);
  equal(domainMatches('a.example.com', '*.example.com'), true);
  equal(domainMatches('example.com', '*.example.com'), false);
  equal(domainMatches('badexample.com', '*.example.com'), false);
});

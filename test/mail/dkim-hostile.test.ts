// Headers that were written to break a signer: whatever stands in them, one well-formed field comes out, in time and size
// that grow with the header alone.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { headerFields, prepareSignature, signedHeader } from '../../src/mail/dkim.ts';

const TERMS = {
  domain: 'example.org',
  selector: 's',
  algorithm: 'rsa-sha256',
  canonicalization: 'relaxed/relaxed',
  bodyHash: 'aGFzaA==',
  signedAt: 1_700_000_000,
  expiresAt: 1_800_000_000,
} as const;
const TAGS = ['v', 'a', 'c', 'd', 's', 't', 'x', 'h', 'bh', 'b'];

/** What the field says, tag by tag; fails when it is not one field with the tags it should have. */
function read(section: string): Readonly<Record<string, string>> {
  const { input, field } = prepareSignature(signedHeader(headerFields(section)), TERMS);
  const text = field('c2lnbmF0dXJl');
  ok(text.startsWith('DKIM-Signature: ') && text.endsWith('\r\n'));
  for (const line of text.slice(0, -2).split('\r\n').slice(1)) ok(/^[ \t]+[!-~]/.test(line), JSON.stringify(line));
  for (const line of text.split('\r\n')) ok(line.length < 998, `${line.length}`);
  ok(!/[^\x20-\x7e\r\n]/.test(text));
  ok(input.length < 4 * section.length + 2000);
  const tags = text
    .slice('DKIM-Signature: '.length)
    .replace(/\s/g, '')
    .split(';')
    .map((tag): [string, string] => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)]);
  deepEqual(
    tags.map(([name]) => name),
    TAGS,
  );
  return Object.fromEntries(tags);
}

const name = fc.constantFrom(
  ...['From', 'Subject', 'To', 'Content-Type', 'content-X', 'Content-;l=0;x', 'Content-=', 'Content-', 'Content-a:b'],
  ...['DKIM-Signature', '__proto__', 'constructor', 'Content-__proto__', 'X'.repeat(300), `Content-${'y'.repeat(300)}`],
  ...['', ' ', ':', 'List-Id ', 'Sub\tject'],
);
const value = fc.array(
  fc.constantFrom('w', ' ', '\t', '\r\n ', '\r\n\t', '\u00ff', '\u0000', '\v', ';', '=', ':', '\r', '\n', 'b='),
  { maxLength: 10 },
);

test('dkim signer: hostile headers make one field with its own tags, whatever they say', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (fields) => {
      const section = fields.map(([one, pieces]) => `${one}:${pieces.join('')}`).join('\r\n');
      const tags = read(section);
      for (const signed of tags['h']?.split(':') ?? []) ok(/^[A-Za-z0-9-]+$/.test(signed), signed);
    }),
    { numRuns: 3000 },
  );
});

test('dkim signer: any octets at all in place of a header', () => {
  const octets = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString('latin1'));
  fc.assert(fc.property(octets, (section) => void read(section)));
});

test('dkim signer: many fields cost their octets, and new names beyond fifty are left out', () => {
  const many = (line: (at: number) => string): string =>
    Array.from({ length: 20_000 }, (_, at) => line(at)).join('\r\n');
  equal(
    read(many(() => 'To: x'))
      ['h']?.split(':')
      .filter((one) => one === 'To').length,
    20_001,
  );
  const names = read(many((at) => `Content-N${at}: x`))['h']?.split(':') ?? [];
  equal(names.filter((one) => one.startsWith('Content-N')).length, 2 * 50);
  read(`Subject: ${'\r\n '.repeat(50_000)}x`);
  read(`Subject: ${' \t'.repeat(50_000)}x`);
});

// The body hash against a reading of RFC 6376 that takes the whole body at once.
import { equal } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { BodyHash, simpleBody } from '../../src/submission/body-hash.ts';

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('base64');
/** RFC 6376 section 3.4.3. */
const canonical = (body: string): string => `${body.replace(/(?:\r\n)+$/, '')}\r\n`;

for (const [body, wanted] of [
  ['', '\r\n'],
  ['\r\n', '\r\n'],
  ['\r\n\r\n\r\n', '\r\n'],
  ['a\r\n', 'a\r\n'],
  ['a\r\n\r\n\r\n', 'a\r\n'],
  ['\r\n\r\na\r\n', '\r\n\r\na\r\n'],
  ['a\r\n\r\n \r\n', 'a\r\n\r\n \r\n'],
] as const) {
  test(`body hash: ${JSON.stringify(body)} is hashed as ${JSON.stringify(wanted)}`, () => {
    equal(canonical(body), wanted);
    const hash = new BodyHash();
    hash.update(Buffer.from(body));
    equal(hash.digest(), sha256(wanted));
    equal(sha256(simpleBody(Buffer.from(body))), sha256(wanted));
  });
}

test('body hash: the same in any pieces', () => {
  const line = fc.constantFrom('\r\n', 'a\r\n', ' \r\n', '\r\n\r\n\r\n');
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), fc.array(fc.nat(40)), (lines, cuts) => {
      const body = Buffer.from(lines.join(''));
      const hash = new BodyHash();
      let from = 0;
      for (const to of [...cuts.filter((cut) => cut < body.length).sort((a, b) => a - b), body.length]) {
        hash.update(body.subarray(from, to));
        from = to;
      }
      equal(hash.digest(), sha256(canonical(body.toString())));
      equal(sha256(simpleBody(body)), sha256(canonical(body.toString())));
    }),
  );
});

test('body hash: a run of empty lines longer than any buffer is text when text follows', () => {
  const hash = new BodyHash();
  const run = '\r\n'.repeat(5000);
  hash.update(Buffer.from(run));
  hash.update(Buffer.from(`${run}a\r\n`));
  equal(hash.digest(), sha256(`${run}${run}a\r\n`));
});

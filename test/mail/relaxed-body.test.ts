import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRelaxedAlready, RelaxedBodyHash } from '../../src/mail/relaxed-body.ts';

/** RFC 6376 section 3.4.4, line by line: slow and plain. */
function plain(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (lines.length > 0 && lines.at(-1) === '') lines.pop();
  const form = lines.map((line) => `${line}\r\n`).join('');
  return createHash('sha256').update(form, 'latin1').digest('base64');
}

const piece = fc.constantFrom('a', 'b c', ' ', '\t', '\r\n', '\r\n\r\n', '\v', '\f', '\u00a0', ' \r\n', '.');

test('relaxed body: equals the plain reading of the rule, however the octets are cut', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), fc.array(fc.nat(20), { maxLength: 4 }), (pieces, cuts) => {
      const body = pieces.join('');
      const octets = Buffer.from(body, 'latin1');
      const hash = new RelaxedBodyHash();
      let from = 0;
      for (const cut of [...cuts].sort((a, b) => a - b)) {
        const to = Math.min(Math.max(cut, from), octets.length);
        hash.update(octets.subarray(from, to));
        from = to;
      }
      hash.update(octets.subarray(from));
      assert.equal(hash.digest(), plain(body));
    }),
    { numRuns: 2000 },
  );
});

test('relaxed body: many empty lines between two lines', () => {
  const body = `a\r\n${'\r\n'.repeat(5000)}b`;
  const hash = new RelaxedBodyHash();
  for (const octet of Buffer.from(body)) hash.update(Buffer.of(octet));
  assert.equal(hash.digest(), plain(body));
});

test('relaxed body: what is relaxed already is told from what is not, wherever the white space stands', () => {
  const clean = fc.oneof(
    fc.constantFrom('a', 'b c', ' d', '\r\n', 'e\r\n'),
    fc.integer({ min: 505, max: 520 }).map((octets) => 'x'.repeat(octets)),
    fc.integer({ min: 250, max: 260 }).map((times) => 'x '.repeat(times)),
  );
  const perhapsNot = fc.constantFrom('', ' ', '  ', ' \r\n', '\t', '\r');
  fc.assert(
    fc.property(fc.array(clean, { maxLength: 4 }), perhapsNot, clean, (before, piece, after) => {
      const body = `${before.join('')}${piece}${after}`;
      assert.equal(isRelaxedAlready(Buffer.from(body)), !/\t| {2}| \r| $|\r$/.test(body));
    }),
    { numRuns: 3000 },
  );
});

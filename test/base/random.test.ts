// Random octets from the pool: never the same twice, never those of somebody else.
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../../src/base/random.ts';

test('random: octets are of the length asked for, never given twice, and stay what they were', () => {
  const given: { readonly octets: Uint8Array; readonly text: string }[] = [];
  for (let i = 0; i < 1000; i++) {
    const octets = systemRandom.bytes(16 + (i % 3) * 120);
    equal(octets.length, 16 + (i % 3) * 120);
    given.push({ octets, text: Buffer.from(octets).toString('hex') });
  }
  equal(new Set(given.map(({ text }) => text.slice(0, 32))).size, 1000);
  for (const { octets, text } of given) equal(Buffer.from(octets).toString('hex'), text);
});

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FragmentIndex } from '../../src/rules/fragment-index.ts';
import { shippedSet } from '../support/rules.ts';

const told = (index: FragmentIndex, text: string): readonly number[] => {
  const found: number[] = [];
  index.scan(text, (fragment) => void found.push(fragment));
  return found.sort((a, b) => a - b);
};

const included = (fragments: readonly string[], text: string): readonly number[] =>
  [...fragments.keys()].filter((at) => text.includes(fragments[at] ?? ''));

test('fragment index: it finds what includes() finds, each once, in texts that share much with the fragments', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', 'é', '語'), minLength: 1, maxLength: 6 });
  const fragments = fc.uniqueArray(letters, { maxLength: 30 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', 'é', '語', 'z', 'ü'), maxLength: 80 });
  fc.assert(
    fc.property(fragments, fc.array(text, { maxLength: 4 }), (given, texts) => {
      const index = new FragmentIndex(given);
      for (const one of texts) deepEqual(told(index, one), included(given, one));
    }),
    { numRuns: 500 },
  );
});

test('fragment index: each fragment of the shipped rules is found in the samples that have it, and in no other', () => {
  const fragments = [...new Set(shippedSet.all.flatMap(({ fragments: needs }) => needs.flat()))];
  const index = new FragmentIndex(fragments);
  equal(fragments.length > 1000, true);
  for (const [at, { sample }] of shippedSet.all.entries()) {
    // all with all would take seconds
    if (at % 20 > 0) continue;
    const text = sample.toLowerCase();
    deepEqual(told(index, text), included(fragments, text));
  }
});

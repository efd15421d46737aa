import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { findStale, PARTS } from './generated.ts';

const pathsOf = (stale: readonly [string, string][]): string[] => stale.map(([path]) => path);

test('generated files: none is stale (mend with: npm run docs)', () => {
  deepEqual(pathsOf(findStale()), []);
});

test('generated files: a text that differs is noticed, and so is a file that is not there', () => {
  const part = () =>
    new Map([
      ['LICENSE', 'something else'],
      ['no/such/file.md', 'x'],
    ]);
  deepEqual(pathsOf(findStale([part])), ['LICENSE', 'no/such/file.md']);
});

test('generated files: no two parts write the same file', () => {
  const paths = PARTS.flatMap((part) => [...part().keys()]);
  deepEqual(paths, [...new Set(paths)]);
});

// Sessions fuzzed for longer.
import { test } from 'node:test';
import { fuzzSessions } from './fuzz.ts';

test('fuzz: ten thousand talks, or as many as twenty seconds hold', { timeout: 120_000 }, () =>
  fuzzSessions(10_000, 20_000),
);

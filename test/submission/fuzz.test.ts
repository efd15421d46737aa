// A short fuzz of sessions for every check; the long one is in fuzz.slow.test.ts.
import { test } from 'node:test';
import { fuzzSessions } from './fuzz.ts';

test(
  'fuzz: any talk in any segments ends, leaks nothing, and keeps exactly what was answered 250',
  {
    timeout: 30_000,
  },
  () => fuzzSessions(120, 2000),
);

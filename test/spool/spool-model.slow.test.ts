import { test } from 'node:test';
import { runSpoolModel } from './spool-model.ts';

const [FIRST, LAST] = [1001, 3000];

test('disk spool: thousands of histories of crashes and faults keep every message and every outcome', async () => {
  for (let seed = FIRST; seed <= LAST; seed++) await runSpoolModel(seed);
});

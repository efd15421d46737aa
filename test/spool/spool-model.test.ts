import { test } from 'node:test';
import { runSpoolModel } from './spool-model.ts';

const SEEDS = 60;

test('disk spool: any history of crashes and faults keeps every message and every outcome', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await runSpoolModel(seed);
});

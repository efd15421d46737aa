import { test } from 'node:test';
import { runFilesModel } from './files-model.ts';

const SEEDS = 150;

test('spool files: any history of crashes and faults keeps what was acknowledged', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await runFilesModel(seed);
});

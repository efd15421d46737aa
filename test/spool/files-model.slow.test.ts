import { test } from 'node:test';
import { runFilesModel } from './files-model.ts';

test('spool files: thousands of histories of crashes and faults keep what was acknowledged', async () => {
  for (let seed = 1001; seed <= 3000; seed++) await runFilesModel(seed);
});

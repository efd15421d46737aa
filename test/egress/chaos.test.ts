import { test } from 'node:test';
import { playSeeds } from './chaos.ts';

test('egress: whatever servers do, every attempt comes back once and nothing that arrived is called not begun', async () => {
  await playSeeds(1, 30);
});

import { test } from 'node:test';
import { playSeeds } from './chaos.ts';

test('egress: servers that do anything, over many seeds', async () => {
  await playSeeds(31, 400);
});

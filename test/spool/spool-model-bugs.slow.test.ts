// The test of the test: faults planted in the disk spool, each of which the model must see.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seenWithin } from './planted.ts';

test('disk spool model: sees a copy that brings back what is over', async () => {
  const seen = await seenWithin(1000, { rules: { creates: () => true } });
  assert.match(seen ?? 'nothing', /waits for|not told, but it waits/);
});

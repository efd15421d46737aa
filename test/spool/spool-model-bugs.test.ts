// The test of the test: faults planted in the disk spool, each of which the model must see.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seenWithin } from './planted.ts';
import { changedDisk } from '../support/changed-disk.ts';
import type { PlantedInSpool } from './spool-model.ts';

test('disk spool model: sees accepts that a start does not read', async () => {
  const seen = await seenWithin(50, { rules: { creates: () => false } });
  assert.match(seen ?? 'nothing', /is over; may/);
});

test('disk spool model: sees removed files that were not made durable', async () => {
  const wrap: PlantedInSpool['wrap'] = (disk) =>
    changedDisk(disk, {
      syncFolder: (folder) => (folder === 'segments' ? Promise.resolve() : disk.syncFolder(folder)),
    });
  assert.notEqual(await seenWithin(50, { wrap }), undefined);
});

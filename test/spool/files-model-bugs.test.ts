// The model test is tested: each of these faults was once made by somebody's mail server, and each is seen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../src/flow/message.ts';
import type { Disk } from '../../src/spool/disk.ts';
import { FIRST_BLOCK } from '../../src/spool/file-head.ts';
import { SEGMENTS } from '../../src/spool/layout.ts';
import { HEADER_OCTETS } from '../../src/spool/record.ts';
import { type SegmentItem, scanSegment } from '../../src/spool/segment-scan.ts';
import { changedDisk, changedFiles } from '../support/changed-disk.ts';
import { type Planted, runFilesModel } from './files-model.ts';

const SEEDS_MAX = 150;

/** The seeds are those of which every one may damage records. */
async function seenAs(planted: Planted, expected: RegExp): Promise<void> {
  for (let seed = 3; seed < 3 * SEEDS_MAX; seed += 3) {
    try {
      await runFilesModel(seed, planted);
    } catch (error) {
      assert.match(String(error), expected);
      return;
    }
  }
  assert.fail(`not seen in ${SEEDS_MAX} histories`);
}

test('model of the spool files: an answer before the sync is seen', async () => {
  const wrap = (disk: Disk): Disk => changedFiles(disk, () => ({ fdatasync: () => Promise.resolve() }));
  await seenAs({ wrap }, /acknowledged and lost|synced outcome lost/);
});

test('model of the spool files: a new file whose folder is not synced is seen', async () => {
  const wrap = (disk: Disk): Disk => changedDisk(disk, { syncFolder: () => Promise.resolve() });
  await seenAs({ wrap }, /acknowledged and lost|synced outcome lost/);
});

test('model of the spool files: a refused record that is not cut off is seen', async () => {
  const wrap = (disk: Disk): Disk => changedFiles(disk, () => ({ truncateSync: () => {} }));
  await seenAs({ wrap }, /refused and there/);
});

test('model of the spool files: appending to a file of an earlier life is seen', async () => {
  const wrap = (disk: Disk): Disk => changedDisk(disk, { openNew: (path) => appendToOld(disk, path) });
  await seenAs({ wrap }, /acknowledged and lost/);
});

function appendToOld(disk: Disk, path: string): ReturnType<Disk['openNew']> {
  const old = path.startsWith(SEGMENTS) ? disk.list(SEGMENTS).at(-1) : undefined;
  if (old === undefined) return disk.openNew(path);
  const file = disk.openWrite(`${SEGMENTS}/${old}`);
  const shift = file.size() - FIRST_BLOCK;
  return {
    ...file,
    writevSync: (buffers, position) => (position === 0 ? FIRST_BLOCK : file.writevSync(buffers, position + shift)),
    truncateSync: (length) => file.truncateSync(length + shift),
  };
}

test('model of the spool files: a search for the next record that enters a body is seen', async () => {
  await seenAs({ scan: unsaltedScan }, /a record stands twice|no record begins here|deepStrictEqual|deep-equal/);
});

/** As scanSegment, but after damage it takes for a record whatever looks like one. */
async function* unsaltedScan(disk: Disk, segment: string): AsyncGenerator<SegmentItem> {
  for await (const item of scanSegment(disk, segment)) {
    yield item;
    if (item.item !== 'damaged') continue;
    const file = disk.openRead(`${SEGMENTS}/${segment}`);
    const bytes = Buffer.alloc(item.to - item.from);
    file.readSync(bytes, item.from);
    for (let at = bytes.indexOf('PR', 1); at >= 0; at = bytes.indexOf('PR', at + 1)) {
      const record = looksLikeRecord(bytes.subarray(at));
      if (record === undefined) continue;
      const location = { segment, offset: item.from + at, length: record.length };
      yield { item: 'record', kind: 'accept', ownFile: false, message: record.message, location };
    }
  }
}

function looksLikeRecord(bytes: Buffer): { readonly message: Message; readonly length: number } | undefined {
  if (bytes.length < HEADER_OCTETS) return undefined;
  const envelopeEnd = HEADER_OCTETS + bytes.readUInt32BE(14);
  try {
    const message = JSON.parse(bytes.toString('utf8', HEADER_OCTETS, envelopeEnd)) as Message;
    return { message, length: envelopeEnd + bytes.readUIntBE(18, 6) + 4 };
  } catch {
    return undefined;
  }
}

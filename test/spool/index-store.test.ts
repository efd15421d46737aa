import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { ChangeBatch, type IndexStore } from '../../src/spool/index-store.ts';
import { createLmdbIndex } from '../../src/spool/lmdb-index.ts';
import { createMemoryIndex } from '../../src/spool/memory-index.ts';

const octets = (...numbers: number[]): Buffer => Buffer.from(numbers);

function storeContract(name: string, make: (folder: string) => IndexStore, isKept: boolean): void {
  test(`${name}: a batch is there when it resolves, in order of its keys`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'postilion-index-'));
    const store = make(folder);
    try {
      await store.open();
      const batch = new ChangeBatch();
      batch.put(octets(2, 255), octets(1));
      batch.put(octets(2, 0, 0), Buffer.alloc(300_000, 7));
      batch.put(octets(2), Buffer.alloc(0));
      batch.put(octets(3), octets(9));
      batch.put(octets(3), octets(8));
      batch.put(octets(4), octets(1));
      batch.remove(octets(4));
      batch.remove(octets(5));
      await store.commit(batch);
      assert.equal(batch.count, 8);
      assert.deepEqual(store.get(octets(3)), octets(8));
      assert.equal(store.get(octets(4)), undefined);
      const keys = (limit: number): readonly Buffer[] => store.range(octets(2), octets(3), limit).map((row) => row.key);
      assert.deepEqual(keys(9), [octets(2), octets(2, 0, 0), octets(2, 255)]);
      assert.deepEqual(keys(2), [octets(2), octets(2, 0, 0)]);
      assert.equal(store.range(octets(2, 0), octets(3), 1)[0]?.value.length, 300_000);
      if (isKept) {
        await store.close();
        const next = make(folder);
        await next.open();
        assert.deepEqual(next.get(octets(3)), octets(8));
        await next.clear();
        assert.deepEqual(next.range(octets(0), octets(255), 9), []);
        await next.close();
      }
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
}

storeContract('memory index', () => createMemoryIndex(), false);
storeContract('lmdb index', createLmdbIndex, true);

test('lmdb index: once its writer has ended every request fails at once, and it closes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'postilion-index-'));
  const store = createLmdbIndex(folder);
  try {
    const began = new Promise<Worker>((resolve) => process.once('worker', resolve));
    await store.open();
    const writer = await began;
    const batch = new ChangeBatch();
    batch.put(octets(1), octets(1));
    await store.commit(batch);
    await writer.terminate();
    await assert.rejects(store.commit(new ChangeBatch()), /the writer of the index ended/);
    await assert.rejects(store.clear(), /the writer of the index ended/);
    assert.deepEqual(store.get(octets(1)), octets(1));
    await store.close();
    await store.close();
    await store.open();
    assert.deepEqual(store.get(octets(1)), octets(1));
    await store.clear();
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
});

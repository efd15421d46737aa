import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import type { IndexStore } from '../../src/spool/index-store.ts';
import { createMemoryIndex } from '../../src/spool/memory-index.ts';
import { IndexedMessages } from '../../src/spool/indexed-messages.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { makeDiskSpool } from './disk-spool-under-test.ts';
import { mail, outcome, T0 } from './mail.ts';

/** An index that counts how often rows are read one after the other. */
function countingIndex(): { readonly index: IndexStore; reads: number } {
  const inner = createMemoryIndex();
  const counting = { index: inner as IndexStore, reads: 0 };
  counting.index = Object.assign(Object.create(inner) as IndexStore, {
    open: () => inner.open(),
    get: (key: Buffer) => inner.get(key),
    keys: (from: Buffer, to: Buffer, limit: number) => inner.keys(from, to, limit),
    commit: (batch: Parameters<IndexStore['commit']>[0]) => inner.commit(batch),
    clear: () => inner.clear(),
    close: () => inner.close(),
    range: (from: Buffer, to: Buffer, limit: number) => {
      counting.reads++;
      return inner.range(from, to, limit);
    },
  });
  return counting;
}

const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `u@d${n}.example`);

test('indexed messages: one for many is read from the index once, and follows every checkpoint', async () => {
  const counting = countingIndex();
  const { spool, put, close } = await makeDiskSpool({
    disk: new FakeDisk({ random: seededRandom(1) }),
    index: counting.index,
  });
  const message = mail(many(60));
  spool.accept(await put(message));
  await spool.checkpoint();
  const expected = new Map(message.forwardPaths.map((_, index) => [index, { dueAt: T0, attempts: 0 }]));
  const check = (): void => {
    const waiting = spool.message(message.id)?.waiting ?? [];
    const found = waiting.map(({ index, dueAt, attempts }) => [index, { dueAt, attempts }] as const);
    deepEqual(
      found,
      [...expected].toSorted(([a], [b]) => a - b),
    );
  };
  check();
  const reads = counting.reads;
  for (let index = 0; index < 59; index++) {
    const at = { at: T0 + index, nextAttemptAt: T0 + 1000 + index };
    if (index % 3 === 0) {
      spool.record([outcome(message, index, 'deferred', at)]);
      expected.set(index, { dueAt: at.nextAttemptAt, attempts: 1 });
    } else {
      spool.record([outcome(message, index, 'delivered', { at: at.at })]);
      expected.delete(index);
    }
    check();
    // Some changes lie in the layer above, some are in the index.
    if (index % 5 === 4) await spool.checkpoint();
    check();
  }
  ok(counting.reads - reads < 59, `${counting.reads - reads} reads`);
  await close();
});

test('indexed messages: so many recipients are kept, those asked for longest ago go first, and single ones never stay', async () => {
  const counting = countingIndex();
  const { spool, put, close } = await makeDiskSpool({
    disk: new FakeDisk({ random: seededRandom(1) }),
    index: counting.index,
  });
  const [a, b, c, single] = [mail(many(4)), mail(many(4)), mail(many(4)), mail(many(1))];
  for (const message of [a, b, c, single]) spool.accept(await put(message));
  await spool.checkpoint();
  const stored = new IndexedMessages(counting.index, 9);
  const readsOf = (message: typeof a): number => {
    const before = counting.reads;
    deepEqual(stored.get(message.id).message, message);
    equal(stored.get(message.id).waiting.size, message.forwardPaths.length);
    return counting.reads - before;
  };
  deepEqual([a, b, a, c, a, b].map(readsOf), [1, 1, 0, 1, 0, 1]);
  equal(stored.get(single.id) === stored.get(single.id), false);
  await close();
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { pageKey, placeOf } from '../../src/policy/suppression-page.ts';
import { ChangeBatch } from '../../src/spool/index-store.ts';
import { createMemoryIndex } from '../../src/spool/memory-index.ts';
import { createMemorySpool } from '../../src/spool/memory-spool.ts';
import { rebuildIndex, viewSpool } from '../../src/spool/offline.ts';
import { nameKey } from '../../src/spool/rows.ts';
import { verifySpool } from '../../src/spool/verify.ts';
import { makeDiskSpool } from '../spool/disk-spool-under-test.ts';
import { HOUR, T0 } from '../spool/mail.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { all, entry, listOn, suppressionsContract } from './suppressions-contract.ts';

suppressionsContract('the memory spool', async () => {
  const clock = new FakeClock(T0);
  const spool = createMemorySpool({ clock });
  let offset = 0;
  return {
    spool,
    clock,
    accept: async (message) =>
      spool.accept({ message, location: { segment: 's', offset: (offset += 100), length: 100 } }),
    again: async () => spool,
    close: () => spool.close(),
  };
});

suppressionsContract('the disk spool', async () => {
  const clock = new FakeClock(T0);
  const disk = new FakeDisk({ random: seededRandom(1) });
  const index = createMemoryIndex();
  const lives = [await makeDiskSpool({ disk, index, clock })];
  const [first] = lives as [(typeof lives)[number]];
  return {
    spool: first.spool,
    clock,
    accept: async (message) => first.spool.accept(await first.put(message)),
    again: async () => {
      // The first is not closed: nothing of it is in the index.
      lives.push(await makeDiskSpool({ disk, index, clock, seed: lives.length + 1 }));
      return (lives.at(-1) as (typeof lives)[number]).spool;
    },
    close: async () => (lives.at(-1) as (typeof lives)[number]).close(),
  };
});

test('suppressions: a rebuild brings a damaged list back, also when only a snapshot of it is left', async () => {
  const clock = new FakeClock(T0);
  const disk = new FakeDisk({ random: seededRandom(1) });
  const index = createMemoryIndex();
  const options = { historyMs: 2 * HOUR, journalFileOctets: 65_536, journalStepOctets: 16_384 };
  const making = { disk, index, clock, options };
  const first = await makeDiskSpool(making);
  const list = listOn(first.spool, clock);
  const entries = Array.from({ length: 700 }, (_, n) => entry(`r${n}@example.com`, { reply: `550 5.1.1 r${n}` }));
  for (let at = 0; at < entries.length; at += 100) {
    first.spool.record(list.add(entries.slice(at, at + 100), 'operator').events);
  }
  const before = all(list);
  assert.equal(before.length, 700);
  const oldest = disk.list('journal')[0] ?? '';
  for (let hours = 0; hours < 5; hours++) {
    await clock.advance(HOUR);
    for (let turns = 0; turns < 60; turns++) await clock.advance(10);
  }
  assert.ok(!disk.list('journal').includes(oldest), 'the first journal file has gone');
  await first.close();

  const key = pageKey(placeOf(before[0]?.address ?? '', String(first.spool.state('suppression-salt'))).page);
  const batch = new ChangeBatch();
  batch.put(nameKey('state', key), Buffer.from([0, 1, 2, 3]));
  await index.commit(batch);
  const view = await viewSpool({ root: '/nowhere', clock, disk, index });
  assert.deepEqual((await verifySpool(view)).damagedPages, [key]);
  await view.close();

  await rebuildIndex({ root: '/nowhere', clock, disk, index });
  const last = await makeDiskSpool({ ...making, seed: 5 });
  assert.deepEqual(all(listOn(last.spool, clock)), before);
  await last.close();
});

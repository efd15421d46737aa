import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { createMemoryIndex } from '../../src/spool/memory-index.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { makeDiskSpool } from './disk-spool-under-test.ts';
import { mail } from './mail.ts';

test('checkpoints: half a second after much has happened, five seconds after little', async () => {
  let commits = 0;
  const index = createMemoryIndex(async () => void commits++);
  const { spool, put, clock, close } = await makeDiskSpool({ disk: new FakeDisk({ random: seededRandom(1) }), index });
  const made = async (messages: number, ms: number): Promise<number> => {
    const before = commits;
    for (let n = 0; n < messages; n++) spool.accept(await put(mail(['a@one.example'])));
    await clock.advance(ms);
    return commits - before;
  };
  equal(await made(0, 60_000), 0, 'none while nothing happens');
  equal(await made(1, 4999), 0);
  equal(await made(1, 1), 1);
  equal(await made(19, 600), 0);
  equal(await made(1, 499), 0);
  equal(await made(0, 1), 1);
  await close();
});

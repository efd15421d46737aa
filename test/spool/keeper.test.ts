import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import { DamagedRecord } from '../../src/flow/spool.ts';
import { createMemoryIndex } from '../../src/spool/memory-index.ts';
import { rebuildIndex } from '../../src/spool/offline.ts';
import { SegmentReader } from '../../src/spool/segment-reader.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { die, makeDiskSpool, withContent } from './disk-spool-under-test.ts';
import { HOUR, mail, outcome, T0 } from './mail.ts';

const newDisk = (capacity?: number): FakeDisk =>
  new FakeDisk({ random: seededRandom(1), ...(capacity !== undefined && { capacity }) });

/** A segment in which one message of eight still waits. */
async function makeSparse() {
  const disk = newDisk();
  const { spool, put, writer, close } = await makeDiskSpool({ disk, index: createMemoryIndex() });
  const messages = Array.from({ length: 8 }, () => withContent(mail(['a@one.example', 'b@two.example']), 2000));
  for (const message of messages) spool.accept(await put(message));
  const [kept, ...over] = messages as [(typeof messages)[number]];
  for (const message of over) spool.record([outcome(message, 0, 'failed'), outcome(message, 1, 'failed')]);
  return { disk, kept, spool, writer, close };
}

test('keeper: a finished segment goes when nothing lives in it, nobody reads it and the index says so', async () => {
  const disk = newDisk();
  const { spool, put, writer, close } = await makeDiskSpool({ disk, index: createMemoryIndex() });
  const message = mail(['a@one.example']);
  const accepted = await put(message);
  spool.accept(accepted);
  spool.pin(accepted.location);
  spool.record([outcome(message, 0, 'delivered')]);
  const isThere = (): boolean => disk.list('segments').length > 0;
  await spool.checkpoint();
  await spool.keep();
  assert.ok(isThere(), 'its writer may append');
  await writer.close();
  spool.segmentClosed(accepted.location.segment);
  await spool.keep();
  assert.ok(isThere(), 'no checkpoint since');
  await spool.checkpoint();
  await spool.keep();
  assert.ok(isThere(), 'somebody reads it');
  spool.unpin(accepted.location);
  await spool.keep();
  assert.ok(!isThere());
  spool.accept(accepted);
  assert.equal(spool.counts.messages, 0, 'told late, and gone: it is over');
  await close();
});

test('keeper: what lives is copied out of a segment in which little does, and read where it is then', async () => {
  const { disk, kept, spool, writer, close } = await makeSparse();
  spool.record([outcome(kept, 1, 'deferred', { nextAttemptAt: T0 + 99, attempts: 2 })]);
  const before = spool.message(kept.id)!;
  await writer.close();
  spool.segmentClosed(before.location.segment);
  await spool.checkpoint();
  await spool.keep();
  const after = spool.message(kept.id)!;
  assert.notEqual(after.location.segment, before.location.segment);
  assert.deepEqual({ ...after, location: undefined }, { ...before, location: undefined });
  const reader = new SegmentReader(disk);
  assert.equal((await reader.read(after.location)).message.id, kept.id);
  await spool.keep();
  await assert.rejects(new SegmentReader(disk).read(before.location), DamagedRecord);
  await reader.close();
  await close();
});

test('keeper: a copy is written once the outcomes that it leaves out are durable, for a rebuild believes it', async () => {
  const { disk, kept, spool, writer, close } = await makeSparse();
  await writer.close();
  spool.segmentClosed(spool.message(kept.id)!.location.segment);
  await spool.checkpoint();
  spool.record([outcome(kept, 1, 'delivered')]);
  const calls: string[] = [];
  disk.fault = ({ name, path }) => void calls.push(`${name} ${path.split('/')[0]}`);
  await spool.keep();
  const copied = calls.indexOf('write segments');
  assert.ok(copied > 0, 'it was copied');
  assert.ok(calls.slice(0, copied).includes('fdatasync journal'), calls.slice(0, copied + 1).join(', '));
  await close();
});

test('keeper: journal files go when they are old and nothing needs them; the state outlives them', async () => {
  const disk = newDisk();
  const index = createMemoryIndex();
  const clock = new FakeClock(T0);
  const options = { historyMs: 2 * HOUR, journalFileOctets: 8192, journalStepOctets: 4096 };
  const { spool, close } = await makeDiskSpool({ disk, index, clock, options });
  for (let at = 0; at < 100; at++) {
    spool.record([{ type: 'state', at: T0, key: `s/${at % 30}`, value: at, by: 'test' }]);
  }
  const oldest = disk.list('journal')[0]!;
  // A round takes many turns of the event loop: an hour of the clock alone is too short for it.
  const pass = async (hours: number): Promise<void> => {
    for (let at = 0; at < hours; at++) {
      await clock.advance(HOUR);
      for (let turns = 0; turns < 60; turns++) await clock.advance(10);
    }
  };
  await pass(1);
  assert.ok(disk.list('journal').includes(oldest), 'young');
  for (let at = 0; at < 100; at++) spool.record([{ type: 'note', at: T0, note: 'x'.repeat(100), by: 'test' }]);
  await pass(4);
  assert.ok(!disk.list('journal').includes(oldest), 'old');
  const states = spool.states('s/');
  await close();
  await rebuildIndex({ root: '/nowhere', clock, disk, index });
  const next = await makeDiskSpool({ disk, index, clock, seed: 2, options });
  assert.deepEqual(next.spool.states('s/'), states);
  await next.close();
});

test('keeper: at the reserve room is made although no checkpoint is', async () => {
  const capacity = 2 * 1024 * 1024;
  const disk = newDisk(capacity);
  const { spool, put, writer, close, clock } = await makeDiskSpool({ disk, index: createMemoryIndex() });
  const messages = Array.from({ length: 21 }, () => withContent(mail(['a@one.example']), 90_000));
  let segment = '';
  for (const message of messages) {
    const accepted = await put(message);
    spool.accept(accepted);
    segment = accepted.location.segment;
  }
  await writer.close();
  for (const name of disk.list('segments')) spool.segmentClosed(name);
  await clock.advance(200);
  assert.ok(spool.atReserve());
  for (const message of messages) spool.record([outcome(message, 0, 'delivered')]);
  for (let turns = 0; turns < 20; turns++) await clock.advance(200);
  assert.ok(!disk.list('segments').includes(segment));
  assert.ok(!spool.atReserve());
  await close();
});

test('disk spool: a newer format is refused with 78 and nothing is changed', async () => {
  const disk = newDisk();
  const { spool, put, writer, close } = await makeDiskSpool({ disk, index: createMemoryIndex() });
  const { location } = await put(mail(['a@one.example']));
  await writer.close();
  await close();
  assert.equal(spool.backlogged, false);
  // Both copies of the first block, with checksums that hold, as a newer release would write them.
  const { crc32 } = await import('node:zlib');
  disk.damage(`segments/${location.segment}`, (bytes) => {
    const block = Buffer.from(bytes.buffer, bytes.byteOffset, 4096);
    for (const copy of [block.subarray(0, 2048), block.subarray(2048)]) {
      copy.writeUInt16BE(99, 8);
      copy.writeUInt32BE(crc32(copy.subarray(0, 2044)), 2044);
    }
  });
  const files = disk.list('journal');
  await assert.rejects(
    makeDiskSpool({ disk, index: createMemoryIndex(), deps: { die } }),
    (error: unknown) => error instanceof OperatorError && error.exitCode === EXIT.configuration,
  );
  assert.deepEqual(disk.list('journal'), files);
});

test('disk spool: too much that is not in the index asks for less mail', async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  let isHeld = false;
  const index = createMemoryIndex(() => (isHeld ? held : Promise.resolve()));
  const { spool, put, close } = await makeDiskSpool({ disk: newDisk(), index, options: { checkpointChanges: 5 } });
  isHeld = true;
  for (let at = 0; at < 19; at++) spool.accept(await put(mail(['a@one.example'])));
  assert.equal(spool.backlogged, false);
  spool.accept(await put(mail(['a@one.example'])));
  assert.equal(spool.backlogged, true);
  release();
  await spool.checkpoint();
  assert.equal(spool.backlogged, false);
  await close();
});

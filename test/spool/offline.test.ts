import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import type { Message } from '../../src/flow/message.ts';
import { dumpSpool } from '../../src/spool/dump.ts';
import { exportFolder, exportStream } from '../../src/spool/export.ts';
import { importStream } from '../../src/spool/import.ts';
import { createMemoryIndex, type MemoryIndex } from '../../src/spool/memory-index.ts';
import { type OfflineOptions, rebuildIndex, viewSpool } from '../../src/spool/offline.ts';
import { verifySpool } from '../../src/spool/verify.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeDisk } from '../support/fake-disk.ts';
import { type DiskSpoolUnderTest, makeDiskSpool, withContent } from './disk-spool-under-test.ts';
import { mail, outcome, T0 } from './mail.ts';
import { contents } from './offline-contents.ts';

interface Filled {
  readonly disk: FakeDisk;
  readonly index: MemoryIndex;
  readonly options: OfflineOptions;
  readonly messages: readonly Message[];
}

const closed = async (tested: DiskSpoolUnderTest): Promise<void> => {
  await tested.writer.close();
  await tested.spool.close();
};

/** 30 messages in several segments: some over, some partly, some deferred; states, a claim, an alarm, copies. */
async function fill(): Promise<Filled> {
  const disk = new FakeDisk({ random: seededRandom(1) });
  const index = createMemoryIndex();
  const tested = await makeDiskSpool({ disk, index, segmentOctets: 16_000 });
  const { spool } = tested;
  const messages: Message[] = [];
  for (let at = 0; at < 30; at++) {
    const extra = at === 3 ? { idempotencyKey: 'k', campaign: 'spring' } : {};
    const message = withContent(mail([`a${at}@one.example`, `b${at}@two.example`], extra), 100 + at * 50);
    messages.push(message);
    spool.accept(await tested.put(message));
  }
  for (const [at, message] of messages.entries()) {
    if (at % 10 === 3) continue;
    if (at % 10 === 7) spool.record([outcome(message, 0, 'deferred', { nextAttemptAt: T0 + at, attempts: 2 })]);
    else spool.record([outcome(message, 0, 'delivered'), outcome(message, 1, at % 10 === 8 ? 'deferred' : 'failed')]);
  }
  spool.record([
    { type: 'state', at: T0, key: 'pause/all', value: true, by: 'test' },
    { type: 'alarm', at: T0, alarm: 'test', text: 'an alarm' },
  ]);
  await tested.writer.close();
  for (const name of disk.list('segments')) if (name.includes('submission')) spool.segmentClosed(name);
  await spool.checkpoint();
  for (let round = 0; round < 6; round++) await spool.keep();
  await closed(tested);
  return { disk, index, options: { root: '/nowhere', clock: new FakeClock(T0), disk, index }, messages };
}

test('rebuild: from segments and journal the index says what it said', async () => {
  const { options, index, disk } = await fill();
  const before = await contents(options);
  assert.ok(
    disk.list('segments').some((name) => name.includes('keeper')),
    'records were copied forward',
  );
  await rebuildIndex(options);
  assert.deepEqual(await contents(options), before);
  await index.clear();
  assert.deepEqual(await contents(options), before, 'viewed without an index');
  const again = await makeDiskSpool({ disk, index });
  await closed(again);
  assert.deepEqual(await contents(options), before, 'started without an index');
});

test('dump: one line for each message that waits', async () => {
  const { options, messages } = await fill();
  const view = await viewSpool(options);
  const lines = [...dumpSpool(view)];
  await view.close();
  const waiting = messages.filter((_, at) => [3, 7, 8].includes(at % 10));
  assert.deepEqual(lines.map(({ id }) => id).toSorted(), waiting.map(({ id }) => id).toSorted());
  const deferred = lines.find(({ id }) => id === messages[7]?.id);
  assert.equal(deferred?.accepted_at, new Date(T0).toISOString());
  assert.equal(deferred?.state, 'queued');
  assert.deepEqual(deferred?.waiting[0], {
    forward_path: 'a7@one.example',
    due_at: new Date(T0 + 7).toISOString(),
    attempts: 2,
  });
});

test('verify: a whole spool is whole, and a flipped bit is found where it is', async () => {
  const { options, disk } = await fill();
  const verify = async (): ReturnType<typeof verifySpool> => {
    const view = await viewSpool(options);
    const found = await verifySpool(view);
    await view.close();
    return found;
  };
  const whole = await verify();
  assert.deepEqual([whole.damaged, whole.unreadable, whole.messages], [[], [], 9]);
  const view = await viewSpool(options);
  const id = view.overlay.ids(1)[0]!;
  const { location } = view.overlay.live(id)!;
  await view.close();
  disk.damage(`segments/${location.segment}`, (bytes) => {
    bytes[location.offset + location.length - 20]! ^= 1;
  });
  const found = await verify();
  assert.deepEqual(
    found.unreadable.map((one) => one.id),
    [id],
  );
});

test('export: a stream brings what waits into another spool', async () => {
  const { options, messages } = await fill();
  const view = await viewSpool(options);
  const chunks: Uint8Array[] = [];
  for await (const chunk of exportStream(view)) chunks.push(chunk);
  await view.close();
  const whole = Buffer.concat(chunks);
  const disk = new FakeDisk({ random: seededRandom(2) });
  const other = await makeDiskSpool({ disk, index: createMemoryIndex() });
  const cut = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < whole.length; at += 333) yield whole.subarray(at, at + 333);
  };
  assert.deepEqual(await importStream(cut(), other.writer, other.spool), { taken: 9, left: 0 });
  assert.deepEqual(await importStream(cut(), other.writer, other.spool), { taken: 0, left: 9 });
  const partly = other.spool.message(messages[8]!.id);
  assert.deepEqual(
    partly?.message.forwardPaths.map(({ mailbox }) => mailbox),
    ['b8@two.example'],
  );
  const short = async function* (): AsyncGenerator<Uint8Array> {
    yield whole.subarray(0, whole.length - 1);
  };
  await assert.rejects(importStream(short(), other.writer, other.spool), /ends within a message/);
  await closed(other);
});

test('export: a folder holds each message as it came', async () => {
  const { options, messages } = await fill();
  const folder = mkdtempSync(join(tmpdir(), 'postilion-export-'));
  try {
    const view = await viewSpool(options);
    assert.equal(await exportFolder(view, join(folder, 'out')), 9);
    await view.close();
    assert.equal(readdirSync(join(folder, 'out')).length, 18);
    const name = join(folder, 'out', messages[3]!.id);
    assert.equal(readFileSync(`${name}.eml`).length, messages[3]!.size);
    const { message } = JSON.parse(readFileSync(`${name}.json`, 'utf8')) as { message: Message };
    assert.deepEqual(message, messages[3]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

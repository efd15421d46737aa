import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InvariantError } from '../../src/base/errors.ts';
import type { Message } from '../../src/flow/message.ts';
import { SpoolFull } from '../../src/flow/spool.ts';
import { LARGE, SEGMENTS } from '../../src/spool/layout.ts';
import { SegmentReader } from '../../src/spool/segment-reader.ts';
import { settle } from '../support/fake-clock.ts';
import { appendAll, contentIn, letter, outline, pathOf, scanned, segmentRig, stateOf } from './segment-rig.ts';

test('segment writer: answers after the sync of file, folder and record, not before', async () => {
  const { disk, writer } = segmentRig({ completion: 'manual' });
  const { message, content } = letter();
  const appended = writer.append(message, [content]);
  for (const step of ['sync of the first block', 'sync of the folder', 'sync of the record']) {
    assert.equal(await stateOf(appended), 'waits', step);
    assert.equal(disk.pending, 1, step);
    disk.completeOne();
  }
  assert.equal(await stateOf(appended), 'resolved');
});

test('segment writer: what comes while a sync is in flight shares one write and one sync', async () => {
  const syncs: number[] = [];
  const { disk, writer, calls } = segmentRig({ completion: 'manual' }, { onSync: (count) => syncs.push(count) });
  const first = writer.append(...argumentsOf(letter()));
  for (let i = 0; i < 3; i++) {
    await settle();
    if (i < 2) disk.completeOne();
  }
  const rest = Array.from({ length: 40 }, () => writer.append(...argumentsOf(letter())));
  await settle();
  const before = calls.length;
  disk.completeOne();
  await first;
  await settle();
  disk.completeOne();
  await Promise.all(rest);
  assert.deepEqual(syncs, [1, 40]);
  const names = calls.slice(before).map(({ name }) => name);
  assert.deepEqual(names, ['fdatasync', 'write', 'fdatasync']);
});

test('segment writer: what comes in the turn in which a sync ends shares the next one with those that waited', async () => {
  const syncs: number[] = [];
  const { disk, writer } = segmentRig({ completion: 'manual' }, { onSync: (count) => syncs.push(count) });
  const all = [writer.append(...argumentsOf(letter()))];
  for (let i = 0; i < 3; i++) {
    await settle();
    if (i === 2) all.push(writer.append(...argumentsOf(letter())));
    disk.completeOne();
  }
  await all[0];
  // All that follows from the answer has run, and the turn is not over.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  all.push(writer.append(...argumentsOf(letter())));
  await settle();
  while (disk.completeOne()) await settle();
  await Promise.all(all);
  assert.deepEqual(syncs, [1, 2]);
});

test('segment writer: records lie where it says, in order, with all their octets', async () => {
  const { disk, writer } = segmentRig();
  const letters = [letter(0), letter(1), letter(5000), letter(40)];
  const locations = await appendAll(writer, letters);
  const { segment, durable } = writer.open!;
  await writer.close();
  assert.equal(disk.findSize(pathOf(segment)), durable);
  assert.deepEqual(
    await outline(disk, segment),
    letters.map(({ message }) => message.id),
  );
  const reader = new SegmentReader(disk);
  for (const [index, { message, content }] of letters.entries()) {
    const stored = await reader.read(locations[index]!);
    assert.deepEqual(stored.message, message);
    assert.ok(content.equals(stored.whole ?? Buffer.from('none')));
    assert.ok(content.equals(await contentIn(stored)));
  }
  assert.deepEqual(await outlineFrom(disk, segment, locations[2]!.offset, locations[3]!.offset), [
    letters[2]!.message.id,
  ]);
});

async function outlineFrom(...args: Parameters<typeof scanned>): Promise<string[]> {
  return (await scanned(...args)).map((item) => (item.item === 'record' ? item.message.id : item.item));
}

test('segment writer: goes on in a new file at the segment size and says that the old one is closed', async () => {
  const closed: string[] = [];
  const answered: string[] = [];
  const onClosed = (segment: string): void => void closed.push(`${segment} after ${answered.length}`);
  const { disk, writer } = segmentRig({}, { segmentOctets: 6000, onClosed });
  const letters = Array.from({ length: 6 }, () => letter(300));
  const appended = letters.map(({ message, content }) =>
    writer.append(message, [content]).then(({ segment }) => answered.push(segment)),
  );
  await Promise.all(appended);
  await writer.close();
  await settle();
  const files = disk.list(SEGMENTS);
  assert.deepEqual(closed, [`${answered[0]} after 2`, `${answered[2]} after 4`, `${answered[4]} after 6`]);
  assert.equal(new Set(answered).size, 3);
  assert.deepEqual([...files].sort(), [...new Set(answered)].sort());
});

test('segment writer: a record larger than a segment has a file to itself', async () => {
  const { writer } = segmentRig({}, { segmentOctets: 6000 });
  const [first, second] = await appendAll(writer, [letter(20_000), letter(10)]);
  assert.notEqual(first!.segment, second!.segment);
});

test('segment writer: on a full disk it refuses, cuts back to the last whole record and goes on when there is room', async () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'short']) {
    const { disk, writer, deaths } = segmentRig();
    const [before, refused, after] = [letter(), letter(3000), letter()];
    await appendAll(writer, [before]);
    const { segment, durable } = writer.open!;
    disk.fault = ({ name }) => (name === 'write' ? code : undefined);
    await assert.rejects(writer.append(refused.message, [refused.content]), SpoolFull);
    assert.equal(disk.findSize(pathOf(segment)), durable, code);
    disk.fault = () => undefined;
    disk.powerCut();
    assert.deepEqual(await outline(disk, writer.open!.segment), [before.message.id]);
    const second = segmentRig();
    second.disk.fault = ({ name }) => (name === 'openNew' ? code : undefined);
    await assert.rejects(second.writer.append(refused.message, [refused.content]), SpoolFull);
    second.disk.fault = () => undefined;
    await appendAll(second.writer, [after]);
    assert.deepEqual([...deaths, ...second.deaths], []);
  }
});

test('segment writer: what it refuses is cut off durably before it says so', async () => {
  const { disk, writer } = segmentRig({ completion: 'manual' });
  const appended = [letter(), letter(), letter(9000)].map(({ message, content }) => writer.append(message, [content]));
  const all = Promise.allSettled(appended);
  await settle();
  disk.completeOne();
  await settle();
  const calls: string[] = [];
  disk.fault = ({ name }) => {
    calls.push(name);
    return name === 'write' ? 'short' : undefined;
  };
  disk.completeOne();
  assert.equal(await stateOf(all), 'waits');
  assert.equal(calls.join(' '), 'syncFolder write write truncate', 'with zeros behind, then without');
  disk.completeOne();
  assert.equal(await stateOf(all), 'resolved');
  assert.equal(calls.join(' '), 'syncFolder write write truncate fdatasync');
  disk.powerCut();
  assert.deepEqual(await outline(disk, disk.list(SEGMENTS)[0]!), []);
});

test('segment writer: behind few octets it lays zeros, once for many records, and cuts them off when it leaves the file', async () => {
  const { disk, writer, calls } = segmentRig();
  const letters = [letter(), letter(), letter(3000)];
  const [first] = await appendAll(writer, letters.slice(0, 1));
  const path = pathOf(first!.segment);
  const ready = disk.findSize(path)!;
  assert.ok(ready >= first!.offset + first!.length + 64 * 1024);
  await appendAll(writer, letters.slice(1));
  assert.equal(disk.findSize(path), ready);
  const ids = letters.map(({ message }) => message.id);
  assert.deepEqual(await outline(disk, first!.segment), [...ids, 'torn']);
  const { durable } = writer.open!;
  await writer.close();
  assert.equal(disk.findSize(path), durable);
  // Not synced: that they come back is nothing to a reader.
  assert.equal(calls.at(-1)?.name, 'truncate');
  disk.powerCut();
  assert.deepEqual((await outline(disk, first!.segment)).slice(0, 3), ids);
});

test('segment writer: zeros that cannot be cut off end it like a failed sync: nobody is answered, nothing is begun', async () => {
  const rolled = segmentRig({}, { segmentOctets: 6000 });
  await appendAll(rolled.writer, [letter()]);
  rolled.disk.fault = ({ name }) => (name === 'truncate' ? 'EIO' : undefined);
  const { message, content } = letter(3000);
  assert.equal(await stateOf(rolled.writer.append(message, [content])), 'waits');
  assert.equal(rolled.disk.list(SEGMENTS).length, 1);
  const closed = segmentRig();
  await appendAll(closed.writer, [letter()]);
  closed.disk.fault = ({ name }) => (name === 'truncate' ? 'EIO' : undefined);
  assert.equal(await stateOf(closed.writer.close()), 'waits');
  assert.deepEqual([rolled.deaths.length, closed.deaths.length], [1, 1]);
});

test('segment writer: zeros are laid neither behind many octets nor past the size of a segment', async () => {
  const many = segmentRig();
  const [large] = await appendAll(many.writer, [letter(40_000)]);
  assert.equal(many.disk.findSize(pathOf(large!.segment)), many.writer.open!.durable);
  const { disk, writer } = segmentRig({}, { segmentOctets: 9000 });
  const [small] = await appendAll(writer, [letter()]);
  assert.equal(disk.findSize(pathOf(small!.segment)), 9000);
});

test('segment writer: where there is room for the record and not for zeros it takes the record', async () => {
  const { disk, writer, deaths } = segmentRig({ capacity: 10_000 });
  const letters = [letter(), letter(), letter()];
  const [first] = await appendAll(writer, letters);
  await writer.close();
  assert.deepEqual(
    await outline(disk, first!.segment),
    letters.map(({ message }) => message.id),
  );
  assert.deepEqual(deaths, []);
});

test('segment writer: one write takes no more octets than it may', async () => {
  const groups: number[] = [];
  const { writer } = segmentRig({}, { batchOctetsMax: 5000, onSync: (count) => groups.push(count) });
  await Promise.all([2000, 1000, 3000, 9000, 10].map((size) => writer.append(...argumentsOf(letter(size)))));
  assert.deepEqual(groups, [2, 1, 1, 1]);
});

test('segment writer: no descriptor for a new file is a refusal, not the end', async () => {
  const { disk, writer, deaths } = segmentRig();
  disk.fault = ({ name }) => (name === 'openNew' ? 'EMFILE' : undefined);
  await assert.rejects(writer.append(...argumentsOf(letter())), SpoolFull);
  assert.deepEqual(deaths, []);
});

test('segment writer: after a failed sync or write nobody is answered, and nothing is written any more', async () => {
  for (const [call, code] of [
    ['fdatasync', 'EIO'],
    ['fdatasync', 'ENOSPC'],
    ['write', 'EIO'],
    ['write', 'EROFS'],
    ['syncFolder', 'EIO'],
    ['openNew', 'EROFS'],
  ] as const) {
    const { disk, writer, deaths } = segmentRig();
    let calls = 0;
    disk.fault = ({ name }) => {
      calls++;
      return name === call ? code : undefined;
    };
    const first = writer.append(...argumentsOf(letter()));
    assert.equal(await stateOf(first), 'waits', `${call} ${code}`);
    assert.equal(deaths.length, 1, `${call} ${code}`);
    assert.match(deaths[0]!, new RegExp(code));
    const callsAtDeath = calls;
    assert.equal(await stateOf(writer.append(...argumentsOf(letter()))), 'waits');
    assert.equal(await stateOf(writer.stage(letter().message.id)), 'waits');
    assert.equal(calls, callsAtDeath);
  }
});

test('segment writer: tells how old the oldest sync in flight is, and kills nothing for it', async () => {
  const { disk, clock, writer, deaths } = segmentRig({ completion: 'manual' });
  assert.equal(writer.syncAgeMs(), 0);
  const appended = writer.append(...argumentsOf(letter()));
  await settle();
  await clock.advance(12_000);
  assert.equal(writer.syncAgeMs(), 12_000);
  while (disk.completeOne()) await settle();
  await appended;
  assert.equal(writer.syncAgeMs(), 0);
  assert.deepEqual(deaths, []);
});

test('segment writer: large content is durable in its own file before its record is written', async () => {
  const { disk, writer, calls } = segmentRig();
  const { message, content } = letter(3_000_000);
  const staged = await writer.stage(message.id);
  for (let at = 0; at < content.length; at += 700_000) await staged.write(content.subarray(at, at + 700_000));
  const location = await writer.append(message, staged);
  await staged.discard();
  const order = calls.map(({ name, path }) => `${name} ${path.split('/')[0]}`);
  assert.ok(order.indexOf(`fdatasync ${LARGE}`) < order.indexOf(`syncFolder ${LARGE}`));
  assert.ok(order.indexOf(`syncFolder ${LARGE}`) < order.indexOf(`write ${SEGMENTS}`));
  disk.powerCut();
  const stored = await new SegmentReader(disk).read(location);
  assert.ok(stored.ownFile && stored.whole === undefined);
  assert.deepEqual(stored.message, message);
  assert.ok(content.equals(await contentIn(stored)));
});

test('segment writer: staged content that is given up, or for which there is no room, leaves no file', async () => {
  const { disk, writer } = segmentRig();
  const { message, content } = letter(50_000);
  const given = await writer.stage(message.id);
  await given.write(content);
  await given.discard();
  await given.discard();
  assert.deepEqual(disk.list(LARGE), []);

  const refused = await writer.stage(message.id);
  disk.fault = ({ name, path }) => (name === 'write' && path.startsWith(LARGE) ? 'short' : undefined);
  await assert.rejects(refused.write(content), SpoolFull);
  await assert.rejects(refused.write(content), SpoolFull);
  assert.deepEqual(disk.list(LARGE), []);

  disk.fault = () => undefined;
  const recordless = await writer.stage(message.id);
  await recordless.write(content);
  disk.fault = ({ name, path }) => (name === 'openNew' && path.startsWith(SEGMENTS) ? 'ENOSPC' : undefined);
  await assert.rejects(writer.append(message, recordless), SpoolFull);
  assert.deepEqual(disk.list(LARGE), []);
});

test('segment writer: content of another length than the message says is a fault of our own', async () => {
  const { writer } = segmentRig();
  const { message, content } = letter(10);
  await assert.rejects(writer.append(message, [content.subarray(1)]), InvariantError);
});

test('segment writer: close waits for what was appended', async () => {
  const { writer } = segmentRig();
  const appended = writer.append(...argumentsOf(letter()));
  await writer.close();
  assert.equal(await stateOf(appended), 'resolved');
  await assert.rejects(writer.append(...argumentsOf(letter())), InvariantError);
});

test('segment writer: a copy carries the state of the message along', async () => {
  const { disk, writer } = segmentRig();
  const { message, content } = letter();
  const copied = { waiting: [{ index: 0, dueAt: 5, attempts: 2 }], at: 7, journal: { file: 'j', offset: 9 } };
  const location = await writer.put('copy', message, [content], copied);
  const stored = await new SegmentReader(disk).read(location);
  assert.deepEqual([stored.kind, stored.message, stored.copied], ['copy', message, copied]);
  const [item] = await scanned(disk, location.segment);
  assert.deepEqual(item, { item: 'record', kind: 'copy', message, copied, location, ownFile: false });
});

function argumentsOf({ message, content }: ReturnType<typeof letter>): [Message, Buffer[]] {
  return [message, [content]];
}

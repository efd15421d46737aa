import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Location } from '../../src/flow/message.ts';
import { RecentRecords } from '../../src/spool/recent-records.ts';
import { SegmentReader } from '../../src/spool/segment-reader.ts';
import { mail } from './mail.ts';
import { appendAll, contentIn, letter, segmentRig } from './segment-rig.ts';

const at = (offset: number): Location => ({ segment: 's', offset, length: 100 });

test('recent records: what was just written is read as it is on disk, without the disk', async () => {
  const recent = new RecentRecords();
  const { disk, writer } = segmentRig({}, { recent });
  const letters = [letter(1), letter(5000), letter(40)];
  const locations = await appendAll(writer, letters);
  const reader = new SegmentReader(disk, { recent });
  const plain = new SegmentReader(disk);
  for (const [index, { content }] of letters.entries()) {
    const { content: chunks, whole, ...fields } = await reader.read(locations[index]!);
    const { content: _, whole: wholeOnDisk, ...fieldsOnDisk } = await plain.read(locations[index]!);
    assert.deepEqual(fields, fieldsOnDisk);
    assert.ok(content.equals(whole!) && content.equals(wholeOnDisk!));
    assert.ok(content.equals(await contentIn({ message: fields.message, content: chunks })));
  }
  assert.equal(recent.octets, 0, 'each was read once');
});

test('recent records: a message for several places stays for all of them', () => {
  const recent = new RecentRecords();
  recent.put(at(1), mail(['a@one.example', 'b@two.example'], { size: 3 }), [Buffer.from('abc')]);
  for (let i = 0; i < 3; i++) assert.equal(String(recent.take(at(1))?.content), 'abc');
  assert.equal(recent.take(at(2)), undefined);
});

test('recent records: bounded, the oldest go first, and none that is too large comes in', () => {
  const recent = new RecentRecords(64 * 1024);
  const content = [Buffer.alloc(500, 'x'), Buffer.alloc(500, 'y')];
  const message = mail(['a@one.example'], { size: 1000 });
  for (let i = 0; i < 1000; i++) {
    recent.put(at(i), message, content);
    assert.ok(recent.octets <= 64 * 1024);
  }
  assert.equal(recent.take(at(0)), undefined);
  assert.deepEqual(recent.take(at(999))?.content, Buffer.concat(content));
  const before = recent.octets;
  recent.put(at(1000), mail(['a@one.example'], { size: 2 ** 20 + 1 }), [Buffer.alloc(2 ** 20 + 1)]);
  assert.equal(recent.take(at(1000)), undefined);
  assert.equal(recent.octets, before);
});

test('recent records: content that is a small piece of a large buffer does not keep the buffer', () => {
  const recent = new RecentRecords();
  const piece = Buffer.alloc(1024 * 1024, 'x').subarray(1000, 1100);
  recent.put(at(1), mail(['a@one.example'], { size: 100 }), [piece]);
  const held = recent.take(at(1))?.content;
  assert.ok(held !== undefined && held.buffer.byteLength < 100_000);
  assert.ok(piece.equals(held));
});

test('recent records: a message that was refused is not there', async () => {
  const recent = new RecentRecords();
  const { disk, writer } = segmentRig({}, { recent });
  await appendAll(writer, [letter(10)]);
  const before = recent.octets;
  disk.fault = ({ name }) => (name === 'write' ? 'ENOSPC' : undefined);
  await assert.rejects(appendAll(writer, [letter(10)]));
  assert.equal(recent.octets, before);
});

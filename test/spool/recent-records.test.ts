import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
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
  assert.equal(recent.count, 0, 'each was read once');
});

test('recent records: a message for several places stays for all of them', () => {
  const recent = new RecentRecords();
  recent.put(at(1), mail(['a@one.example', 'b@two.example'], { size: 3 }), [Buffer.from('abc')]);
  for (let i = 0; i < 3; i++) assert.equal(String(recent.take(at(1))?.content), 'abc');
  assert.equal(recent.take(at(2)), undefined);
});

test('recent records: what is read of a message for several places is there for the next of them', async () => {
  const { disk, writer } = segmentRig();
  const several = letter(300);
  const message = { ...several.message, forwardPaths: mail(['a@one.example', 'b@two.example']).forwardPaths };
  const locations = await appendAll(writer, [letter(100), { ...several, message }]);
  const recent = new RecentRecords();
  const reader = new SegmentReader(disk, { recent });
  for (const location of [...locations, ...locations]) await reader.read(location);
  assert.equal(recent.count, 1, 'the other goes to one place and is not read again');
  const { content: chunks, whole, ...fields } = await reader.read(locations[1]!);
  const { content: _, whole: wholeOnDisk, ...fieldsOnDisk } = await new SegmentReader(disk).read(locations[1]!);
  assert.deepEqual(fields, fieldsOnDisk);
  assert.ok(several.content.equals(whole!) && several.content.equals(wholeOnDisk!));
  assert.ok(several.content.equals(await contentIn({ message, content: chunks })));
});

test('recent records: a message for a thousand places counts for what its envelope holds', () => {
  const recent = new RecentRecords();
  const message = mail(
    Array.from({ length: 1000 }, (_, n) => `u${n}@one.example`),
    { size: 3 },
  );
  for (let n = 0; n < 200; n++) recent.put(at(n), message, [Buffer.from('abc')]);
  // four slabs of 2 MiB, and 256 octets for each recipient
  assert.ok(recent.count > 20 && recent.count <= 32, `${recent.count}`);
});

test('recent records: bounded, the oldest go first, and none that is too large comes in', () => {
  const recent = new RecentRecords(64 * 1024);
  const content = [Buffer.alloc(500, 'x'), Buffer.alloc(500, 'y')];
  const message = mail(['a@one.example'], { size: 1000 });
  for (let i = 0; i < 1000; i++) {
    recent.put(at(i), message, content);
    // four slabs of 64 KiB, and 2 KiB for what a record holds beside its content
    assert.ok(recent.count <= Math.min(i + 1, 84));
  }
  assert.ok(recent.count > 60);
  const oldest = 1000 - recent.count;
  for (let i = 0; i < 1000; i++) {
    assert.deepEqual(recent.take(at(i))?.content, i < oldest ? undefined : Buffer.concat(content));
  }
  for (const size of [2 ** 20 + 1, 64 * 1024]) {
    recent.put(at(1000), mail(['a@one.example'], { size }), [Buffer.alloc(size)]);
    assert.equal(recent.take(at(1000)), undefined);
  }
});

test('recent records: each is given as it was put, however many went before and whichever were taken', () => {
  const recent = new RecentRecords(32 * 1024);
  const lengths = fc.array(fc.record({ size: fc.integer({ min: 0, max: 9000 }), takes: fc.nat({ max: 60 }) }), {
    maxLength: 200,
  });
  let offset = 0;
  fc.assert(
    fc.property(lengths, (steps) => {
      const put: { readonly location: Location; readonly content: Buffer }[] = [];
      for (const { size, takes } of steps) {
        const location = at(offset++);
        const content = Buffer.alloc(size, String(offset));
        recent.put(location, mail(['a@one.example'], { size }), [content.subarray(0, 10), content.subarray(10)]);
        put.push({ location, content });
        const asked = put.at(-1 - takes);
        const held = asked && recent.take(asked.location)?.content;
        if (takes === 0) assert.ok(held !== undefined, 'the last one is always there');
        if (held !== undefined) assert.ok(asked?.content.equals(held));
      }
    }),
    { numRuns: 50 },
  );
});

test('recent records: what was given out stays as it is when its place is used again', () => {
  const recent = new RecentRecords(8 * 1024);
  const message = mail(['a@one.example', 'b@two.example'], { size: 3000 });
  recent.put(at(0), message, [Buffer.alloc(3000, 'x')]);
  const held = recent.take(at(0))?.content;
  for (let i = 1; i < 20; i++) recent.put(at(i), message, [Buffer.alloc(3000, 'y')]);
  assert.deepEqual(held, Buffer.alloc(3000, 'x'));
});

test('recent records: a message that was refused is not there', async () => {
  const recent = new RecentRecords();
  const { disk, writer } = segmentRig({}, { recent });
  await appendAll(writer, [letter(10)]);
  const before = recent.count;
  disk.fault = ({ name }) => (name === 'write' ? 'ENOSPC' : undefined);
  await assert.rejects(appendAll(writer, [letter(10)]));
  assert.equal(recent.count, before);
});

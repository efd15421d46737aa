import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeFrames, FrameError, FrameReader } from '../../src/app/frame.ts';

const record = fc.oneof(
  fc.record(
    { tell: fc.constantFrom('accepted', 'segment'), text: fc.string({ unit: 'binary', maxLength: 30 }) },
    { noNullPrototype: true },
  ),
  fc.tuple(fc.constantFrom(0, 1, 2), fc.integer(), fc.string({ unit: 'binary', maxLength: 5 })),
);

test('frame: how the octets are cut makes no difference', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(record, { minLength: 1, maxLength: 4 }), { maxLength: 5 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (batches, sizes) => {
        const octets = Buffer.concat(batches.flatMap((batch) => [...encodeFrames(batch)]));
        const reader = new FrameReader();
        const read: unknown[] = [];
        for (let at = 0; at < octets.length; ) {
          const size = sizes.next().value ?? 1;
          read.push(...reader.read(octets.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(read, batches);
      },
    ),
    { numRuns: 200 },
  );
});

test('frame: many records come in several frames, in order', () => {
  const records = Array.from({ length: 700 }, (_, number) => ({ number, text: 'x'.repeat(500) }));
  const frames = [...encodeFrames(records)];
  assert.ok(frames.length > 1);
  assert.deepEqual(new FrameReader().read(Buffer.concat(frames)).flat(), records);
});

test('frame: records too large for one frame are divided, and one that no frame can hold is a fault', () => {
  const records = Array.from({ length: 9 }, (_, number) => ({ number, text: 'x'.repeat(50) }));
  const frames = [...encodeFrames(records, 200)];
  assert.ok(frames.length >= 5 && frames.every((frame) => frame.length <= 204));
  assert.deepEqual(new FrameReader(200).read(Buffer.concat(frames)).flat(), records);
  assert.throws(() => [...encodeFrames(['x'.repeat(300)], 200)], FrameError);
});

test('frame: a length over the bound, broken JSON and a lone value are refused', () => {
  const frame = (text: string): Buffer => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(Buffer.byteLength(text));
    return Buffer.concat([head, Buffer.from(text)]);
  };
  assert.throws(() => new FrameReader(10).read(Buffer.from([0, 0, 0, 11])), FrameError);
  assert.throws(() => new FrameReader().read(frame('[1,')), FrameError);
  assert.throws(() => new FrameReader().read(frame('{"a":1}')), FrameError);
  assert.deepEqual(new FrameReader(10).read(frame('[12345678]')), [[12345678]]);
});

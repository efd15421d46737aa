import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom, systemRandom } from '../../src/base/random.ts';
import { decodeId, encodeId, newMessageId, parseMessageId, timeOfId } from '../../src/flow/message-id.ts';

test('message id: octets survive the text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
      const id = encodeId(octets);
      assert.equal(id.length, 26);
      assert.deepEqual(decodeId(id), Uint8Array.from(octets));
    }),
  );
});

test('message id: sorts by time and tells it', () => {
  const random = seededRandom(1);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.integer({ min: 0, max: 2 ** 48 - 1 }), (a, b) => {
      const [first, second] = [newMessageId(a, random), newMessageId(b, random)];
      if (a !== b) assert.equal(first < second, a < b);
      assert.equal(timeOfId(first), a);
    }),
  );
});

test('message id: only an id parses', () => {
  const id = newMessageId(Date.now(), systemRandom);
  assert.equal(parseMessageId(id.toUpperCase()), id);
  assert.equal(parseMessageId(`${id}0`), undefined);
  assert.equal(parseMessageId('../../etc/passwd'), undefined);
  assert.throws(() => decodeId('x'), RangeError);
});

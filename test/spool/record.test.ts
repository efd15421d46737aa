import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Mailbox } from '../../src/flow/message.ts';
import {
  HEADER_OCTETS,
  carryOn,
  decodeEnvelope,
  decodeHeader,
  encodeHead,
  seal,
  trailerHolds,
} from '../../src/spool/record.ts';
import { mail } from './mail.ts';

const salts = fc.uint8Array({ minLength: 8, maxLength: 8 });
const offsets = fc.integer({ min: 4096, max: 2 ** 40 });
const parts = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 });
const texts = fc.string({ unit: 'grapheme', maxLength: 60 });

test('record: what was encoded comes back, whatever the envelope and however the content is cut', () => {
  fc.assert(
    fc.property(salts, offsets, parts, texts, (salt, offset, content, text) => {
      const message = mail(['a@one.example'], { reversePath: text as Mailbox, campaign: text });
      const contentOctets = content.reduce((octets, part) => octets + part.length, 0);
      const head = encodeHead('accept', message, contentOctets, false);
      const trailer = seal(head, content, salt, offset, offset - 1000);
      const record = Buffer.concat([head, ...content, trailer]);
      const header = decodeHeader(record, salt, offset);
      assert.ok(header !== undefined);
      assert.equal(header.octets, record.length);
      assert.equal(header.syncedTo, offset - 1000);
      assert.equal(header.id, message.id);
      const envelope = record.subarray(HEADER_OCTETS, HEADER_OCTETS + header.envelopeOctets);
      assert.deepEqual(decodeEnvelope(envelope, header)?.message, JSON.parse(JSON.stringify(message)));
      const whole = carryOn(carryOn(header.crc, envelope), Buffer.concat(content));
      assert.ok(trailerHolds(trailer, whole));
      for (const other of [offset - 1, offset + 1, offset + 2 ** 32]) {
        assert.equal(decodeHeader(record, salt, other), undefined);
      }
      assert.equal(
        decodeHeader(
          record,
          salt.map((octet) => octet ^ 1),
          offset,
        ),
        undefined,
      );
    }),
  );
});

test('record: an envelope without end is refused before it is written', () => {
  const message = mail(['a@one.example'], { campaign: 'x'.repeat(17 * 1024 * 1024) });
  assert.throws(() => encodeHead('accept', message, 0, false), RangeError);
});

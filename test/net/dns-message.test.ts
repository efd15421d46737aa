import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from 'dns-packet';
import fc from 'fast-check';
import { decodeMessage, encodeQuery, isAskable } from '../../src/net/dns-message.ts';
import { a, cname, mx } from '../support/fake-net.ts';

const ANSWER = encode({
  type: 'response',
  id: 7,
  flags: 0x01a0,
  questions: [{ type: 'MX', name: 'Example.NET' }],
  answers: [mx('example.net', 'MX.Example.net', 5, 60), cname('x.test', 'y.test'), a('y.test', '2001:db8::1')],
});

test('DNS message: names come in lower case, types that mail does not need are left out', () => {
  const message = decodeMessage(ANSWER);
  assert.deepEqual(message, {
    id: 7,
    isResponse: true,
    isTruncated: false,
    isAuthentic: true,
    rcode: 0,
    question: { name: 'example.net', type: 'MX' },
    answers: [
      { name: 'example.net', ttl: 60, data: { type: 'MX', mx: { preference: 5, exchange: 'mx.example.net' } } },
      { name: 'x.test', ttl: 300, data: { type: 'CNAME', target: 'y.test' } },
      { name: 'y.test', ttl: 300, data: { type: 'AAAA', address: '2001:db8::1' } },
    ],
  });
  assert.equal(decodeMessage(encodeQuery(9, 'example.net', 'A'))?.isResponse, false);
});

test('DNS message: the root as MX is the empty name', () => {
  const octets = encode({ type: 'response', id: 1, answers: [mx('n.test', '.', 0)] });
  assert.deepEqual(decodeMessage(octets)?.answers[0]?.data, { type: 'MX', mx: { preference: 0, exchange: '' } });
});

test('DNS message: junk behind the MX data makes no record that was not there', () => {
  const good = encode({ type: 'response', id: 1, questions: [], answers: [mx('n.test', 'mx.test', 0)] });
  const length = good.length - 11;
  const junk = Buffer.concat([good, Buffer.from('junk')]);
  junk.writeUInt16BE(good.readUInt16BE(length) + 4, length);
  const message = decodeMessage(junk);
  assert.ok(message === undefined || message.answers.length <= 1);
});

test('DNS message: any octets, cut and flipped answers among them, are a message or nothing', () => {
  const flips = fc.array(fc.tuple(fc.nat(ANSWER.length - 1), fc.nat(255)), { maxLength: 6 });
  fc.assert(
    fc.property(flips, fc.nat(ANSWER.length), (changes, length) => {
      const octets = Buffer.from(ANSWER.subarray(0, length));
      for (const [at, value] of changes) if (at < length) octets[at] = value;
      const message = decodeMessage(octets);
      if (message !== undefined) assert.ok(message.answers.length <= 1000);
    }),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => void decodeMessage(Buffer.from(octets))));
});

test('DNS message: a name that points to itself ends', () => {
  const octets = Buffer.from(ANSWER);
  octets.writeUInt16BE(0xc00c, 12);
  assert.equal(decodeMessage(octets), undefined);
});

test('DNS message: what can be asked', () => {
  assert.equal(isAskable('a-b.example'), true);
  for (const name of ['', 'a..b', '.a', `${'x'.repeat(64)}.a`, `${'ab.'.repeat(85)}a`]) {
    assert.equal(isAskable(name), false, name);
  }
});

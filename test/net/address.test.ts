import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalAddress, ownAddresses, whyForbidden } from '../../src/net/address.ts';

const OWN = new Set([canonicalAddress('203.0.113.9'), canonicalAddress('2001:db8::9')]);

for (const [address, want] of [
  ['0.0.0.0', 'this network'],
  ['10.1.2.3', 'private'],
  ['100.64.0.1', 'shared address space'],
  ['100.127.255.255', 'shared address space'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['169.254.169.254', 'link-local'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'reserved'],
  ['203.0.113.9', 'own address'],
  ['::', 'loopback or unspecified'],
  ['::1', 'loopback or unspecified'],
  ['::127.0.0.1', 'loopback or unspecified'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::FFFF:7f00:1', 'loopback'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['2002:7f00:1::', 'loopback'],
  ['2001:0:1::1', 'Teredo'],
  ['fe80::1%eth0', 'link-local'],
  ['fd00::1', 'private'],
  ['ff02::1', 'multicast'],
  ['2001:db8::9', 'own address'],
  ['2001:DB8:0:0:0:0:0:9', 'own address'],
  ['localhost', 'not an address'],
  ['0x7f.1', 'not an address'],
] as const) {
  test(`address: ${address} is forbidden: ${want}`, () => {
    assert.equal(whyForbidden(address, OWN), want);
  });
}

test('address: public and documentation addresses are allowed', () => {
  const allowed = [
    '192.0.2.1',
    '198.51.100.7',
    '203.0.113.8',
    '100.63.255.255',
    '100.128.0.0',
    '172.32.0.1',
    '11.0.0.1',
  ];
  for (const address of [...allowed, '2001:db8::1', '2a00:1450::1', '::ffff:192.0.2.1', '64:ff9b::192.0.2.1']) {
    assert.equal(whyForbidden(address, OWN), undefined, address);
  }
});

test('address: one canonical form for every spelling, and this host knows its own', () => {
  assert.equal(canonicalAddress('2001:db8::1'), canonicalAddress('2001:0DB8:0:0::0:1'));
  assert.notEqual(canonicalAddress('2001:db8::1'), canonicalAddress('2001:db8::1:0'));
  assert.ok(ownAddresses().has(canonicalAddress('127.0.0.1')));
});

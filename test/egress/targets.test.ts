import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { targetsOf } from '../../src/egress/targets.ts';
import type { Relay } from '../../src/flow/route.ts';
import { canonicalAddress } from '../../src/net/address.ts';
import type { Lookup, Resolver } from '../../src/net/resolver.ts';

const records = (...list: string[]): Lookup<string> => ({
  found: 'records',
  records: list,
  ttlMs: 1,
  isAuthentic: false,
});

async function targets(
  zone: Readonly<Record<string, Lookup<string>>>,
  hosts: readonly string[],
  changes: { readonly address?: string; readonly explicit?: boolean } = {},
): Promise<string[]> {
  const asked: string[] = [];
  const resolver: Resolver = {
    mx: async () => ({ found: 'nothing', ttlMs: 1 }),
    addresses: async (host, family) => {
      asked.push(`${host} ${family}`);
      return zone[`${host} ${family}`] ?? { found: 'nothing', ttlMs: 1 };
    },
    clear: () => {},
  };
  const { address, explicit = false } = changes;
  const relay: Relay = {
    kind: 'relay',
    site: 's',
    hosts: hosts.map((name) => ({ name, port: 25 })),
    tls: { level: 'none' },
    explicit,
  };
  const source = { name: 's', ehlo: 'e', ...(address !== undefined && { address }) };
  const own = () => new Set([canonicalAddress('192.0.2.99')]);
  const found: string[] = [];
  for await (const one of targetsOf(relay, source, { resolver, random: seededRandom(1), own })) {
    found.push('error' in one ? `${one.host}: ${one.error.kind}` : `${one.host} ${one.address}`);
  }
  return found;
}

const ZONE = {
  'a.test 4': records('192.0.2.1'),
  'a.test 6': records('2001:db8::1'),
  'b.test 4': records('192.0.2.1', '192.0.2.99', '10.0.0.1'),
  'b.test 6': records('2001:DB8:0::1', '2001:db8::2'),
  'c.test 4': { found: 'trouble', text: 'SERVFAIL', ttlMs: 1 },
} as const satisfies Record<string, Lookup<string>>;

test('targets: IPv4 before IPv6, every address once, those of forbidden ranges told and left out', async () => {
  const found = await targets(ZONE, ['a.test', 'b.test', 'c.test', 'd.test']);
  assert.deepEqual(found.slice(0, 2), ['a.test 192.0.2.1', 'a.test 2001:db8::1']);
  assert.deepEqual(found.slice(2).toSorted(), [
    'b.test 2001:db8::2',
    'b.test: forbidden-address',
    'b.test: forbidden-address',
    'c.test: timeout',
    'd.test: unreachable',
  ]);
});

test('targets: the family of the source’s address decides', async () => {
  assert.deepEqual(await targets(ZONE, ['a.test'], { address: '192.0.2.50' }), ['a.test 192.0.2.1']);
  assert.deepEqual(await targets(ZONE, ['a.test'], { address: '2001:db8::50' }), ['a.test 2001:db8::1']);
});

test('targets: a route may name addresses and any range', async () => {
  const hosts = ['127.0.0.1', 'b.test'];
  const found = await targets(ZONE, hosts, { explicit: true, address: '192.0.2.50' });
  assert.deepEqual(found.toSorted(), [
    '127.0.0.1 127.0.0.1',
    'b.test 10.0.0.1',
    'b.test 192.0.2.1',
    'b.test 192.0.2.99',
  ]);
});

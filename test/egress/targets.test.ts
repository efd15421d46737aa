import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { BrokenFamilies, type Family } from '../../src/egress/broken-families.ts';
import { EGRESS_DEFAULTS } from '../../src/egress/options.ts';
import { targetsOf } from '../../src/egress/targets.ts';
import type { Extension } from '../../src/flow/action.ts';
import type { Relay } from '../../src/flow/route.ts';
import { canonicalAddress } from '../../src/net/address.ts';
import type { Lookup, Resolver } from '../../src/net/resolver.ts';
import { FakeClock } from '../support/fake-clock.ts';

const records = (...list: string[]): Lookup<string> => ({
  found: 'records',
  records: list,
  ttlMs: 1,
  isAuthentic: false,
});

async function targets(
  zone: Readonly<Record<string, Lookup<string>>>,
  hosts: readonly string[],
  changes: {
    readonly address?: string;
    readonly explicit?: boolean;
    readonly without?: readonly Extension[];
    /** `host family`. */
    readonly broken?: readonly string[];
  } = {},
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
  const { address, explicit = false, without = [], broken = [] } = changes;
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
  const brokenFamilies = new BrokenFamilies(new FakeClock(), EGRESS_DEFAULTS.families);
  for (const one of broken) {
    const [host = '', family] = one.split(' ');
    brokenFamilies.broke(source, host, Number(family) as Family, 0);
  }
  const deps = { resolver, random: seededRandom(1), own, brokenFamilies };
  for await (const one of targetsOf({ relay, source, without }, deps)) {
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

test('targets: without IPv6 nothing of it is asked for or tried, also where the source has no other address', async () => {
  const without = ['ipv6'] as const;
  assert.deepEqual(await targets(ZONE, ['a.test', 'e.test'], { without }), ['a.test 192.0.2.1', 'e.test: unreachable']);
  const onlyIpv6 = await targets(ZONE, ['a.test'], { without, address: '2001:db8::50' });
  assert.deepEqual(onlyIpv6, ['a.test: unreachable']);
});

test('targets: a family that does not work is tried after everything else, and still is', async () => {
  const zone = { ...ZONE, 'e.test 6': records('2001:db8::5'), 'f.test 4': records('192.0.2.6') };
  const found = await targets(zone, ['e.test', 'a.test', 'f.test'], { broken: ['a.test 4', 'e.test 6'] });
  assert.deepEqual(found, ['a.test 2001:db8::1', 'f.test 192.0.2.6', 'e.test 2001:db8::5', 'a.test 192.0.2.1']);
  // Nothing else is there: no error is made of what is only put off.
  assert.deepEqual(await targets(zone, ['e.test'], { broken: ['e.test 6', 'e.test 4'] }), ['e.test 2001:db8::5']);
});

test('targets: one address of the other family comes before the third of the first', async () => {
  const zone = {
    'g.test 4': records('192.0.2.1', '192.0.2.2', '192.0.2.3'),
    'g.test 6': records('2001:db8::1', '2001:db8::2'),
  };
  const found = await targets(zone, ['g.test']);
  assert.deepEqual(
    found.map((one) => (one.includes('2001') ? 6 : 4)),
    [4, 4, 6, 4, 6],
  );
});

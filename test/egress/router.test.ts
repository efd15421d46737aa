// Routes by MX: what DNS says of the domain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { createRouter } from '../../src/egress/router.ts';
import type { Domain } from '../../src/flow/message.ts';
import type { MxTarget, Relay, RouteAnswer } from '../../src/flow/route.ts';
import type { MxRecord } from '../../src/net/dns-message.ts';
import type { Lookup, Resolver } from '../../src/net/resolver.ts';

const records = <T>(...list: T[]): Lookup<T> => ({
  found: 'records',
  records: list,
  ttlMs: 300_000,
  isAuthentic: false,
});
const nothing = { found: 'nothing', ttlMs: 60_000 } as const;
const noName = { found: 'no-name', ttlMs: 60_000 } as const;
const trouble = { found: 'trouble', text: 'SERVFAIL', ttlMs: 15_000 } as const;

interface Zone {
  mx?: Lookup<MxRecord>;
  a?: Lookup<string>;
  aaaa?: Lookup<string>;
}

const MX: MxTarget = { to: 'mx', tls: { level: 'opportunistic' } };

async function route(zone: Zone, domain = 'example.net', via = MX): Promise<RouteAnswer> {
  return await routerOf(zone).resolve(domain as Domain, via);
}

function routerOf(zone: Zone) {
  const resolver: Resolver = {
    mx: async () => zone.mx ?? nothing,
    addresses: async (_, family) => (family === 4 ? zone.a : zone.aaaa) ?? nothing,
    clear: () => {},
  };
  return createRouter(resolver, { random: seededRandom(3) });
}

function relay(answer: RouteAnswer): Relay {
  assert.equal(answer.route.kind, 'relay');
  return answer.route as Relay;
}

test('router: MX by preference, equal ones in any order, and a site that has none', async () => {
  const mx = records(
    { preference: 20, exchange: 'c.test' },
    { preference: 10, exchange: 'b.test' },
    { preference: 10, exchange: 'a.test' },
  );
  const router = routerOf({ mx });
  const orders = new Set<string>();
  for (let turn = 0; turn < 20; turn++) {
    const { site, hosts, explicit, tls } = relay(await router.resolve('example.net' as Domain, MX));
    assert.equal(site, 'a.test,b.test,c.test');
    assert.deepEqual([explicit, tls.level, hosts[2]], [false, 'opportunistic', { name: 'c.test', port: 25 }]);
    orders.add(hosts.map(({ name }) => name).join());
  }
  assert.equal(orders.size, 2);
});

test('router: of 400 MX the best twenty, always the same site', async () => {
  const mx = records(...Array.from({ length: 400 }, (_, at) => ({ preference: 10, exchange: `mx${at}.test` })));
  const [one, two] = [relay(await route({ mx })), relay(await route({ mx }))];
  assert.equal(one.hosts.length, 20);
  assert.equal(one.site, two.site);
});

for (const [name, zone, want] of [
  ['null MX', { mx: records({ preference: 0, exchange: '' }) }, 556],
  ['neither MX nor address', {}, 556],
  ['no MX but trouble with the address', { a: trouble }, 'unknown'],
  ['NXDOMAIN', { mx: noName }, 'no-name'],
  ['trouble', { mx: trouble }, 'unknown'],
  [
    'only junk as MX',
    { mx: records({ preference: 1, exchange: '-x.test' }, { preference: 2, exchange: 'a b' }) },
    'unknown',
  ],
  ['an address as MX', { mx: records({ preference: 1, exchange: '192.0.2.1' }) }, 'unknown'],
] as const satisfies readonly (readonly [string, Zone, number | string])[]) {
  test(`router: ${name} gives ${want}`, async () => {
    const { route: found } = await route(zone);
    assert.equal(found.kind === 'unroutable' ? found.code : found.kind, want);
    if (found.kind === 'unroutable') assert.equal(found.enhanced, '5.1.10');
  });
}

test('router: the null MX among others, and what is no host name, is left out', async () => {
  const mx = records(
    { preference: 0, exchange: '' },
    { preference: 5, exchange: 'mx.test' },
    { preference: 9, exchange: 'mx.test' },
  );
  assert.deepEqual(relay(await route({ mx })).hosts, [{ name: 'mx.test', port: 25 }]);
});

test('router: without MX the domain itself is the host, by A or AAAA', async () => {
  for (const zone of [{ a: records('192.0.2.1') }, { aaaa: records('2001:db8::1') }]) {
    assert.deepEqual(relay(await route(zone)).hosts, [{ name: 'example.net', port: 25 }]);
  }
});

test('router: address literals are not routed', async () => {
  for (const domain of ['[127.0.0.1]', '[IPv6:::1]', '[192.0.2.1]']) {
    assert.equal((await route({ mx: trouble }, domain)).route.kind, 'unroutable');
  }
});

test('router: port, TLS and address rule of the question stand in the route', async () => {
  const mx = records({ preference: 1, exchange: 'mx.lab.org' });
  const via: MxTarget = { to: 'mx', port: 2526, tls: { level: 'none' }, anyAddress: true };
  const lab = relay(await route({ mx }, 'lab.org', via));
  assert.deepEqual([lab.explicit, lab.hosts, lab.tls], [true, [{ name: 'mx.lab.org', port: 2526 }], { level: 'none' }]);
  assert.equal(lab.site, 'mx.lab.org:2526', 'another port is another site');
});

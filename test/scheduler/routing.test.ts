// The table of routes in the scheduler: whose mail goes where and from which pool, how often DNS is asked, what a
// reload does to what waits.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import { createRouter } from '../../src/egress/router.ts';
import type { SessionGrant } from '../../src/flow/attempt.ts';
import type { Domain, Mailbox } from '../../src/flow/message.ts';
import type { MxTarget, Router, RouteRule, RouteTable, RouteTarget } from '../../src/flow/route.ts';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, ownSite, relay, takesAll, World } from './world.ts';

const MX: MxTarget = { to: 'mx', tls: { level: 'opportunistic' } };
const hub = (name: string): RouteTarget => ({ to: 'hosts', hosts: [{ name, port: 25 }], tls: { level: 'none' } });

function options(rules: readonly RouteRule[], allow?: readonly string[]): SchedulerOptions {
  const routes: RouteTable = { rules, ...(allow === undefined ? {} : { allow }) };
  return {
    ...OPTIONS,
    sources: { ...OPTIONS.sources, other: { name: 'other', ehlo: 'other.example' } },
    pools: { ...OPTIONS.pools, other: { members: [{ source: 'other', weight: 1 }] } },
    streams: { ...OPTIONS.streams, bulk: DEFAULT_STREAM },
    tenants: { ...OPTIONS.tenants, acme: { weight: 1 } },
    caps: { ...OPTIONS.caps, totalConnections: 2000 },
    routes,
  };
}

/** Writes down every connection: source and site. */
function watched(lanes: Set<string>, refuses: (grant: SessionGrant) => boolean = () => false): Behaviour {
  return {
    ...takesAll,
    connect: (grant) => {
      lanes.add(`${grant.source.name} ${grant.relay.site}`);
      if (!refuses(grant)) return { ms: 10 };
      return { ms: 10, failure: { phase: 'connect', error: { kind: 'refused', text: 'refused' } } };
    },
  };
}

function counted(asked: string[]): Router {
  return {
    resolve: (domain, via) => {
      asked.push(`${domain} ${via.port ?? 25}`);
      return ownSite.resolve(domain, via);
    },
  };
}

test('routing: a question for each domain and target, however many rules, tenants and deliveries there are', async () => {
  const asked: string[] = [];
  const world = new World({
    router: counted(asked),
    options: options([
      { name: 'bulk', domain: '*', streams: ['bulk'], pool: 'other', target: MX },
      { name: 'acme', domain: '*', tenants: ['acme'], target: { ...MX, port: 26 } },
      { name: 'hub', domain: 'hub.example', target: hub('hub') },
    ]),
  });
  await world.scheduler.start();
  for (let n = 0; n < 200; n++) {
    world.accept(['a.example', 'b.example', 'hub.example'], {
      tenant: n % 2 === 0 ? 'default' : 'acme',
      stream: n % 3 === 0 ? 'bulk' : 'default',
      campaign: `c${n % 5}`,
    });
  }
  await world.clock.advance(MINUTE);
  deepEqual(asked.toSorted(), ['a.example 25', 'a.example 26', 'b.example 25', 'b.example 26']);
  equal(world.wire.copies.size, 600);
  await world.end();
});

test('routing: tenant, stream, campaign and From domain choose pool and host', async () => {
  const lanes = new Set<string>();
  const world = new World({
    behaviour: watched(lanes),
    options: options([
      { name: 'brand', domain: '*', fromDomains: ['brand.example'], pool: 'other', target: MX },
      { name: 'spring', domain: '*', campaigns: ['spring'], target: hub('springhub') },
      { name: 'acme', domain: '*', tenants: ['acme'], streams: ['bulk'], pool: 'other', target: hub('acmehub') },
    ]),
  });
  await world.scheduler.start();
  const brand = { fromDomain: 'brand.example' as Domain, byFrom: true } as const;
  for (const [also, lane] of [
    [{}, 'default mx.a.example'],
    [{ tenant: 'acme' }, 'default mx.a.example'],
    [{ tenant: 'acme', stream: 'bulk', pool: 'default' }, 'other acmehub:25'],
    [{ campaign: 'spring' }, 'default springhub:25'],
    [brand, 'other mx.a.example'],
    // No route named its From domain when it was accepted.
    [{ fromDomain: 'brand.example' as Domain }, 'default mx.a.example'],
    [{ fromDomain: 'else.example' as Domain, byFrom: true }, 'default mx.a.example'],
  ] as const) {
    lanes.clear();
    world.accept(['a.example'], also);
    // Longer than a connection idles.
    await world.clock.advance(MINUTE);
    deepEqual([...lanes], [lane], JSON.stringify(also));
  }
  await world.end();
});

test('routing: a reload takes effect for what waits, to another host, another pool, or away', async () => {
  const lanes = new Set<string>();
  const dead = options([{ name: 'dead', domain: '*', target: hub('deadhub') }]);
  const world = new World({ behaviour: watched(lanes, ({ relay: { site } }) => site === 'deadhub:25'), options: dead });
  await world.scheduler.start();
  const toHub = world.accept(['a.example']);
  const toPool = world.accept(['b.example']);
  const away = world.accept(['c.example']);
  const branded = world.accept(['d.example'], { fromDomain: 'brand.example' as Domain, byFrom: true });
  await world.clock.advance(2 * MINUTE);
  deepEqual([...lanes], ['default deadhub:25']);
  lanes.clear();
  world.scheduler.reload(
    options([
      { name: 'live', domain: 'a.example', target: hub('livehub') },
      { name: 'pool', domain: 'b.example', pool: 'other', target: MX },
      { name: 'drop', domain: 'c.example', target: { to: 'discard' } },
      { name: 'brand', domain: '*', fromDomains: ['brand.example'], pool: 'other', target: hub('brandhub') },
    ]),
  );
  await world.scheduler.operations.retryAll(undefined, 'test');
  await world.clock.advance(MINUTE);
  deepEqual([...lanes].toSorted(), ['default livehub:25', 'other brandhub:25', 'other mx.b.example']);
  for (const message of [toHub, toPool, branded]) equal(world.kinds(message).at(-1), 'delivered');
  const end = world.outcomes(away).at(-1);
  deepEqual([end?.outcome, end?.rule], ['delivered', 'drop']);
  equal(world.wire.copies.has(`${away.id}/0`), false);
  equal(world.spool.counts.deliveries, 0);
  await world.end();
});

test('routing: with an allow-list only those are written to, of one message too, and of what waited before', async () => {
  const world = new World({ behaviour: watched(new Set(), () => true), options: options([]) });
  await world.scheduler.start();
  const early = world.accept(['a.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(early), ['deferred']);
  const allowed = ['ok.example', 'qa@some.example'];
  world.scheduler.reload(options([{ name: 'drop', domain: '*', target: { to: 'discard' } }], allowed));
  await world.scheduler.operations.retryAll(undefined, 'test');
  await world.clock.advance(MINUTE);
  deepEqual([world.outcomes(early).at(-1)?.outcome, world.outcomes(early).at(-1)?.rule], ['delivered', 'allow']);
  await world.end();

  const staging = new World({ options: options([], allowed) });
  await staging.scheduler.start();
  const path = (mailbox: string) => ({
    mailbox: mailbox as Mailbox,
    domain: mailbox.slice(mailbox.lastIndexOf('@') + 1) as Domain,
  });
  const forwardPaths = ['x@ok.example', 'qa@some.example', 'Qa@some.example', 'boss@some.example', 'x@other.example'];
  const message = staging.accept([], { forwardPaths: forwardPaths.map(path) });
  const alone = staging.accept([], { forwardPaths: [path('boss@some.example')] });
  await staging.clock.advance(MINUTE);
  const sent = forwardPaths.map((_, index) => staging.wire.copies.has(`${message.id}/${index}`));
  deepEqual(sent, [true, true, true, false, false]);
  const rules = staging.outcomes(message).toSorted((a, b) => a.index - b.index);
  deepEqual(
    rules.map(({ rule }) => rule === 'allow'),
    [false, false, false, true, true],
  );
  deepEqual(
    staging.outcomes(alone).map(({ outcome, rule }) => [outcome, rule]),
    [['delivered', 'allow']],
  );
  equal(staging.spool.counts.messages, 0);
  await staging.end();
});

test('routing: a pause holds what goes by a route or from a pool, through a reload', async () => {
  const rules: readonly RouteRule[] = [
    { name: 'hub', domain: 'a.example', target: hub('hub') },
    { name: 'pool', domain: 'b.example', pool: 'other', target: MX },
  ];
  const world = new World({ options: options(rules) });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  await operations.pause('route/hub', 'test');
  await operations.pause('pool/other', 'test');
  const messages = ['a.example', 'b.example', 'c.example'].map((domain) => world.accept([domain]));
  await world.clock.advance(MINUTE);
  deepEqual(
    messages.map((message) => world.kinds(message).length),
    [0, 0, 1],
  );
  const { domains } = await operations.queue({ domainsMax: 10 });
  deepEqual(domains.map(({ waitsFor }) => waitsFor).toSorted(), [
    'held, paused: pool/other',
    'held, paused: route/hub',
  ]);
  // Mail of a.example goes another way now, so the pause is none of its business.
  world.scheduler.reload(options(rules.slice(1)));
  await world.clock.advance(MINUTE);
  deepEqual(
    messages.map((message) => world.kinds(message).length),
    [1, 0, 1],
  );
  equal(await operations.resume('pool/other', 'test'), true);
  await world.clock.advance(MINUTE);
  deepEqual(
    messages.map((message) => world.kinds(message)),
    [['delivered'], ['delivered'], ['delivered']],
  );
  await world.end();
});

test('routing: of domains forgotten and met again, one with two targets among them, none is lost', async () => {
  const asked: string[] = [];
  const rules: readonly RouteRule[] = [{ name: 'acme', domain: '*', tenants: ['acme'], target: { ...MX, port: 26 } }];
  const base = options(rules);
  const world = new World({
    router: {
      resolve: async (domain, via) => {
        asked.push(`${domain} ${via.port ?? 25}`);
        return { domain, route: relay(`mx.${domain}.${via.port ?? 25}`), ttlMs: HOUR };
      },
    },
    options: { ...base, limits: { ...base.limits, idleDomainsMax: 3 } },
  });
  await world.scheduler.start();
  for (let turn = 0; turn < 3; turn++) {
    for (const tenant of ['default', 'acme']) {
      for (let n = 0; n < 6; n++) world.accept([`d${n}.example`], { tenant });
      await world.clock.advance(10 * 1000);
    }
  }
  equal(world.wire.copies.size, 36);
  deepEqual(new Set(asked).size, 12);
  await world.end();
});

test('routing: of a thousand domains at one site those with a rule of their own go by it, and no other does, whoever comes first', async () => {
  const rules: readonly RouteRule[] = [
    { name: 'port', domain: 'd1.example', target: { ...MX, port: 2525 } },
    { name: 'tls', domain: 'd2.example', target: { to: 'mx', tls: { level: 'required' } } },
    { name: 'pool', domain: 'd3.example', pool: 'other', target: MX },
    { name: 'any', domain: 'd4.example', target: { ...MX, anyAddress: true } },
  ];
  const own: Readonly<Record<string, string>> = {
    'd1.example': 'default 2525 opportunistic false',
    'd2.example': 'default 25 required false',
    'd3.example': 'other 25 opportunistic false',
    'd4.example': 'default 25 opportunistic true',
  };
  const oneSite = createRouter(
    {
      mx: async () => ({
        found: 'records',
        records: [{ preference: 1, exchange: 'mx.big.example' }],
        ttlMs: HOUR,
        isAuthentic: false,
      }),
      addresses: async () => ({ found: 'nothing', ttlMs: HOUR }),
      clear: () => {},
    },
    { random: seededRandom(1) },
  );
  for (const order of [1, -1]) {
    const ways = new Map<string, Set<string>>();
    const behaviour: Behaviour = {
      ...takesAll,
      idleMs: HOUR,
      transact: (attempt, message, grant) => {
        const { source, relay: by } = grant as SessionGrant;
        const way = `${source.name} ${by.hosts[0]?.port} ${by.tls.level} ${by.explicit}`;
        const domain = message.forwardPaths[attempt.indexes[0] ?? 0]?.domain ?? '';
        ways.set(domain, (ways.get(domain) ?? new Set()).add(way));
        return takesAll.transact(attempt, message);
      },
    };
    const caps = { ...OPTIONS.caps, connections: 3 };
    const world = new World({ router: oneSite, behaviour, options: { ...options(rules), caps } });
    await world.scheduler.start();
    const domains = Array.from({ length: 1000 }, (_, n) => `d${n}.example`);
    for (let round = 0; round < 3; round++) {
      for (const domain of domains.toSorted((a, b) => order * (a < b ? -1 : 1))) world.accept([domain]);
      await world.clock.advance(2 * MINUTE);
    }
    equal(world.outcomes().length, 3000);
    for (const domain of domains) {
      deepEqual([...(ways.get(domain) ?? [])], [own[domain] ?? 'default 25 opportunistic false'], domain);
    }
    await world.end();
  }
});

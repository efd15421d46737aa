import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { ExplainQuestion } from '../../src/flow/explain.ts';
import type { Router } from '../../src/flow/route.ts';
import { PLAN } from './warm-world.ts';
import { HOUR, MINUTE, OPTIONS, relay, SOURCE, World } from './world.ts';

const router: Router = {
  resolve: async (domain) => ({
    domain,
    route: domain.startsWith('silent')
      ? { kind: 'unknown', text: 'SERVFAIL' }
      : domain.startsWith('null')
        ? { kind: 'unroutable', code: 556, enhanced: '5.1.10', text: 'null MX' }
        : relay(`mx.${domain}`),
    ttlMs: HOUR,
  }),
};

const ask = (address: string, also: Partial<ExplainQuestion> = {}): ExplainQuestion => ({
  address,
  tenant: 'default',
  stream: 'default',
  campaign: '',
  pool: '',
  from: '',
  ...also,
});

test('explain: route, hosts, pool and lanes, and one sentence that says what would happen; nothing is sent', async () => {
  const target = { to: 'mx', tls: { level: 'none' } } as const;
  const rules = [
    { name: 'drop', domain: 'drop.example', target: { to: 'discard' } } as const,
    { name: 'all', domain: '*', target },
  ];
  const world = new World({ router, options: { ...OPTIONS, routes: { rules } } });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  const verdict = async (address: string, also?: Partial<ExplainQuestion>): Promise<string> =>
    (await operations.explain(ask(address, also))).verdict;
  const found = await operations.explain(ask('a@x.example'));
  deepEqual(
    [found.route, found.hosts, found.pool, found.sources, found.provider, found.lanes],
    ['all', ['mx.x.example:25'], 'default', ['default'], undefined, []],
  );
  equal(found.verdict, 'it goes now, from default to mx.x.example:25, once its turn comes');
  equal(await verdict('a@silent.example'), 'it waits for DNS: SERVFAIL');
  equal(await verdict('a@null.example'), 'it fails at once: 556 5.1.10 null MX');
  equal(await verdict('a@drop.example'), 'it is thrown away by the route drop');
  equal(await verdict('a@x.example', { stream: 'gone' }), 'it is held, nobody knows stream gone');
  await operations.pause('campaign/default/spring', 'operator');
  equal(await verdict('a@x.example', { campaign: 'spring' }), 'it is held, paused: campaign/default/spring');
  world.accept(['x.example']);
  await world.clock.advance(1000);
  equal((await operations.explain(ask('a@x.example'))).lanes[0]?.name, 'default/mx.x.example');
  await operations.pauseLane('default/mx.x.example', undefined, 'operator');
  match(
    await verdict('a@x.example'),
    /^it is held, default\/mx\.x\.example until `postilion lane resume default\/mx\.x\.example`: by operator$/,
  );
  await operations.drain('default', 'operator');
  equal(await verdict('a@x.example'), 'it waits for a source: none of pool default may send');
  equal(world.wire.attempts, 1);
  await world.clock.advance(MINUTE);
  await world.end();
});

test('explain: the From domain chooses the route, as it does for mail, and what is suspended for it is told', async () => {
  const target = { to: 'mx', tls: { level: 'none' } } as const;
  const rules = [
    { name: 'shop', domain: '*', fromDomains: ['shop.example'], target, pool: 'shop' },
    { name: 'all', domain: '*', target },
  ];
  const pools = { ...OPTIONS.pools, shop: { members: [{ source: 'default', weight: 1 }] } };
  const routes = { rules, allow: ['x.example', 'only@y.example'] };
  const world = new World({ router, options: { ...OPTIONS, routes, pools } });
  const value = {
    what: 'sending-domain+provider',
    name: 'shop.example/mx.x.example',
    since: 1,
    by: 'rule r',
    reply: '550 no',
  };
  world.spool.record([{ type: 'state', at: 1, key: `suspend/${value.what}/${value.name}`, value, by: 'rule r' }]);
  await world.scheduler.start();
  const explain = (address: string, from: string) => world.scheduler.operations.explain(ask(address, { from }));
  const shop = await explain('a@x.example', 'shop.example');
  deepEqual([shop.route, shop.pool, shop.suspensions.length], ['shop', 'shop', 1]);
  match(shop.verdict, /^it is held, sending domain shop\.example\/mx\.x\.example .*550 no/);
  for (const from of ['', 'other.example']) {
    const other = await explain('a@x.example', from);
    deepEqual([other.route, other.pool, other.suspensions.length], ['all', 'default', from === '' ? 1 : 0]);
    match(other.verdict, /^it goes now/);
  }
  equal((await explain('only@y.example', '')).route, 'all');
  equal((await explain('a@y.example', '')).verdict, 'it is thrown away by the route allow');
  await world.end();
});

const perMinute = (count: number) => ({ count, perMs: MINUTE });

test('explain: the caps in force, budgets used and of how many, and whoever is suspended there; nothing begins by it', async () => {
  const world = new World({
    options: {
      ...OPTIONS,
      sources: { default: { ...SOURCE, warmup: 'plan', caps: { rates: [perMinute(90)], burst: 5 } } },
      plans: { plan: { ...PLAN, stages: [50], total: [400] } },
      tenants: { default: { weight: 1, caps: { rates: [perMinute(70)] } } },
      providers: {
        google: { lanes: 'shared', caps: { connections: 3 }, group: { newConnections: perMinute(6) } },
      },
    },
  });
  const held = (what: string, name: string) => {
    const value = { what, name, since: 1, by: 'rule x', reply: '550 no' };
    return { type: 'state', at: 1, key: `suspend/${what}/${name}`, value, by: 'rule x' } as const;
  };
  world.spool.record([
    held('sending-domain+provider', 'bad.example/google'),
    held('sending-domain+provider', 'bad.example/yahoo'),
    held('campaign', 'default/spring'),
    held('campaign', 'default/autumn'),
  ]);
  await world.scheduler.start();
  const { operations } = world.scheduler;
  const found = await operations.explain(ask('a@gmail.com', { campaign: 'spring' }));
  deepEqual(
    found.caps.map(({ by, name, figures, burst }) => [
      by,
      name,
      figures.map(({ cap, count }) => `${cap} ${count}`),
      burst,
    ]),
    [
      ['lane', 'google', ['connections 3'], undefined],
      ['provider', 'google', ['new_connections 6'], undefined],
      ['source', 'default', ['rate 90'], 5],
      ['tenant', 'default', ['rate 70'], undefined],
      ['host', 'host', ['connections 2000'], undefined],
    ],
  );
  deepEqual(
    found.budgets.map(({ provider, used, budget }) => [provider, used, budget]),
    [
      ['google', 0, 50],
      ['*', 0, 400],
    ],
  );
  deepEqual(
    found.suspensions.map(({ what, name }) => [what, name]),
    [
      ['campaign', 'default/spring'],
      ['sending-domain+provider', 'bad.example/google'],
    ],
  );
  equal(
    found.verdict,
    'it is held, campaign default/spring until `postilion campaign resume default/spring`: 550 no (rule x)',
  );
  // What an earlier life may have sent counts for a period.
  await world.clock.advance(2 * MINUTE);
  equal((await operations.explain(ask('a@gmail.com'))).wait, undefined);
  equal(world.spool.states('warmup/').length, 0, 'nothing is reserved');
  await world.end();
});

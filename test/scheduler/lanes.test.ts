import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionGrant } from '../../src/flow/attempt.ts';
import type { Router } from '../../src/flow/route.ts';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, relay, takesAll, World, type WorldOptions } from './world.ts';

/** `NAME.SITE.example` goes to the host SITE of Google, `NAME.SITE.apart` to a customer's host at Mimecast. */
const bySite: Router = {
  resolve: async (domain) => {
    const [, site = '', top = ''] = domain.split('.');
    const host = top === 'apart' ? `${site}.mimecast.com` : `${site}.google.com`;
    return { domain, route: relay(host), ttlMs: 1000 * HOUR };
  },
};

const URGENT = { ...DEFAULT_STREAM, priority: 9 };

function options(connections: number): SchedulerOptions {
  return {
    ...OPTIONS,
    streams: { default: DEFAULT_STREAM, urgent: URGENT },
    providers: { google: { lanes: 'shared' }, mimecast: { lanes: 'per-site' } },
    caps: { ...OPTIONS.caps, connections },
  };
}

/** Sites of the connections, in the order in which they were opened. */
interface Seen {
  readonly opened: SessionGrant[];
}

async function started(connections: number, given: WorldOptions = {}): Promise<World & Seen> {
  const opened: SessionGrant[] = [];
  const behaviour: Behaviour = {
    ...takesAll,
    idleMs: HOUR,
    transact: (...args) => ({ ...takesAll.transact(...args), ms: 100 }),
    ...given.behaviour,
  };
  const connect = behaviour.connect;
  const world = new World({
    options: options(connections),
    router: bySite,
    ...given,
    behaviour: {
      ...behaviour,
      connect: (grant) => {
        opened.push(grant);
        return connect(grant);
      },
    },
  });
  await world.scheduler.start();
  return Object.assign(world, { opened });
}

const sites = ({ opened }: Seen): string[] => opened.map(({ relay: { site } }) => site.split('.')[0] ?? '');

test('lanes: a provider is one lane over all its sites, and one that keeps customers apart has one for each site', async () => {
  const world = await started(3);
  for (let n = 0; n < 12; n++) world.accept([`d.s${n}.example`, `d.s${n}.apart`]);
  await world.clock.advance(50);
  const lanes = new Set(world.opened.map(({ lane }) => lane));
  equal([...lanes].filter((lane) => lane === 'default/google').length, 1);
  equal([...lanes].filter((lane) => lane.startsWith('default/mimecast/s')).length, 12);
  equal(world.wire.lanes.get('default/google'), 3, 'the fake egress counts by lane: never over 3');
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(), Array(24).fill('delivered'));
  await world.end();
});

test('lanes: an idle connection gives its slot at once to another site of the lane, and only as many as are wanted', async () => {
  const world = await started(2);
  for (let n = 0; n < 4; n++) world.accept(['d.one.example']);
  await world.clock.advance(MINUTE);
  deepEqual(sites(world), ['one', 'one']);
  const other = world.accept(['d.two.example']);
  await world.clock.advance(200);
  deepEqual(world.kinds(other), ['delivered']);
  deepEqual(sites(world), ['one', 'one', 'two']);
  equal(world.wire.sessions, 2, 'the other idle connection is still there');
  const again = world.accept(['d.one.example']);
  await world.clock.advance(200);
  deepEqual(world.kinds(again), ['delivered']);
  equal(world.opened.length, 3, 'and serves');
  await world.end();
});

test('lanes: of several idle connections all are used again at once, not the first alone, and none is opened beside them', async () => {
  const world = await started(4);
  const begun: number[] = [];
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 4; n++) world.accept(['d.one.example']);
    // The first round connects; each transaction takes 100 ms, so two behind one another would take 200.
    await world.clock.advance(round === 0 ? 120 : 110);
    begun.push(world.outcomes().length);
    await world.clock.advance(MINUTE);
  }
  deepEqual(begun, [4, 8, 12, 16, 20]);
  equal(world.opened.length, 4);
  await world.end();
});

test('lanes: urgent mail for one site of a provider goes before bulk mail for another', async () => {
  const world = await started(2);
  for (let n = 0; n < 500; n++) world.accept(['d.bulk.example']);
  await world.clock.advance(1000);
  const urgent = world.accept(['d.other.example'], { stream: 'urgent' });
  await world.clock.advance(100 + 10 + 100 + 10);
  deepEqual(world.kinds(urgent), ['delivered'], 'after what had begun, a connection and its own transaction');
  ok(world.outcomes().length < 40);
  await world.clock.advance(HOUR);
  equal(world.outcomes().length, 501);
  await world.end();
});

test('lanes: a site without a connection gets one although another keeps all of them busy', async () => {
  const world = await started(2);
  for (let n = 0; n < 300; n++) world.accept(['d.busy.example']);
  await world.clock.advance(500);
  const one = world.accept(['d.small.example']);
  await world.clock.advance(2000);
  deepEqual(world.kinds(one), ['delivered']);
  const before = world.opened.length;
  await world.clock.advance(2000);
  ok(world.opened.length - before <= 2, 'and connections are not changed all the time');
  await world.clock.advance(HOUR);
  equal(world.outcomes().length, 301);
  await world.end();
});

test('lanes: tenants share a provider by weight though their mail goes to different sites over one connection', async () => {
  const tenants = { default: { weight: 1 }, heavy: { weight: 3 } };
  const world = await started(1, { options: { ...options(1), tenants } });
  for (let n = 0; n < 400; n++) {
    world.accept(['d.one.example']);
    world.accept(['d.two.example'], { tenant: 'heavy' });
  }
  await world.clock.advance(40_000);
  const count = (tenant: string): number => world.outcomes().filter((event) => event.tenant === tenant).length;
  const [one, three] = [count('default'), count('heavy')];
  ok(one + three > 200, `${one} and ${three}`);
  ok(Math.abs(three / one - 3) < 0.6, `${one} and ${three}`);
  await world.clock.advance(HOUR);
  equal(world.outcomes().length, 800);
  await world.end();
});

test('lanes: a site that cannot be reached does not stop the other sites of its provider', async () => {
  const behaviour: Behaviour = {
    ...takesAll,
    connect: ({ relay: { site } }) =>
      site.startsWith('dead')
        ? { ms: 10, failure: { phase: 'connect', error: { kind: 'refused', text: 'no' } } }
        : { ms: 10 },
  };
  const world = await started(2, { behaviour });
  const dead = world.accept(['d.dead.example']);
  await world.clock.advance(100);
  deepEqual(world.kinds(dead), ['deferred']);
  world.accept(['e.dead.example']);
  for (let n = 0; n < 20; n++) world.accept(['d.alive.example']);
  await world.clock.advance(5000);
  equal(world.outcomes().filter(({ outcome }) => outcome === 'delivered').length, 20);
  equal(sites(world).filter((site) => site === 'dead').length, 1, 'it is asked again later, by one');
  await world.end();
});

test('lanes: a smart host that a route names is not the provider of who gets the mail', async () => {
  const target = { to: 'hosts', hosts: [{ name: 'hub', port: 25 }], tls: { level: 'none' } } as const;
  const routes = { rules: [{ name: 'hub', domain: '*', target }] };
  const world = await started(2, { options: { ...options(2), routes } });
  world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  deepEqual(
    world.opened.map(({ lane, provider }) => [lane, provider]),
    [['default/hub:25', undefined]],
  );
  await world.end();
});

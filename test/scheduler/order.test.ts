// Who goes first at a provider: urgent mail before bulk, tenants by weight, and nobody never.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { newMessageId } from '../../src/flow/message-id.ts';
import type { Domain, Message } from '../../src/flow/message.ts';
import type { Router } from '../../src/flow/route.ts';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, relay, takesAll, World } from './world.ts';

/** `NAME.SITE.example` goes to the host SITE of Google. */
const ofGoogle: Router = {
  resolve: async (domain) => ({ domain, route: relay(`${domain.split('.')[1]}.google.com`), ttlMs: 1000 * HOUR }),
};

function options(connections: number, also: Partial<SchedulerOptions> = {}): SchedulerOptions {
  return {
    ...OPTIONS,
    streams: {
      default: DEFAULT_STREAM,
      bulk: { ...DEFAULT_STREAM, priority: 1 },
      urgent: { ...DEFAULT_STREAM, priority: 9 },
    },
    providers: { google: { lanes: 'shared' } },
    caps: { ...OPTIONS.caps, connections },
    ...also,
  };
}

const MS = 1000;
/** When each attempt began. */
class Watched {
  readonly began = new Map<string, number>();
  world!: World;

  behaviour(also: Partial<Behaviour> = {}): Behaviour {
    return {
      ...takesAll,
      ...also,
      transact: (attempt, message) => {
        this.began.set(attempt.messageId, this.world.clock.now());
        return { ...takesAll.transact(attempt, message), ms: MS };
      },
    };
  }
}

interface Given {
  readonly connections: number;
  readonly also?: Partial<SchedulerOptions>;
  readonly behaviour?: Partial<Behaviour>;
  readonly waiting?: number;
  /** Of the n-th that waits. */
  readonly message?: (n: number) => readonly [domain: string, also: Partial<Message>];
}

async function started(given: Given): Promise<World & { readonly began: Map<string, number> }> {
  const watched = new Watched();
  const world = new World({
    options: options(given.connections, given.also),
    router: ofGoogle,
    behaviour: watched.behaviour(given.behaviour),
  });
  watched.world = world;
  const { waiting = 0 } = given;
  for (let n = 0; n < waiting; n++) {
    const [domain, also] = given.message?.(n) ?? ['d.one.example', { stream: 'bulk' }];
    // In the order of their ids, as they would have come.
    const id = newMessageId(world.clock.now() - waiting + n, world.random);
    const message = world.message([domain], { id, ...also });
    world.wire.messages.set(message.id, message);
    world.spool.accept({ message, location: { segment: 's', offset: n, length: 1 } });
  }
  await world.scheduler.start();
  return Object.assign(world, { began: watched.began });
}

for (const recallMs of [undefined, 3]) {
  test(`order: urgent mail behind 100,000 bulk messages at one provider waits only for transactions that have begun (${recallMs ?? 0} ms to egress)`, async () => {
    const behaviour = recallMs === undefined ? {} : { recallMs };
    const world = await started({ connections: 10, waiting: 100_000, behaviour });
    await world.clock.advance(5.5 * MS);
    const urgent = Array.from({ length: 10 }, () => world.accept(['d.one.example'], { stream: 'urgent' }));
    const before = world.began.size;
    await world.clock.advance(MS);
    for (const { id } of urgent) ok(world.began.has(id), 'each has begun when what had begun before it was over');
    const between = world.began.size - before - urgent.length;
    ok(between <= 1, `${between} bulk messages began after the urgent ones came and before the last of them`);
    await world.clock.advance(MS);
    for (const message of urgent) deepEqual(world.kinds(message), ['delivered']);
    equal(world.wire.sessions, 10, 'no connection was given up for it');
    ok([...world.wire.copies.values()].every((copies) => copies === 1));
    await world.end();
  });
}

test('order: urgent mail goes before bulk on connections that are still being opened', async () => {
  const world = await started({
    connections: 2,
    waiting: 100,
    behaviour: { connect: () => ({ ms: 500 }), recallMs: 1 },
  });
  await world.clock.advance(100);
  const urgent = world.accept(['d.one.example'], { stream: 'urgent' });
  await world.clock.advance(450);
  ok(world.began.has(urgent.id));
  equal(world.began.size, 2, 'the first of its connection');
  await world.clock.advance(HOUR);
  equal(world.outcomes().length, 101);
  await world.end();
});

test('order: urgent mail for a site without a connection ends one that does bulk, not one that does urgent mail', async () => {
  const world = await started({ connections: 2, waiting: 1000 });
  await world.clock.advance(3.5 * MS);
  for (let n = 0; n < 3; n++) world.accept(['d.two.example'], { stream: 'urgent' });
  const last = world.accept(['d.three.example'], { stream: 'urgent' });
  const before = world.outcomes().length;
  await world.clock.advance(6 * MS);
  deepEqual(world.kinds(last), ['delivered']);
  const since = world.outcomes().slice(before);
  const at = since.findIndex(({ messageId }) => messageId === last.id);
  ok(at <= 6, `${at} ended before it`);
  await world.end();
});

test('order: urgent mail for a host without a connection gets one though bulk for another host holds all of this machine', async () => {
  const caps = { ...OPTIONS.caps, connections: 4, totalConnections: 4 };
  const world = await started({ connections: 4, also: { caps, providers: {} }, waiting: 1000 });
  await world.clock.advance(3.5 * MS);
  const urgent = world.accept(['d.other.example'], { stream: 'urgent' });
  await world.clock.advance(MS);
  ok(world.began.has(urgent.id), 'after one transaction that had begun');
  await world.clock.advance(5 * MS);
  deepEqual(world.kinds(urgent), ['delivered']);
  const before = world.outcomes().length;
  await world.clock.advance(10 * MS);
  ok(world.outcomes().length - before >= 35, 'and bulk has all of them again');
  await world.end();
});

test('order: a destination that had no connection is served before one that keeps all of them busy (starvation)', async () => {
  const caps = { ...OPTIONS.caps, connections: 2, totalConnections: 2, deliveriesPerConnection: 5 };
  const world = await started({ connections: 2, also: { caps, providers: {} }, waiting: 500 });
  await world.clock.advance(500);
  const small = Array.from({ length: 3 }, (_, n) => world.accept([`d.s${n}.example`], { stream: 'bulk' }));
  await world.clock.advance(30 * MS);
  for (const message of small) deepEqual(world.kinds(message), ['delivered']);
  await world.end();
});

test('order: what is urgent and may not go yet does not make what is recalled spin', async () => {
  const world = await started({ connections: 1, waiting: 200 });
  await world.clock.advance(2.5 * MS);
  await world.scheduler.operations.pause('stream/urgent', 'operator');
  const held = world.accept(['d.one.example'], { stream: 'urgent' });
  const before = world.wire.attempts;
  await world.clock.advance(10 * MS);
  ok(world.wire.attempts - before <= 14, `${world.wire.attempts - before} grants for 10 transactions`);
  await world.scheduler.operations.resume('stream/urgent', 'operator');
  await world.clock.advance(2 * MS);
  deepEqual(world.kinds(held), ['delivered']);
  await world.end();
});

/** After `deliveries` outcomes: how many of them are of each tenant. */
async function shared(world: World, deliveries: number): Promise<{ readonly heavy: number; readonly light: number }> {
  while (world.outcomes().length < deliveries) await world.clock.advance(5 * MS);
  const first = world.outcomes().slice(0, deliveries);
  const heavy = first.filter(({ tenant }) => tenant === 'heavy').length;
  return { heavy, light: deliveries - heavy };
}

const WEIGHTS = { tenants: { heavy: { weight: 3 }, light: { weight: 1 } } };

test('order: two tenants of weights 3 and 1 get 3 to 1 within 5% over 10,000 deliveries to seven domains of three sites of a provider', async () => {
  const world = await started({
    connections: 10,
    also: WEIGHTS,
    waiting: 24_000,
    message: (n) => {
      const tenant = n % 2 === 0 ? 'heavy' : 'light';
      // Each with campaigns of its own, the light one with many more: they share what their tenant has.
      const campaign = tenant === 'light' ? `c${n % 40}` : 'c';
      return [`d${n % 7}.s${n % 3}.example` as Domain, { tenant, campaign, stream: 'default' }];
    },
  });
  const { heavy, light } = await shared(world, 10_000);
  ok(Math.abs(heavy / light - 3) <= 0.15, `${heavy} to ${light}`);
  await world.scheduler.operations.pause('all', 'operator');
  await world.clock.advance(MINUTE);
  await world.end();
});

test('order: tenants whose mail goes to different sites of a provider share its connections by weight all the same', async () => {
  const world = await started({
    connections: 8,
    also: { ...WEIGHTS, caps: { ...OPTIONS.caps, connections: 8, deliveriesPerConnection: 20 } },
    waiting: 20_000,
    message: (n) => (n % 2 === 0 ? ['d.a.example', { tenant: 'heavy' }] : ['d.b.example', { tenant: 'light' }]),
  });
  const { heavy, light } = await shared(world, 6000);
  ok(Math.abs(heavy / light - 3) <= 0.6, `${heavy} to ${light}`);
  await world.scheduler.operations.pause('all', 'operator');
  await world.clock.advance(MINUTE);
  await world.end();
});

test('order: pools that send by the same source take turns, none of them waits for the other to end', async () => {
  const only = { members: [{ source: 'default', weight: 1 }] };
  const world = await started({
    connections: 4,
    also: { ...WEIGHTS, pools: { default: only, apart: only } },
    waiting: 8000,
    message: (n) =>
      n % 2 === 0
        ? ['d.a.example', { tenant: 'heavy', pool: 'default' }]
        : ['d.a.example', { tenant: 'light', pool: 'apart' }],
  });
  const { heavy, light } = await shared(world, 2000);
  ok(Math.abs(heavy - light) <= 100, `${heavy} to ${light}`);
  await world.scheduler.operations.pause('all', 'operator');
  await world.clock.advance(MINUTE);
  await world.end();
});

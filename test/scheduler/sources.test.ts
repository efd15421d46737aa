import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, takesAll, World, type WorldOptions } from './world.ts';

const source = (name: string) => ({ name, ehlo: `${name}.example` });

const SPARE = { source: 'spare', weight: 1 } as const;
const TWO: SchedulerOptions = {
  ...OPTIONS,
  sources: { a: source('a'), b: source('b'), spare: source('spare') },
  pools: {
    default: {
      members: [
        { source: 'a', weight: 3 },
        { source: 'b', weight: 1 },
      ],
      overflow: 'spare',
    },
    spare: { members: [SPARE] },
  },
  caps: { ...OPTIONS.caps, connections: 1 },
};

async function started(given: WorldOptions = {}): Promise<World> {
  const world = new World({ options: TWO, ...given });
  await world.scheduler.start();
  return world;
}

function sentBy(world: World): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { source: name = '' } of world.outcomes()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const deaf =
  (names: readonly string[]): Behaviour['connect'] =>
  ({ source: { name } }) =>
    names.includes(name) ? { ms: 1, failure: { phase: 'connect', error: { kind: 'refused', text: 'no' } } } : { ms: 1 };

test('sources: drained in the middle of mail it ends what it began, and every message arrives once by the others', async () => {
  const slow: Behaviour = { ...takesAll, transact: (...args) => ({ ...takesAll.transact(...args), ms: 500 }) };
  const world = await started({ behaviour: slow });
  const { operations } = world.scheduler;
  for (let n = 0; n < 50; n++) world.accept(['x.example']);
  await world.clock.advance(5000);
  const during = await operations.drain('a', 'operator');
  equal(during?.state, 'draining');
  ok((during?.inFlight ?? 0) > 0);
  const before = sentBy(world)['a'] ?? 0;
  await world.clock.advance(5 * MINUTE);
  deepEqual(world.kinds(), Array(50).fill('delivered'));
  ok((sentBy(world)['a'] ?? 0) <= before + 1, 'only what it had begun');
  equal(sentBy(world)['spare'], undefined);
  const after = await operations.sources();
  deepEqual(
    after.map(({ name, state, pools, sessions }) => [name, state, pools, sessions]),
    [
      ['a', 'drained', ['default'], 0],
      ['b', 'enabled', ['default'], 0],
      ['spare', 'enabled', ['spare'], 0],
    ],
  );
  equal((await operations.enable('a', 'operator'))?.state, 'enabled');
  for (let n = 0; n < 8; n++) world.accept(['x.example']);
  await world.clock.advance(MINUTE);
  ok((sentBy(world)['a'] ?? 0) > before + 2);
  equal(await operations.drain('nobody', 'operator'), undefined);
  equal(await operations.enable('nobody', 'operator'), undefined);
  await world.end();
});

test('sources: without one the overflow pool sends; without that mail waits, alarmed, and goes when one is enabled', async () => {
  const world = await started();
  const { operations } = world.scheduler;
  await operations.drain('a', 'operator');
  await operations.drain('b', 'operator');
  world.accept(['x.example']);
  await world.clock.advance(MINUTE);
  deepEqual(sentBy(world), { spare: 1 });
  await operations.drain('spare', 'operator');
  const held = world.accept(['x.example']);
  await world.clock.advance(HOUR);
  deepEqual(world.kinds(held), []);
  deepEqual(
    world.spool.alarms().map(({ alarm }) => alarm),
    ['no-source'],
  );
  equal((await operations.queue({ domainsMax: 1 })).domains[0]?.waitsFor, 'a source: none of pool default may send');
  await operations.enable('b', 'operator');
  await world.clock.advance(1000);
  deepEqual(world.kinds(held), ['delivered']);
  await world.end();
});

test('sources: a drain stands after a restart, and one of a source that is gone can be ended', async () => {
  const world = new World({ options: TWO });
  for (const name of ['a', 'gone']) {
    world.spool.record([{ type: 'state', at: 1, key: `drain/${name}`, value: 1, by: 'operator' }]);
  }
  await world.scheduler.start();
  const { operations } = world.scheduler;
  for (let n = 0; n < 4; n++) world.accept(['x.example']);
  await world.clock.advance(MINUTE);
  deepEqual(sentBy(world), { b: 4 });
  deepEqual(
    (await operations.sources()).map(({ state }) => state),
    ['drained', 'enabled', 'enabled', 'unknown'],
  );
  equal((await operations.enable('gone', 'operator'))?.state, 'unknown');
  deepEqual(
    world.spool.states('drain/').map(({ key }) => key),
    ['drain/a'],
  );
  await world.end();
});

test('sources: a reload that adds, disables and removes some rewrites nothing and loses nothing', async () => {
  const slow: Behaviour = { ...takesAll, transact: (...args) => ({ ...takesAll.transact(...args), ms: 300 }) };
  const world = await started({ behaviour: slow });
  for (let n = 0; n < 60; n++) world.accept(['x.example'], { pool: 'default' });
  await world.clock.advance(2000);
  const rows = world.spool.journal.length - world.outcomes().length;
  const only = (name: string) => ({ members: [{ source: name, weight: 1 }] });
  world.scheduler.reload({ ...TWO, sources: { ...TWO.sources, c: source('c') }, pools: { default: only('c') } });
  await world.clock.advance(2000);
  world.scheduler.reload({
    ...TWO,
    sources: { c: { ...source('c'), enabled: false }, d: source('d') },
    pools: { default: only('d') },
  });
  const atReload = world.outcomes().length;
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(), Array(60).fill('delivered'));
  const lastNames = new Set(
    world
      .outcomes()
      .slice(atReload + 4)
      .map((event) => event.source),
  );
  deepEqual([...lastNames], ['d'], 'what was begun ends where it was');
  equal(world.spool.journal.length - world.outcomes().length, rows, 'nothing but outcomes was written');
  await world.end();
});

test('sources: while every lane of the pool fails to connect the overflow pool sends, then they come back', async () => {
  let isDeaf = true;
  const connect: Behaviour['connect'] = (grant) => deaf(isDeaf ? ['a', 'b'] : [])(grant);
  const world = await started({ behaviour: { ...takesAll, connect } });
  const messages = Array.from({ length: 10 }, () => world.accept(['x.example']));
  await world.clock.advance(12 * HOUR);
  deepEqual(
    messages.map((message) => world.kinds(message).at(-1)),
    Array(10).fill('delivered'),
  );
  deepEqual(
    new Set(
      world
        .outcomes()
        .filter(({ outcome }) => outcome === 'delivered')
        .map((event) => event.source),
    ),
    new Set(['spare']),
  );
  isDeaf = false;
  await world.clock.advance(HOUR);
  const late = world.accept(['x.example']);
  await world.clock.advance(MINUTE);
  deepEqual(
    world.outcomes(late).map((event) => event.source),
    ['a'],
  );
  await world.end();
});

test('sources: a site that the pool cannot reach has the overflow pool, whatever caps keep the other mail of its provider', async () => {
  // Found by the random worlds of waits.test.ts (seed 541): the overflow pool was asked only while `a` was not at its cap.
  const connect: Behaviour['connect'] = (grant) =>
    grant.relay.site === 'mx.googlemail.com' ? deaf(['a'])(grant) : { ms: 1 };
  const world = await started({
    options: {
      ...TWO,
      sources: { a: { ...source('a'), caps: { rates: [{ count: 1, perMs: MINUTE }] } }, spare: source('spare') },
      pools: { default: { members: [{ source: 'a', weight: 1 }], overflow: 'spare' }, spare: { members: [SPARE] } },
      providers: { google: { lanes: 'shared' } },
    },
    behaviour: { ...takesAll, connect },
  });
  for (let n = 0; n < 40; n++) world.accept([n % 2 === 0 ? 'googlemail.com' : 'gmail.com']);
  await world.clock.advance(2 * MINUTE);
  const { spare = 0, a = 0 } = sentBy(world);
  equal(spare, 20, 'all that it cannot reach');
  ok(a <= 3, 'no more than its cap');
  await world.end();
});

test('sources: one whose address is missing begins nothing, is alarmed once, and goes on once it is there', async () => {
  const world = new World({ options: TWO });
  const { scheduler } = world;
  scheduler.setMissing(['a']);
  await scheduler.start();
  for (let n = 0; n < 20; n++) world.accept(['x.example']);
  await world.clock.advance(MINUTE);
  deepEqual(sentBy(world), { b: 20 });
  const states = async (): Promise<readonly string[]> =>
    (await scheduler.operations.sources()).map(({ state }) => state);
  deepEqual(await states(), ['missing', 'enabled', 'enabled']);
  scheduler.setMissing(['a', 'b']);
  for (let n = 0; n < 5; n++) world.accept(['x.example']);
  await world.clock.advance(MINUTE);
  deepEqual(sentBy(world), { b: 20, spare: 5 });
  scheduler.setMissing([]);
  for (let n = 0; n < 20; n++) world.accept(['x.example']);
  await world.clock.advance(MINUTE);
  ok((sentBy(world)['a'] ?? 0) > 5);
  deepEqual(
    world.spool.alarms().map(({ alarm, text }) => [alarm, /source (\w)/.exec(text)?.[1]]),
    [
      ['source-missing', 'a'],
      ['source-missing', 'b'],
    ],
  );
  await world.end();
});

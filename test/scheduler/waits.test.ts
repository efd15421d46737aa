// What is said of mail that waits: the reason is the one that holds it back, it ends when it says, and asking changes nothing.
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import type { LaneFigures } from '../../src/flow/lanes.ts';
import type { Domain } from '../../src/flow/message.ts';
import type { Reply } from '../../src/flow/reply.ts';
import type { Wait } from '../../src/flow/wait.ts';
import { waitText } from '../../src/flow/wait-words.ts';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { PLAN } from './warm-world.ts';
import { HOUR, MINUTE, OPTIONS, replies, SOURCE, takesAll, World } from './world.ts';

const perMinute = (count: number) => ({ count, perMs: MINUTE });
const GOOGLE = { google: { lanes: 'shared' } } as const;

const REFUSED = { kind: 'refused', text: 'refused' } as const;
/** Each transaction takes half a minute. */
const slow: Behaviour = {
  ...takesAll,
  idleMs: HOUR,
  transact: (attempt) => ({ ms: MINUTE / 2, results: replies(attempt.indexes, 250), taken: attempt.indexes }),
};
const refused: Behaviour = { ...takesAll, connect: () => ({ ms: 10, failure: { phase: 'connect', error: REFUSED } }) };
const answers = (reply: Reply): Behaviour => ({
  ...takesAll,
  transact: (attempt) => ({
    ms: 10,
    results: attempt.indexes.map((index) => ({ index, decidedAt: 'dot', reply }) as const),
    taken: [],
  }),
});
const RATE: Reply = { code: 451, enhanced: '4.7.1', lines: ['too many messages, slow down'] };

const wait = async (world: World, domain = 'gmail.com'): Promise<{ wait: Wait; text: string }> => {
  const { domains } = await world.scheduler.operations.queue({ domainsMax: 10 });
  const found = domains.find((one) => one.domain === (domain as Domain));
  if (found === undefined) throw new Error(`nothing waits for ${domain}`);
  return { wait: found.wait, text: found.waitsFor };
};

/** A lane is there once something has gone by it. */
const pinned = async (world: World, figures: LaneFigures): Promise<void> => {
  world.accept(['gmail.com']);
  await world.clock.advance(100);
  await world.scheduler.operations.pinLane('default/google', figures, 'operator');
};

interface Case {
  readonly name: string;
  readonly options?: Partial<SchedulerOptions>;
  readonly behaviour?: Behaviour;
  readonly egresses?: number;
  readonly before?: (world: World) => Promise<unknown>;
  readonly want: RegExp;
}

const caps = OPTIONS.caps;
const CASES: readonly Case[] = [
  {
    name: 'connections of a lane',
    options: { caps: { ...caps, connections: 2 } },
    behaviour: slow,
    want: /^the cap of lane default\/google: 2 connections, all busy$/,
  },
  {
    name: 'a rate of a lane',
    options: { caps: { ...caps, rates: [perMinute(2)] } },
    want: /^the cap of lane default\/google: 2 in 1m$/,
  },
  {
    name: 'connections of a group',
    options: { providers: { google: { lanes: 'shared', group: { connections: 1 } } } },
    behaviour: slow,
    want: /^the cap of provider default\/google: 1 connection, all busy$/,
  },
  {
    name: 'a rate of a source',
    options: { sources: { default: { name: 'default', ehlo: 'r.example', caps: { rates: [perMinute(1)] } } } },
    want: /^the cap of source default: 1 in 1m$/,
  },
  {
    name: 'new connections of a source',
    options: { sources: { default: { name: 'default', ehlo: 'r.example', caps: { newConnections: perMinute(1) } } } },
    behaviour: slow,
    want: /^the cap of source default: 1 new connection in 1m$/,
  },
  {
    name: 'a rate of a tenant',
    options: { tenants: { default: { weight: 1, caps: { rates: [perMinute(1)] } } } },
    want: /^the cap of tenant default: 1 in 1m$/,
  },
  {
    name: 'a rate of a stream',
    options: { streams: { default: { ...DEFAULT_STREAM, caps: { rates: [perMinute(1)] } } } },
    want: /^the cap of stream default: 1 in 1m$/,
  },
  {
    name: 'connections of the host',
    options: { caps: { ...caps, totalConnections: 1 } },
    behaviour: slow,
    want: /^the cap of the host: 1 connection, all busy$/,
  },
  {
    name: 'the pace in connections',
    behaviour: slow,
    before: (world) => pinned(world, { connections: 1 }),
    want: /^the pace of default\/google: 1 connection, all busy, pinned$/,
  },
  {
    name: 'the pace in deliveries a minute',
    before: (world) => pinned(world, { connections: 5, perMinute: 2 }),
    want: /^the pace of default\/google: 2 a minute, pinned$/,
  },
  {
    name: 'a pace, and the reply that lowered it',
    behaviour: answers(RATE),
    want: /^the pace of default\/google: \S+ a minute, lowered \S+ ago: 451 4\.7\.1 too many messages, slow down \(rule \S+\)$/,
  },
  {
    name: 'the next attempt',
    behaviour: answers({ code: 450, enhanced: '4.2.0', lines: ['later'] }),
    want: /^its next attempt, in \S+$/,
  },
  { name: 'a host', behaviour: refused, want: /^a connection from default \(refused\); tried again in \S+$/ },
  { name: 'an egress process', egresses: 0, want: /^an egress process$/ },
  {
    name: 'a source',
    before: (world) => world.scheduler.operations.drain('default', 'operator'),
    want: /^a source: none of pool default may send$/,
  },
  {
    name: 'a mark',
    before: (world) => world.scheduler.operations.pause('stream/default', 'operator'),
    want: /^held, paused: stream\/default$/,
  },
  {
    name: 'a suspension',
    before: (world) => world.scheduler.operations.pauseLane('default/google', 20 * MINUTE, 'operator'),
    want: /^default\/google: suspended, ends in 1\dm\S*: by operator$/,
  },
  {
    name: 'what is held until it is resumed',
    before: (world) => world.scheduler.operations.pauseLane('default/google', undefined, 'operator'),
    want: /^held, default\/google until `postilion lane resume default\/google`: by operator$/,
  },
];

for (const { name, options, behaviour, egresses, before, want } of CASES) {
  test(`waits: ${name}`, async () => {
    const world = new World({
      options: { ...OPTIONS, providers: GOOGLE, ...options },
      ...(behaviour !== undefined && { behaviour }),
      ...(egresses !== undefined && { egresses }),
    });
    await world.scheduler.start();
    await before?.(world);
    const message = world.accept(['gmail.com']);
    for (let n = 0; n < 30; n++) world.accept(['gmail.com']);
    await world.clock.advance(10_000);
    const said = await wait(world);
    match(said.text, want);
    equal(said.text, waitText(said.wait, world.clock.now()));
    // The last one that came says the same of itself, unless it is the one that is on its way.
    const { message: report } = world.scheduler.operations;
    const ids = [...world.records.values()].map(({ id }) => id);
    const told = (await report.call(world.scheduler.operations, ids.at(-1) ?? message.id))?.waits?.map(
      ({ text }) => text,
    );
    if (!name.startsWith('the next') && !name.startsWith('a host')) deepEqual(told, [said.text]);
    if (egresses !== 0) await world.end();
  });
}

test('waits: what says until when goes on then, and not before', async () => {
  const world = new World({ options: { ...OPTIONS, caps: { ...caps, rates: [perMinute(2)] } } });
  await world.scheduler.start();
  for (let n = 0; n < 5; n++) world.accept(['a.example']);
  await world.clock.advance(1000);
  const before = world.wire.attempts;
  const { wait: said } = await wait(world, 'a.example');
  const until = 'until' in said ? (said.until ?? 0) : 0;
  await world.clock.advance(until - world.clock.now() - 2);
  equal(world.wire.attempts, before);
  // A rate forgets what was over a 120th of its period late.
  await world.clock.advance(700);
  equal(world.wire.attempts, before + 1);
  await world.clock.advance(3 * MINUTE);
  await world.end();
});

test('waits: asking changes nothing: no journal, no pace, no budget, and the same goes at the same instants', async () => {
  const runs: { readonly journal: number; readonly ends: readonly number[] }[] = [];
  for (const isAsked of [false, true]) {
    const world = new World({
      options: {
        ...OPTIONS,
        // It warms up, so each lane begins with `start`; its budget is never the limit.
        sources: { default: { ...SOURCE, warmup: 'plan' } },
        plans: { plan: { ...PLAN, stages: [1e6] } },
        caps: { ...caps, connections: 2, rates: [perMinute(40)] },
        providers: {
          google: { lanes: 'shared', start: { connections: 1, rate: perMinute(10) } },
          yahoo: { lanes: 'shared', start: { connections: 1 }, group: { newConnections: perMinute(1) } },
        },
      },
      behaviour: { ...takesAll, idleMs: 10 },
    });
    await world.scheduler.start();
    // Of the third provider neither connections nor pace are ever the limit: opening is.
    for (let n = 0; n < 20; n++) world.accept(['yahoo.com']);
    for (let n = 0; n < 60; n++) world.accept([n % 2 === 0 ? 'gmail.com' : 'a.example']);
    for (let n = 0; n < 200; n++) {
      await world.clock.advance(1500);
      if (!isAsked) continue;
      await world.scheduler.operations.queue({ domainsMax: 10 });
      await world.scheduler.operations.lanes();
      for (const { id } of world.records.values()) await world.scheduler.operations.message(id);
    }
    runs.push({ journal: world.spool.journal.length, ends: world.outcomes().map(({ at }) => at) });
    await world.end();
  }
  deepEqual(runs[1], runs[0]);
});

/** An operator does something. */
async function stirred(world: World, pick: <T>(of: readonly T[]) => T): Promise<void> {
  const { operations } = world.scheduler;
  const lane = `${pick(['a', 'b'])}/${pick(['google', 'mx.a.example'])}`;
  if (pick([true, false])) await operations.pauseLane(lane, pick([3000, 60_000, undefined]), 'operator');
  else await operations.resumeLane(lane, 'operator');
}

/** Whatever is due and does not go has a reason: `its turn` would mean that a lane has room and nobody pulls. */
test('waits: over random caps, paces and replies nothing is ever said to wait for its turn alone', async () => {
  for (let seed = 401; seed <= 601; seed++) {
    const random = seededRandom(seed);
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)] as T;
    const rates = pick([undefined, [perMinute(pick([1, 7, 30]))]]);
    const limits = { connections: pick([1, 2, 10]), ...(rates !== undefined && { rates }) };
    const start = pick([undefined, { connections: 1 }, { rate: perMinute(5) }]);
    const isWarming = random.next() < 0.4;
    const source = (name: string) => ({
      name,
      ehlo: `${name}.example`,
      ...(isWarming && random.next() < 0.5 && { warmup: 'plan' }),
      ...(random.next() < 0.3 && { caps: { newConnections: perMinute(pick([1, 20])) } }),
    });
    const overflow = pick(['pool', 'wait', 'overflow-pool'] as const);
    const world = new World({
      seed,
      options: {
        ...OPTIONS,
        sources: { a: source('a'), b: source('b'), c: source('c') },
        pools: {
          default: {
            members: [
              { source: 'a', weight: 1 },
              { source: 'b', weight: 3 },
            ],
            ...(random.next() < 0.5 && { overflow: 'more' }),
          },
          more: { members: [{ source: 'c', weight: 1 }] },
        },
        plans: { plan: { ...PLAN, stages: [pick([3, 40, 1e6])], overflow } },
        ...(random.next() < 0.3 && {
          tenants: { default: { weight: 1, caps: { rates: [perMinute(pick([2, 20]))] } } },
        }),
        caps: { ...caps, ...limits, totalConnections: pick([1, 3, 100]) },
        providers: { google: { lanes: 'shared', ...(start !== undefined && { start }) } },
      },
      behaviour: {
        ...takesAll,
        idleMs: pick([10, 30_000]),
        connect: () => (random.next() < 0.1 ? { ms: 10, failure: { phase: 'connect', error: REFUSED } } : { ms: 50 }),
        transact: (attempt) => {
          const isRefused = random.next() < 0.1;
          const results = attempt.indexes.map(
            (index) => ({ index, decidedAt: 'dot', reply: isRefused ? RATE : { code: 250, lines: ['ok'] } }) as const,
          );
          return { ms: 10 + random.next() * 3000, results, taken: isRefused ? [] : attempt.indexes };
        },
      },
    });
    await world.scheduler.start();
    for (let n = 0; n < 60; n++) world.accept([pick(['gmail.com', 'googlemail.com', 'a.example', 'b.example'])]);
    for (let n = 0; n < 40; n++) {
      if (random.next() < 0.1) await stirred(world, pick);
      await world.clock.advance(random.next() * 5000);
      const turns = async (): Promise<readonly string[]> => {
        const { domains } = await world.scheduler.operations.queue({ domainsMax: 10 });
        return domains.filter(({ wait: said }) => said.for === 'turn').map(({ domain }) => domain);
      };
      if ((await turns()).length === 0) continue;
      // A timer wakes a fraction of a millisecond later than room came.
      await world.clock.advance(2);
      deepEqual(await turns(), [], `seed ${seed}, look ${n}`);
    }
    const stopped = world.scheduler.stop();
    await world.clock.advance(40_000);
    await stopped;
  }
});

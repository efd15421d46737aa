// The pace in the scheduler: what begins after a throttling reply, what a restart remembers, what an operator may do.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionGrant } from '../../src/flow/attempt.ts';
import type { Reply } from '../../src/flow/reply.ts';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import { PERSONALITIES } from '../../src/trial/personality.ts';
import type { WarmupPlan } from '../../src/policy/warmup-plan.ts';
import type { Behaviour } from './fake-egress.ts';
import { PLAN } from './warm-world.ts';
import { HOUR, MINUTE, OPTIONS, relay, replies, SOURCE, World, type WorldOptions } from './world.ts';

const perMinute = (count: number) => ({ count, perMs: MINUTE });

/** A budget that is never the limit: only what is cold begins with `start`. */
const WARMUP: WarmupPlan = { ...PLAN, stages: [1e9] };

/** The source warms up everywhere. */
function cold(options: SchedulerOptions): SchedulerOptions {
  return { ...options, sources: { default: { ...SOURCE, warmup: 'plan' } }, plans: { plan: WARMUP } };
}

const GOOGLE: SchedulerOptions = {
  ...OPTIONS,
  caps: { ...OPTIONS.caps, connections: 20 },
  providers: {
    google: {
      lanes: 'shared',
      start: { connections: 8, rate: perMinute(120) },
      caps: { connections: 12, rates: [perMinute(600)] },
    },
  },
};
const WARM: SchedulerOptions = {
  ...GOOGLE,
  providers: { google: { lanes: 'shared', start: { connections: 8 }, caps: { connections: 12 } } },
};
const FAST = cold(WARM);
/** What the shipped rules make `slow rate` and `slow connections` of, wherever it comes from. */
const RATE: Reply = { code: 451, enhanced: '4.7.1', lines: ['too many messages, slow down'] };
const CONNECTIONS: Reply = { code: 421, enhanced: '4.7.0', lines: ['too many concurrent connections'] };

/** Answers the nth transaction begun with the reply that stands for it; notes when each begins and how many are open. */
class Far {
  /** When each began, in order. */
  readonly begun: number[] = [];
  readonly ms: number;
  skewMs = 0;
  answers = new Map<number, Reply>();
  open = 0;
  most = 0;
  constructor(ms = 1000) {
    this.ms = ms;
  }
  readonly behaviour = (clock: () => World): Behaviour => ({
    idleMs: 5000,
    connect: (_: SessionGrant) => ({ ms: 10 }),
    transact: (attempt) => {
      const world = clock();
      this.begun.push(world.clock.now());
      // No two end in the same moment.
      const ms = this.ms + (this.begun.length % 10) * this.skewMs;
      this.open++;
      this.most = Math.max(this.most, this.open);
      world.clock.after(ms, () => void this.open--);
      const reply = this.answers.get(this.begun.length);
      if (reply === undefined) return { ms, results: replies(attempt.indexes, 250), taken: attempt.indexes };
      const results = attempt.indexes.map((index) => ({ index, decidedAt: 'dot', reply }) as const);
      return { ms, results, taken: [], breaks: reply.code === 421 };
    },
  });
}

async function started(far: Far, given: WorldOptions = {}): Promise<World> {
  const world: World = new World({
    options: cold(GOOGLE),
    behaviour: far.behaviour(() => world),
    egresses: 4,
    ...given,
  });
  await world.scheduler.start();
  return world;
}

const lane = async (world: World, name = 'default/google') => {
  const report = await world.scheduler.operations.lane(name);
  if (report === undefined) throw new Error(`no lane ${name}`);
  return report;
};

test('pace: begins with the start of the provider, spaced, and grows by a step a minute while it is the limit', async () => {
  const far = new Far(100);
  const world = await started(far);
  for (let n = 0; n < 2000; n++) world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  const first = far.begun.filter((at) => at < (far.begun[0] ?? 0) + MINUTE).length;
  ok(first >= 118 && first <= 121, `${first} in the first minute`);
  equal(far.most, 1, 'two a second take 100 ms each: nothing is sent in a burst');
  await world.clock.advance(3 * MINUTE + 10_000);
  equal(Math.round((await lane(world)).perMinute.allowed ?? 0), Math.round(120 * 1.2 ** 4));
  const last = far.begun.filter((at) => at >= world.clock.now() - MINUTE).length;
  ok(last <= 250 && last >= 160, `${last} in the fourth`);
  await world.end();
});

test('pace: a source without a plan is warm: it begins at the ceiling, and `start` is nothing to it', async () => {
  const far = new Far(1000);
  const world = await started(far, { options: WARM });
  for (let n = 0; n < 1000; n++) world.accept(['gmail.com']);
  await world.clock.advance(MINUTE);
  equal(far.most, 12);
  ok(far.begun.length >= 11 * 60, `${far.begun.length} in the first minute`);
  deepEqual(world.spool.states('pace/'), [], 'nothing has changed it');
  await world.end();
});

test('pace: the moment its plan is through a source is warm, but for what replies have said', async () => {
  for (const isThrottled of [false, true]) {
    const far = new Far(1000);
    const world = await started(far, { options: FAST });
    if (isThrottled) far.answers.set(20, CONNECTIONS);
    for (let n = 0; n < 1000; n++) world.accept(['gmail.com']);
    await world.clock.advance(20_000);
    equal((await lane(world)).connections.allowed, isThrottled ? 4 : 8);
    await world.scheduler.operations.changeWarmup('default', 'google', { do: 'set', volume: 2e9 }, 'operator');
    await world.clock.advance(2000);
    const { connections, state } = await lane(world);
    deepEqual([connections.allowed, connections.open], isThrottled ? [4, 4] : [12, 12]);
    equal(state, isThrottled ? 'slowed' : 'open');
    if (isThrottled) {
      const released = await world.scheduler.operations.releaseLane('default/google', 'operator');
      equal(released?.connections.allowed, 12, 'begun anew, it is warm');
    }
    await world.end();
  }
});

test('pace: a reload that gives a source a plan takes it down to `start` at once, one that takes the plan away up', async () => {
  const far = new Far(1000);
  const world = await started(far, { options: WARM });
  for (let n = 0; n < 2000; n++) world.accept(['gmail.com']);
  await world.clock.advance(5000);
  equal((await lane(world)).connections.open, 12);
  world.scheduler.reload(FAST);
  await world.clock.advance(3000);
  far.most = 0;
  await world.clock.advance(5000);
  deepEqual([(await lane(world)).connections.open, far.most], [8, 8]);
  world.scheduler.reload(WARM);
  await world.clock.advance(3000);
  equal((await lane(world)).connections.open, 12);
  await world.end();
});

test('pace: after a throttling reply nothing begins at the old pace, in whichever process', async () => {
  for (const [reply, part] of [
    [RATE, 'rate'],
    [CONNECTIONS, 'connections'],
  ] as const) {
    const far = new Far(1000);
    far.skewMs = 13;
    const world = await started(far, { options: FAST });
    far.answers.set(30, reply);
    for (let n = 0; n < 800; n++) world.accept(['gmail.com']);
    while (far.begun.length < 30) await world.clock.advance(10);
    await world.clock.advance(1000);
    const { connections, perMinute: rate } = await lane(world);
    const readAt = (far.begun[29] ?? 0) + 1000;
    if (part === 'rate') {
      ok((rate.allowed ?? Infinity) <= 20, `${rate.allowed} a minute`);
      await world.clock.advance(MINUTE - 1000);
      const minute = far.begun.filter((at) => at > readAt && at < readAt + MINUTE).length;
      ok(minute <= Math.ceil(rate.allowed ?? 0), `${minute} in a minute that allows ${rate.allowed}`);
    } else {
      equal(connections.allowed, 4);
      await world.clock.advance(1200);
      equal((await lane(world)).connections.open, 4, 'what is over the new pace ends');
      far.most = 0;
      await world.clock.advance(20_000);
      equal(far.most, 4);
    }
    deepEqual(world.wire.violations, []);
    await world.end();
  }
});

test('pace: one burst of replies halves once, and what comes of transactions begun since halves again', async () => {
  const far = new Far(1000);
  const world = await started(far, { options: FAST });
  for (let n = 9; n <= 16; n++) far.answers.set(n, RATE);
  for (let n = 0; n < 500; n++) world.accept(['gmail.com']);
  await world.clock.advance(3500);
  const { perMinute: rate, changed } = await lane(world);
  equal(rate.allowed, 8, 'sixteen were begun');
  equal(changed?.by.startsWith('rule '), true);
  equal(changed?.reply, '451 4.7.1 too many messages, slow down');
  const writes = world.spool.journal.filter((event) => event.type === 'state' && event.key.startsWith('pace/'));
  equal(writes.length, 1);
  await world.end();
});

test('pace: a throttle at one site of a provider slows all of them, and no other lane', async () => {
  const far = new Far(100);
  const world = await started(far, {
    options: FAST,
    router: { resolve: async (domain) => ({ domain, route: relay(`mx-${domain}.google.com`), ttlMs: HOUR }) },
  });
  far.answers.set(1, RATE);
  world.accept(['a.example']);
  await world.clock.advance(5000);
  equal((await lane(world)).perMinute.allowed, 1);
  const count = far.begun.length;
  for (let n = 0; n < 20; n++) world.accept([`b${n}.example`]);
  await world.clock.advance(30_000);
  ok(far.begun.length - count <= 1, `${far.begun.length - count} begun at other sites of the provider`);
  await world.end();
});

test('pace: a restart goes on at the pace there was, and comes back up by steps, never by a jump', async () => {
  const far = new Far(500);
  const world = await started(far, { options: FAST });
  far.answers.set(20, CONNECTIONS);
  for (let n = 0; n < 100; n++) world.accept(['gmail.com']);
  await world.clock.advance(20_000);
  equal((await lane(world)).connections.allowed, 4);
  const states = world.spool.states('pace/');
  await world.end();

  const again = new Far(3000);
  const next: World = new World({ options: FAST, behaviour: again.behaviour(() => next), egresses: 2 });
  for (const { key, value } of states) next.spool.record([{ type: 'state', at: 1, key, value, by: 'rule x' }]);
  await next.scheduler.start();
  for (let n = 0; n < 3500; n++) next.accept(['gmail.com']);
  await next.clock.advance(30_000);
  equal(again.most, 4);
  let before = 4;
  for (let minute = 0; minute < 12; minute++) {
    await next.clock.advance(MINUTE);
    const { allowed } = (await lane(next)).connections;
    ok(allowed - before <= 1, `${before} → ${allowed}`);
    before = allowed;
  }
  equal(before, 12);
  await next.end();
});

test('pace: ten thousand behind one a second: the journal gets outcomes and nothing else', async () => {
  const far = new Far(10);
  const options: SchedulerOptions = {
    ...GOOGLE,
    providers: { google: { lanes: 'shared', start: { rate: perMinute(60) }, caps: { rates: [perMinute(60)] } } },
  };
  const world = await started(far, { options });
  for (let n = 0; n < 10_000; n++) world.accept(['gmail.com']);
  await world.clock.advance(1000);
  const before = world.spool.journal.length;
  await world.clock.advance(5 * MINUTE);
  const written = world.spool.journal.slice(before);
  ok(written.length >= 290 && written.length <= 301, `${written.length} events`);
  deepEqual([...new Set(written.map(({ type }) => type))], ['outcome']);
  await world.end();
});

test('pace: a cap that nobody throttles stays what it is where no provider is known', async () => {
  const far = new Far(1000);
  const world = await started(far, { options: { ...OPTIONS, caps: { ...OPTIONS.caps, connections: 7 } } });
  for (let n = 0; n < 1000; n++) world.accept(['x.example']);
  await world.clock.advance(5 * MINUTE);
  equal(far.most, 7);
  deepEqual(world.spool.states('pace/'), []);
  await world.end();
});

test('pace: a lane that is throttled to the floor heals without a restart and without an operator', async () => {
  const far = new Far(4000);
  const world = await started(far, { options: FAST });
  for (let n = 1; n <= 20; n++) far.answers.set(n, RATE);
  for (let n = 0; n < 6000; n++) world.accept(['gmail.com']);
  await world.clock.advance(10 * MINUTE);
  equal((await lane(world)).perMinute.allowed, 1);
  await world.clock.advance(2 * HOUR);
  equal((await lane(world)).state, 'open');
  equal((await lane(world)).perMinute.allowed, undefined);
  await world.end();
});

test('pace: fewer connections are fewer, whichever of them idled when that was said', async () => {
  const far = new Far(1000);
  far.skewMs = 1000;
  const world = await started(far, { options: FAST });
  for (let n = 0; n < 8; n++) world.accept(['gmail.com']);
  // Half of them are through, the others are not.
  await world.clock.advance(5500);
  equal(far.open, 4);
  equal((await lane(world)).connections.open, 8);
  await world.scheduler.operations.pinLane('default/google', { connections: 2 }, 'operator');
  for (let n = 0; n < 100; n++) world.accept(['gmail.com']);
  await world.clock.advance(10_000);
  far.most = 0;
  await world.clock.advance(20_000);
  equal(far.most, 2);
  equal((await lane(world)).connections.open, 2);
  await world.end();
});

test('pace: a pinned lane keeps its figures whatever is answered; released, it goes on; every change can be read', async () => {
  const far = new Far(1000);
  const world = await started(far, { options: FAST });
  const { operations } = world.scheduler;
  equal(await operations.pinLane('default/nobody', { connections: 2 }, 'operator'), undefined);
  for (let n = 0; n < 3000; n++) world.accept(['gmail.com']);
  await world.clock.advance(1500);
  equal((await operations.pinLane('default/google', { connections: 2, perMinute: 60 }, 'operator'))?.state, 'pinned');
  const from = far.begun.length;
  for (let n = 1; n < 100; n++) far.answers.set(from + n, CONNECTIONS);
  await world.clock.advance(MINUTE);
  ok(far.begun.length - from <= 61);
  deepEqual((await lane(world)).connections.allowed, 2);
  far.answers.clear();
  const released = await operations.releaseLane('default/google', 'operator');
  deepEqual([released?.connections.allowed, released?.perMinute.allowed], [8, undefined]);
  far.answers.set(far.begun.length + 12, CONNECTIONS);
  await world.clock.advance(10_000);
  equal((await lane(world)).state, 'slowed');
  equal((await operations.releaseLane('default/google', 'operator'))?.connections.allowed, 8);
  const history = await operations.laneHistory('default/google', 10);
  deepEqual(
    history.map(({ text, by }) => [text, by.split(' ')[0]]),
    [
      ['2 connections, 60 a minute, pinned', 'operator'],
      ['8 connections, no rate', 'operator'],
      ['4 connections, no rate', 'rule'],
      ['8 connections, no rate', 'operator'],
    ],
  );
  equal(history[2]?.reply, '421 4.7.0 too many concurrent connections');
  await world.end();
});

test('pace: a provider that says its words beyond a limit of its own is found out, and mail flows just below it', async () => {
  const outlook = PERSONALITIES.find(({ name }) => name === 'outlook');
  const [, code = '', enhanced = '', text = ''] =
    /^(\d{3}) (\S+) (.*)$/.exec(outlook?.replies.messagesPerMinute ?? '') ?? [];
  const limit = 50;
  const taken: number[] = [];
  let refused = 0;
  const world: World = new World({
    options: cold({
      ...OPTIONS,
      streams: { default: { ...DEFAULT_STREAM, retryDelaysMs: [MINUTE] } },
      providers: { outlook: { lanes: 'shared', start: { connections: 2, rate: perMinute(30) } } },
    }),
    egresses: 2,
    behaviour: {
      idleMs: 5000,
      connect: () => ({ ms: 10 }),
      transact: ({ indexes }) => {
        const now = world.clock.now();
        const isOver = taken.filter((at) => now - at < MINUTE).length >= limit;
        if (!isOver) {
          taken.push(now);
          return { ms: 50, results: replies(indexes, 250), taken: indexes };
        }
        refused++;
        const reply: Reply = { code: Number(code), enhanced, lines: [text] };
        return { ms: 50, results: indexes.map((index) => ({ index, decidedAt: 'mail', reply }) as const), taken: [] };
      },
    },
  });
  await world.scheduler.start();
  for (let n = 0; n < 8000; n++) world.accept(['hotmail.com']);
  await world.clock.advance(2 * HOUR);
  const { perMinute: rate, changed } = await lane(world, 'default/outlook');
  ok((rate.allowed ?? 0) <= limit * 1.2 && (rate.allowed ?? 0) >= limit / 1.2, `${rate.allowed} a minute at ${limit}`);
  ok(refused >= 1 && refused <= 12, `${refused} refused in two hours`);
  ok(taken.length >= 0.75 * 120 * limit * 0.8, `${taken.length} taken`);
  ok(changed !== undefined);
  equal([...world.wire.copies.values()].filter((copies) => copies > 1).length, 0);
  deepEqual([...new Set(world.kinds())].toSorted(), ['deferred', 'delivered']);
  await world.end();
});

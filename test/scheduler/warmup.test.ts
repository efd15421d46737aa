import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { WarmupReport } from '../../src/flow/warmup.ts';
import type { WarmupPlan } from '../../src/policy/warmup-plan.ts';
import type { SchedulerOptions, StreamPolicy } from '../../src/scheduler/options.ts';
import { killed, ramped } from './warm-kills.ts';
import { DAY, PLAN, START, WarmWorld, warmOptions } from './warm-world.ts';
import { HOUR, MINUTE, takesAll } from './world.ts';

test('warm-up budgets: with enough mail each day takes exactly its budget, and the day after the last there is none', async () => {
  const world = new WarmWorld();
  await world.start();
  world.accept(300);
  await world.clock.advance(3.5 * DAY);
  deepEqual(world.days('cold'), [24, 40, 60, 176]);
  deepEqual(world.decisions(), ['warmup-advanced went-well', 'warmup-advanced went-well', 'warmup-warm went-well']);
  equal(world.spool.counts.deliveries, 0);
  await world.stop();
  deepEqual(world.wire.violations, []);
  equal(world.clock.pending, 0);
});

test('warm-up budgets: a day is spread evenly over its window, and over what is left of it for who comes late', async () => {
  const world = new WarmWorld(warmOptions({ ...PLAN, windowMs: 12 * HOUR }));
  await world.start();
  world.accept(200);
  const granted: number[] = [];
  for (let hour = 0; hour < 24; hour++) {
    await world.clock.advance(HOUR);
    granted.push(world.of('cold', 0));
  }
  for (const [hour, count] of granted.entries()) {
    const even = Math.min(24, 2 * (hour + 1));
    ok(Math.abs(count - even) <= 1, `${count} after ${hour + 1} h`);
  }
  const late = new WarmWorld();
  await late.start();
  await late.clock.advance(23.5 * HOUR);
  late.accept(200);
  await late.clock.advance(MINUTE);
  equal(late.of('cold', 0), 1);
  // Never faster than over a 24th of the window: half an hour before its end half of it is left.
  await late.clock.advance(29 * MINUTE - 1);
  ok(Math.abs(late.of('cold', 0) - 12) <= 1, `${late.of('cold', 0)}`);
  for (const each of [world, late]) await each.stop();
});

test('warm-up budgets: a message to many recipients goes in parts, retries count, what was not begun does not', async () => {
  const replies = (indexes: readonly number[], code: number) =>
    indexes.map(
      (index) => ({ index, decidedAt: code === 250 ? 'dot' : 'rcpt', reply: { code, lines: ['said'] } }) as const,
    );
  let refused = 0;
  const world = new WarmWorld(warmOptions(), {
    behaviour: {
      idleMs: 5000,
      connect: () =>
        refused++ < 3 ? { ms: 5, failure: { phase: 'connect', error: { kind: 'refused', text: 'no' } } } : { ms: 5 },
      transact: ({ indexes, priorAttempts }) =>
        priorAttempts === 0
          ? { ms: 5, results: replies(indexes, 450), taken: [] }
          : { ms: 5, results: replies(indexes, 250), taken: indexes },
    },
  });
  await world.start();
  world.accept(1, { recipients: 10 });
  await world.clock.advance(DAY - 1);
  const { budgets } = (await world.scheduler.operations.warmup('cold')) as never as {
    budgets: { today: { used: number } }[];
  };
  // Three were refused a connection at first: their only transaction is a second attempt.
  equal(budgets[0]?.today.used, 7 * 2 + 3);
  equal(world.wire.copies.size, 10);
  await world.stop();
});

test('warm-up budgets: the queue says that mail waits for a budget, whose, and until when', async () => {
  const world = new WarmWorld();
  await world.start();
  world.accept(10);
  await world.clock.advance(10 * MINUTE);
  const { domains } = await world.scheduler.operations.queue({ domainsMax: 1 });
  match(
    domains[0]?.waitsFor ?? '',
    /^the warm-up budget of cold at google: 1 of 24 used today, the next in (49m\d+s|50m)$/,
  );
  await world.stop();
});

test('warm-up budgets: connections that fail all day take nothing off the budget, and add nothing to it', async () => {
  let tries = 0;
  const world = new WarmWorld(warmOptions(), {
    behaviour: {
      ...takesAll,
      idleMs: 1,
      connect: () =>
        ++tries % 3 === 0
          ? { ms: 5, failure: { phase: 'connect', error: { kind: 'refused', text: 'no' } } }
          : { ms: 5 },
    },
  });
  await world.start();
  world.accept(100);
  await world.clock.advance(DAY - 1);
  ok(tries > 30);
  equal(world.wire.copies.size, 24);
  await world.stop();
});

test('warm-up budgets: nothing is handed over before the disk has it as used', async () => {
  const world = new WarmWorld(warmOptions(), { syncMs: 5000 });
  await world.start();
  world.accept(10);
  await world.clock.advance(4900);
  equal(world.of('cold', 0), 0);
  await world.clock.advance(200);
  equal(world.of('cold', 0), 1);
  await world.clock.advance(MINUTE);
  await world.stop();
});

test('warm-up budgets: warm sources send what is beyond them at once, new ones have theirs first and to the last', async () => {
  const sources = {
    warm: { name: 'warm', ehlo: 'warm.example' },
    cold: { name: 'cold', ehlo: 'cold.example', warmup: 'plan' },
  };
  const members = [
    { source: 'warm', weight: 9 },
    { source: 'cold', weight: 1 },
  ];
  const world = new WarmWorld(warmOptions(PLAN, { sources, pools: { default: { members } } }));
  await world.start();
  for (let n = 0; n < 3 * 48; n++) {
    world.accept(3);
    await world.clock.advance(30 * MINUTE);
    equal(world.spool.counts.deliveries, 0, 'nothing waits');
  }
  deepEqual(world.days('cold').slice(0, 3), [24, 40, 60]);
  deepEqual(world.days('warm').slice(0, 3), [120, 104, 84]);
  await world.stop();
});

test('warm-up budgets: when it will be warm follows from what there was in the last days, by whichever source it went', async () => {
  const report = async (world: WarmWorld): Promise<WarmupReport | undefined> => {
    const answer = await world.scheduler.operations.warmup('cold');
    return 'budgets' in answer ? answer.budgets[0] : undefined;
  };
  const sources = {
    warm: { name: 'warm', ehlo: 'warm.example' },
    cold: { name: 'cold', ehlo: 'cold.example', warmup: 'plan' },
  };
  const members = ['warm', 'cold'].map((source) => ({ source, weight: 1 }));
  const shared = new WarmWorld(warmOptions(PLAN, { sources, pools: { default: { members } } }));
  await shared.start();
  const alone = new WarmWorld(warmOptions({ ...PLAN, stages: [24, 40, 60, 600] }));
  await alone.start();
  deepEqual((await report(alone))?.prospect, undefined);
  for (let n = 0; n < 30; n++) {
    for (const world of [shared, alone]) {
      world.accept(4);
      await world.clock.advance(HOUR);
    }
  }
  const [one, other] = [await report(shared), await report(alone)];
  deepEqual([one?.offered, one?.today.budget], [96, 40]);
  deepEqual(one?.prospect, { is: 'warm-on', at: START + 3 * DAY, days: 2 });
  // Nobody else sends what is beyond the budget: it waits, and counts with the day that it came.
  deepEqual([other?.offered, other?.prospect], [96, { is: 'stays', budget: 600, needs: 420 }]);
  for (const world of [shared, alone]) await world.stop();
});

test('warm-up budgets: 16 warm sources send all there is from the first minute; a 17th joins and takes exactly its share', async () => {
  const warm = Array.from({ length: 16 }, (_, n) => `out${n + 1}`);
  const options = (names: readonly string[]): SchedulerOptions =>
    warmOptions(PLAN, {
      sources: Object.fromEntries(
        names.map((name) => [name, { name, ehlo: `${name}.example`, ...(name === 'out17' && { warmup: 'plan' }) }]),
      ),
      pools: { default: { members: names.map((source) => ({ source, weight: 1 })) } },
      providers: { google: { lanes: 'shared', start: { connections: 1, rate: { count: 10, perMs: MINUTE } } } },
    });
  const world = new WarmWorld(options(warm));
  await world.start();
  world.accept(800);
  await world.clock.advance(MINUTE);
  equal(world.spool.counts.deliveries, 0, 'at full speed');
  for (const name of warm) equal(world.of(name, 0), 50);
  await world.clock.advance(DAY - world.clock.monotonic());
  world.reload(options([...warm, 'out17']));
  for (let n = 0; n < 3 * 768; n++) {
    world.accept(1);
    await world.clock.advance(DAY / 768);
    equal(world.spool.counts.deliveries, 0, 'nothing waits');
  }
  deepEqual(world.days('out17').slice(0, 4), [0, 24, 40, 60]);
  for (const name of warm) {
    const [, ...days] = world.days(name).slice(0, 4);
    days.forEach((count, at) => ok(Math.abs(count - (768 - [24, 40, 60][at]!) / 16) <= 2, `${name}: ${count}`));
  }
  await world.stop();
});

test('warm-up budgets: what is beyond goes to the overflow pool, or waits, as the plan says', async () => {
  const sources = {
    cold: { name: 'cold', ehlo: 'cold.example', warmup: 'plan' },
    warm: { name: 'warm', ehlo: 'warm.example' },
  };
  const apart = {
    default: { members: [{ source: 'cold', weight: 1 }], overflow: 'other' },
    other: { members: [{ source: 'warm', weight: 1 }] },
  };
  const beside = {
    default: {
      members: [
        { source: 'cold', weight: 1 },
        { source: 'warm', weight: 1 },
      ],
    },
  };
  const run = async (overflow: 'pool' | 'overflow-pool' | 'wait', pools: typeof apart | typeof beside) => {
    const world = new WarmWorld(warmOptions({ ...PLAN, overflow }, { sources, pools }));
    await world.start();
    world.accept(100);
    await world.clock.advance(DAY - 1);
    await world.stop();
    return [world.of('cold', 0), world.of('warm', 0)];
  };
  deepEqual(await run('overflow-pool', apart), [1, 99]);
  deepEqual(await run('pool', apart), [24, 0]);
  deepEqual(await run('pool', beside), [1, 99]);
  deepEqual(await run('wait', beside), [24, 0]);
});

test('warm-up budgets: a stream can be kept off a source until it is warm', async () => {
  const streams = {
    default: warmOptions().streams['default'] as never,
    orders: warmOptions().streams['default'] as never,
  };
  const sources = {
    warm: { name: 'warm', ehlo: 'warm.example' },
    cold: { name: 'cold', ehlo: 'cold.example', warmup: 'plan' },
  };
  const pools = {
    default: {
      members: [
        { source: 'warm', weight: 1 },
        { source: 'cold', weight: 1 },
      ],
    },
  };
  const world = new WarmWorld(warmOptions({ ...PLAN, exceptStreams: ['orders'] }, { sources, pools, streams }));
  await world.start();
  for (let n = 0; n < 4; n++) {
    world.accept(1, { stream: 'orders' });
    await world.clock.advance(6 * HOUR - 1);
  }
  deepEqual([world.of('cold', 0), world.of('warm', 0)], [0, 4]);
  await world.scheduler.operations.changeWarmup('cold', undefined, { do: 'set', volume: 1000 }, 'operator');
  world.accept(10, { stream: 'orders' });
  await world.clock.advance(1);
  equal(world.of('cold', 0) + world.of('cold', 1) > 0, true);
  await world.stop();
});

test('warm-up budgets: mail of one stream that waits for a budget holds up no other that has a source', async () => {
  const of = warmOptions().streams['default'] as StreamPolicy;
  const streams = { default: { ...of, priority: 9 }, orders: { ...of, priority: 1 } };
  const sources = {
    warm: { name: 'warm', ehlo: 'warm.example' },
    cold: { name: 'cold', ehlo: 'cold.example', warmup: 'plan' },
  };
  const plan: WarmupPlan = { ...PLAN, exceptStreams: ['orders'], overflow: 'wait' };
  const both = {
    default: {
      members: [
        { source: 'warm', weight: 1 },
        { source: 'cold', weight: 1 },
      ],
    },
  };
  const world = new WarmWorld(warmOptions(plan, { sources, pools: both, streams }));
  await world.start();
  world.accept(50);
  await world.clock.advance(MINUTE);
  world.accept(5, { stream: 'orders' });
  await world.clock.advance(MINUTE);
  deepEqual([world.of('cold', 0), world.of('warm', 0)], [1, 5]);
  await world.clock.advance(DAY - 3 * MINUTE);
  equal(world.of('cold', 0), 24);
  await world.stop();
  // The other way round: what is kept off has no source at all, and comes first by priority.
  const turned = { default: { ...of, priority: 1 }, orders: { ...of, priority: 9 } };
  const alone = new WarmWorld(warmOptions({ ...PLAN, exceptStreams: ['orders'] }, { streams: turned }));
  await alone.start();
  alone.accept(50, { stream: 'orders' });
  alone.accept(100);
  await alone.clock.advance(DAY - 1);
  equal(alone.of('cold', 0), 24);
  const { domains } = await alone.scheduler.operations.queue({ domainsMax: 1 });
  match(domains[0]?.waitsFor ?? '', /warm source: stream orders is kept off cold|the warm-up budget of cold/);
  await alone.scheduler.operations.changeWarmup('cold', undefined, { do: 'set', volume: 1000 }, 'operator');
  await alone.clock.advance(MINUTE);
  equal(alone.spool.counts.deliveries, 0);
  await alone.stop();
});

test('warm-up budgets: each provider has its own, sites without one share other, and all together may be limited', async () => {
  const world = new WarmWorld(warmOptions({ ...PLAN, providers: { google: { stages: [30, 70] } } }));
  await world.start();
  world.accept(200);
  for (let n = 0; n < 20; n++) world.accept(10, { domain: `d${n}.example` });
  await world.clock.advance(DAY - 1);
  equal(world.of('cold', 0), 30 + 24);
  // Sites of one budget take turns.
  const waiting = new Set(
    [...world.spool.queues()].filter(({ waiting: n }) => n === 10).map(({ queue }) => queue.domain),
  );
  ok(waiting.size <= 4, `${waiting.size} of 20 domains had nothing`);
  await world.stop();
  const limited = new WarmWorld(warmOptions({ ...PLAN, total: [25, 50] }));
  await limited.start();
  limited.accept(100);
  limited.accept(100, { domain: 'd.example' });
  await limited.clock.advance(2 * DAY - 1);
  deepEqual(limited.days('cold'), [25, 48]);
  await limited.stop();
});

test('warm-up budgets: a reload brings another plan, and takes one away', async () => {
  const world = new WarmWorld();
  await world.start();
  world.accept(300);
  await world.clock.advance(DAY + 12 * HOUR);
  const used = world.of('cold', 1);
  world.reload(warmOptions({ ...PLAN, stages: [24, 30, 50], windowMs: 20 * HOUR }));
  await world.clock.advance(12 * HOUR - 1);
  equal(world.of('cold', 1), 40);
  ok(used >= 19 && used <= 21);
  await world.clock.advance(DAY);
  equal(world.of('cold', 2), 50);
  world.reload(warmOptions(PLAN, { sources: { cold: { name: 'cold', ehlo: 'cold.example' } } }));
  await world.clock.advance(MINUTE);
  equal(world.spool.counts.deliveries, 0);
  await world.stop();
});

test('warm-up budgets: operators place, hold and reset; it is in the journal who did, and a restart knows', async () => {
  const world = new WarmWorld();
  await world.start();
  const { operations } = world.scheduler;
  deepEqual(await operations.warmup('nobody'), { no: "there is no source 'nobody'" });
  deepEqual(await operations.changeWarmup('cold', 'gogle', { do: 'hold' }, 'operator'), {
    no: "there is no provider 'gogle'",
  });
  await operations.changeWarmup('cold', undefined, { do: 'set', volume: 45 }, 'operator anna');
  world.accept(200);
  await world.clock.advance(6 * HOUR);
  ok(Math.abs(world.of('cold', 0) - 10) <= 1);
  await operations.changeWarmup('cold', 'other', { do: 'advance' }, 'operator anna');
  await operations.changeWarmup('cold', undefined, { do: 'hold' }, 'operator anna');
  await world.clock.advance(18 * HOUR + DAY - 1);
  deepEqual(world.days('cold'), [40, 40]);
  await world.crash();
  await world.scheduler.operations.changeWarmup('cold', undefined, { do: 'reset' }, 'operator anna');
  await world.clock.advance(DAY);
  equal(world.of('cold', 2), 24);
  const audited = world.spool.journal.filter((event) => event.type === 'state' && event.by === 'operator anna');
  ok(audited.length >= 4);
  const { days } = (await world.scheduler.operations.warmupDays('cold', 'google')) as never as {
    days: { used: number }[];
  };
  deepEqual(
    days.map(({ used }) => used),
    [40, 40],
  );
  await world.stop();
});

test('warm-up budgets: killed at any moment, no day exceeds its budget by one recipient, and little of it is lost', async () => {
  for (let seed = 1; seed <= 3; seed++) await killed(seed);
});

test('warm-up budgets: at a provider with a hidden ramp, and killed meanwhile, every budget holds and it ends warm', async () => {
  for (let seed = 1; seed <= 2; seed++) await ramped(seed);
});

test('warm-up budgets: a clock that steps by a day, forth or back or both, gives no day twice and takes none', async () => {
  for (const steps of [[1], [-1], [1, -1]]) {
    const world = new WarmWorld(warmOptions({ ...PLAN, stages: [24, 40, 60, 90] }));
    await world.start();
    world.accept(500);
    await world.clock.advance(9 * HOUR);
    for (const step of steps) {
      world.clock.stepWall(step * DAY);
      await world.clock.advance(11 * HOUR);
    }
    await world.clock.advance(4 * DAY - world.clock.monotonic() - 1);
    deepEqual(world.days('cold'), [24, 40, 60, 90], `steps ${steps.join()}`);
    await world.stop();
  }
});

test('warm-up budgets: a restart with a clock a day behind goes on with the day, one far behind begins by that clock', async () => {
  const world = new WarmWorld();
  await world.start();
  world.accept(300);
  await world.clock.advance(9 * HOUR);
  const before = world.of('cold', 0);
  world.clock.stepWall(-DAY);
  await world.crash();
  // The journal knows when this day ends: until then there is what was left of it, however long that takes.
  await world.clock.advance(39 * HOUR - 1);
  const granted = world.of('cold', 0) + world.of('cold', 1);
  ok(granted <= 24 && granted >= 21 && before >= 9, `${before} ${granted}`);
  await world.clock.advance(DAY);
  equal(world.of('cold', 2), 40);
  // The clock was wrong from the beginning: nobody waits for years.
  world.clock.stepWall(-400 * DAY);
  await world.crash();
  world.accept(200);
  const day = world.day;
  await world.clock.advance(2 * DAY);
  ok(world.of('cold', day + 1) >= 24, `${world.days('cold').join()}`);
  await world.stop();
});

test('warm-up budgets: the days of daylight saving are days like others', async () => {
  const world = new WarmWorld(warmOptions({ ...PLAN, timeZone: 'Europe/Berlin', dayStartMs: HOUR }));
  await world.start();
  equal(new Date(START).toISOString(), '2026-03-27T00:00:00.000Z');
  world.accept(300);
  await world.clock.advance(2 * DAY + 23 * HOUR - 1);
  equal(
    [...world.granted.values()].reduce((sum, each) => sum + each, 0),
    24 + 40 + 60,
  );
  await world.clock.advance(2);
  await world.clock.advance(MINUTE);
  equal(world.spool.counts.deliveries, 0);
  await world.stop();
});

test('warm-up budgets: blocks of the source step it back, and the rest of the day has the smaller budget', async () => {
  const blocked =
    'Our system has detected that this IP is on a block list: Blocked - see https://www.spamhaus.org/query/ip/192.0.2.1';
  let code = 250;
  const world = new WarmWorld(warmOptions({ ...PLAN, stages: [24, 40, 60], stepBack: 1 }), {
    behaviour: {
      idleMs: 5000,
      connect: () => ({ ms: 5 }),
      transact: ({ indexes }) => ({
        ms: 5,
        results: indexes.map(
          (index) => ({ index, decidedAt: 'dot', reply: { code, lines: [code === 250 ? 'ok' : blocked] } }) as const,
        ),
        taken: code === 250 ? indexes : [],
      }),
    },
  });
  await world.start();
  world.accept(300);
  await world.clock.advance(DAY + 18 * HOUR);
  code = 550;
  await world.clock.advance(HOUR);
  code = 250;
  await world.clock.advance(5 * HOUR - 1);
  const used = world.of('cold', 1);
  ok(used >= 30 && used <= 33, `${used}`);
  await world.clock.advance(MINUTE);
  deepEqual(world.decisions().slice(-2), ['warmup-advanced went-well', 'warmup-stepped-back blocked']);
  const [note] = world.notes().slice(-1);
  deepEqual([note?.detail?.['from'], note?.detail?.['to'], note?.detail?.['source']], [40, 24, 'cold']);
  await world.stop();
});

test('warm-up budgets: it is an alarm the hour it becomes certain that mail will expire without an attempt', async () => {
  const stream = { ...(warmOptions().streams['default'] as StreamPolicy), lifetimeMs: 2 * DAY };
  const world = new WarmWorld(warmOptions(PLAN, { streams: { default: stream } }));
  await world.start();
  const alarms = (): number => world.spool.alarms().filter(({ alarm }) => alarm === 'warmup-expiry').length;
  // 24 today, 40 and 60 on the days after, of which the last has begun before the end.
  world.accept(120, { lifetimeMs: 2 * DAY });
  await world.clock.advance(HOUR + MINUTE);
  equal(alarms(), 0);
  world.accept(10, { lifetimeMs: 2 * DAY });
  await world.clock.advance(HOUR);
  equal(alarms(), 1);
  match(world.spool.alarms().at(-1)?.text ?? '', /127 recipients wait, .* may send 121 there within 2 days/);
  await world.clock.advance(5 * HOUR);
  equal(alarms(), 1);
  await world.stop();
});

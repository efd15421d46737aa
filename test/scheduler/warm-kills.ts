// A source that warms up under kill -9, again and again, alone and with its egress; and at a provider with a ramp of its own
// that nobody knows.
import { deepEqual, ok } from 'node:assert/strict';
import type { Behaviour } from './fake-egress.ts';
import { DAY, PLAN, START, WarmWorld, warmOptions } from './warm-world.ts';
import { HOUR } from './world.ts';

const STAGES = [24, 40, 60, 90];

/** Killed again and again, alone and with its egress; `seed` says when. */
export async function killed(seed: number): Promise<void> {
  const world = new WarmWorld(warmOptions({ ...PLAN, stages: [24, 40, 60, 90], stepBack: 1 }), {
    seed,
    syncMs: 2,
    behaviour: {
      idleMs: 5000,
      connect: () => ({ ms: 100 }),
      transact: ({ indexes }) => ({
        ms: 60_000,
        results: indexes.map((index) => ({ index, decidedAt: 'dot', reply: { code: 250, lines: ['ok'] } }) as const),
        taken: indexes,
      }),
    },
  });
  await world.start();
  world.accept(400);
  world.accept(30, { recipients: 3 });
  let crashes = 0;
  const lost = new Map<number, number>();
  while (world.clock.monotonic() < 6 * DAY) {
    await world.clock.advance(Math.floor(world.random.next() ** 2 * 20 * HOUR));
    if (world.random.next() < 0.5) await world.crash();
    else await world.crashAlone();
    crashes++;
    lost.set(world.day, (lost.get(world.day) ?? 0) + 1);
  }
  const stages = [24, 40, 60, 90];
  // The first day of each stage, by real days: no day may lead on twice.
  const led = world
    .notes()
    .map(({ note, at }) => ({ isOn: note !== 'warmup-repeated', day: Math.round((at - START) / DAY) }));
  deepEqual(new Set(led.map(({ day }) => day)).size, led.length, `seed ${seed}: a day was decided twice`);
  for (const [day, granted] of world.days('cold').slice(0, 6).entries()) {
    const level = led.filter((each) => each.isOn && each.day <= day).length;
    const budget = stages[level] ?? Infinity;
    ok(granted <= budget, `seed ${seed}: ${granted} of ${budget} on day ${day}`);
    if (budget === Infinity) continue;
    // Each kill costs what was reserved ahead, no more: two bursts of one recipient here, or a message in parts.
    const least = budget - 3 * (lost.get(day) ?? 0);
    ok(granted >= least, `seed ${seed}: ${granted} of ${budget} on day ${day}, ${lost.get(day) ?? 0} kills`);
  }
  ok(crashes > 5, `seed ${seed}: ${crashes} crashes`);
  deepEqual(world.wire.violations, [], `seed ${seed}`);
  await world.stop();
}

/** The provider takes so many a day, and more each day; beyond it throttles, far beyond it blocks. What was decided. */
export async function ramped(seed: number): Promise<readonly string[]> {
  let taken = 0;
  let today = -1;
  let tolerated = 0;
  let growth = 0;
  const behaviour: Behaviour = {
    idleMs: 5000,
    connect: () => ({ ms: 50 }),
    transact: ({ indexes }) => {
      if (world.day !== today) {
        tolerated =
          today < 0 ? 10 + 40 * world.random.next() : Math.max(tolerated, Math.min(taken, tolerated) * growth);
        today = world.day;
        taken = 0;
      }
      taken += indexes.length;
      const reply =
        taken <= tolerated
          ? { code: 250, lines: ['ok'] }
          : taken <= 1.25 * tolerated
            ? { code: 421, enhanced: '4.7.28', lines: ['Our system has detected an unusual rate of mail'] }
            : { code: 550, enhanced: '5.7.1', lines: ['Blocked - see https://www.spamhaus.org/query/ip/192.0.2.1'] };
      const isTaken = reply.code === 250;
      const results = indexes.map((index) => ({ index, decidedAt: 'dot', reply }) as const);
      return { ms: 40, results, taken: isTaken ? indexes : [] };
    },
  };
  const world = new WarmWorld(warmOptions({ ...PLAN, stages: STAGES, stepBack: 1 }), { seed, syncMs: 2, behaviour });
  growth = 1.15 + world.random.next();
  await world.start();
  let level = 0;
  let notes = 0;
  for (let day = 0; day < 100 && level < STAGES.length; day++) {
    world.accept(Math.floor((STAGES[level] as number) * (0.3 + 1.2 * world.random.next())));
    await world.clock.advance(Math.floor(world.random.next() * 20 * HOUR));
    if (world.random.next() < 0.3) await world.crash();
    await world.clock.advance((day + 1) * DAY - 1 - world.clock.monotonic());
    const budget = STAGES[level] as number;
    const granted = world.of('cold', day);
    ok(granted <= budget, `seed ${seed}: ${granted} of ${budget} on day ${day}`);
    await world.clock.advance(1);
    const made = world.notes().slice(notes);
    notes += made.length;
    ok(made.length <= 1, `seed ${seed}: ${made.length} decisions on day ${day}`);
    const what = made[0]?.note;
    if (what === 'warmup-advanced' || what === 'warmup-warm') level++;
    else if (what === 'warmup-stepped-back') level--;
  }
  ok(level === STAGES.length, `seed ${seed}: it ended at stage ${level}`);
  deepEqual(world.wire.violations, [], `seed ${seed}`);
  await world.stop();
  return world.decisions();
}

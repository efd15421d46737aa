import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt } from '../../src/flow/attempt.ts';
import type { Message } from '../../src/flow/message.ts';
import type { Router } from '../../src/flow/route.ts';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { DAY, WarmWorld } from './warm-world.ts';
import { HOUR, MINUTE, OPTIONS, relay, takesAll, World, type WorldOptions } from './world.ts';

/** `NAME.SITE.example`: SITE is a host of Google, of Mimecast (`apartN`) or of nobody (`ownN`). */
const bySite: Router = {
  resolve: async (domain) => {
    const [, site = ''] = domain.split('.');
    const top = site.startsWith('apart') ? 'mimecast.com' : site.startsWith('own') ? 'own.example' : 'google.com';
    return { domain, route: relay(`${site}.${top}`), ttlMs: 1000 * HOUR };
  },
};

interface Dot {
  readonly at: number;
  readonly recipients: number;
  readonly tenant: string;
}

interface Receiver {
  readonly dots: Dot[];
  readonly opened: number[];
}

const CAPS = { ...OPTIONS.caps, connections: 4 };

async function started(also: Partial<SchedulerOptions>, given: WorldOptions = {}): Promise<World & Receiver> {
  const dots: Dot[] = [];
  const opened: number[] = [];
  let took = 0;
  const behaviour: Behaviour = {
    ...takesAll,
    idleMs: 20_000,
    connect: () => {
      opened.push(world.clock.now());
      return { ms: 300 };
    },
    // From 10 to 1,500 ms: what goes together does not end together.
    transact: (attempt: Attempt, message: Message) => {
      took = (took * 7 + 130) % 1490;
      const transaction = { ...takesAll.transact(attempt, message), ms: took + 10 };
      world.clock.after(transaction.ms, () => {
        dots.push({ at: world.clock.now(), recipients: attempt.indexes.length, tenant: message.tenant });
      });
      return transaction;
    },
    ...given.behaviour,
  };
  const world: World = new World({ router: bySite, ...given, options: { ...OPTIONS, caps: CAPS, ...also }, behaviour });
  await world.scheduler.start();
  return Object.assign(world, { dots, opened });
}

function mostWithin(ends: readonly Pick<Dot, 'at' | 'recipients'>[], perMs: number): number {
  let most = 0;
  let sum = 0;
  for (let first = 0, last = 0; last < ends.length; last++) {
    sum += ends[last]!.recipients;
    while (ends[last]!.at - ends[first]!.at >= perMs) sum -= ends[first++]!.recipients;
    most = Math.max(most, sum);
  }
  return most;
}

const once = (at: readonly number[]) => at.map((one) => ({ at: one, recipients: 1 }));

test('caps: a lane never ends more than its rates in any minute and any hour, and reaches 95 % of them', async () => {
  const rates = [
    { count: 60, perMs: MINUTE },
    { count: 2000, perMs: HOUR },
  ];
  const world = await started({ caps: { ...CAPS, rates } });
  for (let n = 0; n < 5000; n++) world.accept(['d.own1.example']);
  await world.clock.advance(30 * MINUTE);
  ok(mostWithin(world.dots, MINUTE) <= 60, `${mostWithin(world.dots, MINUTE)}`);
  ok(world.dots.length >= 0.95 * 1000, `${world.dots.length} in half an hour`);
  await world.clock.advance(90 * MINUTE);
  ok(mostWithin(world.dots, HOUR) <= 2000, `${mostWithin(world.dots, HOUR)}`);
  ok(world.dots.length >= 0.95 * 4000, `${world.dots.length} in two hours`);
  await world.end();
});

test('caps: a rate lets mail go although every connection of the lane stands', async () => {
  const rates = [{ count: 10, perMs: 1000 }];
  const world = await started({ caps: { ...CAPS, connections: 2, rates } });
  for (let n = 0; n < 3000; n++) world.accept([`d.own1.example`]);
  await world.clock.advance(2 * MINUTE);
  // Two connections, each transaction 755 ms on the mean.
  ok(world.dots.length > 250, `${world.dots.length}`);
  const quick = await started({ caps: { ...CAPS, connections: 1, rates } }, { behaviour: takesAll });
  for (let n = 0; n < 3000; n++) quick.accept(['d.own1.example']);
  await quick.clock.advance(2 * MINUTE);
  ok(quick.outcomes().length >= 0.95 * 1200, `${quick.outcomes().length}`);
  await quick.clock.advance(HOUR);
  await world.clock.advance(HOUR);
  await quick.end();
  await world.end();
});

test('caps: a transaction has no more recipients than its lane may end in a period', async () => {
  const world = await started({ caps: { ...CAPS, rates: [{ count: 20, perMs: MINUTE }] } });
  for (let n = 0; n < 5; n++) world.accept(Array(50).fill('d.own1.example'));
  await world.clock.advance(15 * MINUTE);
  ok(mostWithin(world.dots, MINUTE) <= 20, `${mostWithin(world.dots, MINUTE)}`);
  equal(world.outcomes().length, 250);
  await world.end();
});

test('caps: new connections keep to their rate, over all processes', async () => {
  const caps = { ...CAPS, connections: 10, deliveriesPerConnection: 1, newConnections: { count: 30, perMs: MINUTE } };
  const world = await started({ caps }, { egresses: 4 });
  for (let n = 0; n < 300; n++) world.accept(['d.own1.example']);
  await world.clock.advance(5 * MINUTE);
  ok(mostWithin(once(world.opened), MINUTE) <= 30);
  ok(world.opened.length >= 0.95 * 150, `${world.opened.length}`);
  await world.clock.advance(HOUR);
  equal(world.outcomes().length, 300);
  await world.end();
});

test('caps: connections of a group are counted over its lanes, those of a source over everything it sends to', async () => {
  const most = { group: 0, source: 0 };
  const providers = { mimecast: { lanes: 'per-site', group: { connections: 5 } } } as const;
  const sources = { default: { name: 'default', ehlo: 'relay.example', caps: { connections: 8 } } };
  const world = await started({ providers, sources }, { egresses: 3 });
  for (let n = 0; n < 200; n++) world.accept([`d.apart${n % 20}.example`, `d.own${n % 30}.example`]);
  for (let step = 0; step < 600; step++) {
    await world.clock.advance(100);
    const lanes = [...world.wire.lanes].filter(([lane]) => lane.includes('/mimecast/'));
    most.group = Math.max(
      most.group,
      lanes.reduce((sum, [, count]) => sum + count, 0),
    );
    most.source = Math.max(most.source, world.wire.sessions);
  }
  deepEqual(most, { group: 5, source: 8 });
  await world.clock.advance(HOUR);
  equal(world.outcomes().length, 400, 'nobody waits for ever');
  await world.end();
});

test('caps: tenants and streams have rates over all destinations, and others go on meanwhile', async () => {
  const caps = { rates: [{ count: 60, perMs: MINUTE }] };
  const tenants = { default: { weight: 1 }, slow: { weight: 1, caps } };
  const world = await started({ tenants });
  for (let n = 0; n < 300; n++) world.accept([`d.own${n % 50}.example`], { tenant: 'slow' });
  for (let n = 0; n < 300; n++) world.accept([`d.own${n % 50}.example`]);
  await world.clock.advance(MINUTE);
  const slow = () => world.dots.filter(({ tenant }) => tenant === 'slow');
  equal(world.dots.length - slow().length, 300);
  await world.clock.advance(3 * MINUTE);
  ok(mostWithin(slow(), MINUTE) <= 60);
  ok(slow().length >= 0.95 * 240 - 2, `${slow().length}`);
  await world.clock.advance(HOUR);
  equal(world.outcomes().length, 600);
  await world.end();
});

test('caps: urgent mail is the next that a capped lane, a capped source and a full host let go', async () => {
  const streams = { default: DEFAULT_STREAM, urgent: { ...DEFAULT_STREAM, priority: 9 } };
  const sources = {
    default: { name: 'default', ehlo: 'relay.example', caps: { rates: [{ count: 60, perMs: MINUTE }] } },
  };
  const world = await started({ streams, sources });
  for (let n = 0; n < 2000; n++) world.accept([`d.own${n % 100}.example`]);
  await world.clock.advance(20_000);
  const urgent = world.accept(['d.own777.example'], { stream: 'urgent' });
  await world.clock.advance(1000 + 300 + 1500);
  deepEqual(world.kinds(urgent), ['delivered']);
  await world.clock.advance(2 * HOUR);
  equal(world.outcomes().length, 2001);
  await world.end();
});

test('caps: 10,000 deliveries behind one a second cost no write but the outcomes, and hardly a look', async () => {
  const looks = { due: 0, message: 0 };
  const world = await started(
    { caps: { ...CAPS, rates: [{ count: 60, perMs: MINUTE }] } },
    {
      spool: (spool) =>
        new Proxy(spool, {
          get(target, key) {
            if (key === 'due' || key === 'message') looks[key]++;
            const value: unknown = Reflect.get(target, key, target);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        }),
    },
  );
  for (let n = 0; n < 10_000; n++) world.accept([`d.own1.example`]);
  await world.clock.advance(10_000);
  const before = { written: world.spool.journal.length, ...looks, outcomes: world.outcomes().length };
  await world.clock.advance(10 * MINUTE);
  const outcomes = world.outcomes().length - before.outcomes;
  ok(outcomes >= 570, `${outcomes}`);
  equal(world.spool.journal.length - before.written, outcomes);
  ok(looks.due - before.due <= outcomes / 50 + 2, `${looks.due - before.due} reads of the order`);
  ok(looks.message - before.message <= 3 * outcomes, `${looks.message - before.message} reads of messages`);
  const stopped = world.scheduler.stop();
  await world.clock.advance(40_000);
  await stopped;
});

test('caps: a reload changes them for what waits, and what was sent stays counted', async () => {
  const at = (count: number) => ({ ...CAPS, rates: [{ count, perMs: MINUTE }] });
  const world = await started({ caps: at(60) });
  for (let n = 0; n < 1000; n++) world.accept(['d.own1.example']);
  await world.clock.advance(2 * MINUTE);
  world.scheduler.reload({ ...OPTIONS, caps: at(20) });
  const from = world.clock.now();
  await world.clock.advance(10 * MINUTE);
  const after = world.dots.filter((dot) => dot.at >= from + MINUTE);
  ok(mostWithin(after, MINUTE) <= 20);
  world.scheduler.reload({ ...OPTIONS, caps: CAPS });
  await world.clock.advance(10 * MINUTE);
  equal(world.outcomes().length, 1000);
  await world.end();
});

test('caps: while everything that waits is at a cap of connections, one that ends is followed by the next within milliseconds', async () => {
  const TAKES = [50, 2000, 310, 770];
  const DOMAINS = 20;
  for (const [what, caps, most] of [
    ['host', { ...CAPS, connections: 1, deliveriesPerConnection: 1, totalConnections: 4 }, 4],
    ['lane', { ...CAPS, connections: 1, deliveriesPerConnection: 1 }, DOMAINS],
  ] as const) {
    let n = 0;
    const behaviour: Behaviour = {
      ...takesAll,
      transact: (attempt, message) => ({ ...takesAll.transact(attempt, message), ms: TAKES[n++ % TAKES.length] ?? 0 }),
    };
    const world = await started({ caps }, { behaviour });
    for (let each = 0; each < 10 * DOMAINS; each++) world.accept([`d.own${each % DOMAINS}.example`]);
    await world.clock.advance(20);
    let isShort = false;
    for (let step = 0; step < 600; step++) {
      await world.clock.advance(5);
      // Of so many domains at least `most` have mail for the first three seconds.
      const wasShort = isShort;
      isShort = world.wire.sessions < most;
      ok(!(isShort && wasShort), `${what}: after ${5 * step} ms only ${world.wire.sessions} of ${most} for 5 ms`);
    }
    ok(world.outcomes().length > most, `${what}: ${world.outcomes().length}`);
    await world.clock.advance(10 * MINUTE);
    equal(world.outcomes().length, 10 * DOMAINS);
    await world.end();
  }
});

/** A relay with this rate, and what it sent. */
function dayWorld(burst: number | undefined): {
  readonly world: WarmWorld;
  readonly dots: { at: number; recipients: number }[];
} {
  const dots: { readonly at: number; readonly recipients: number }[] = [];
  const behaviour: Behaviour = {
    ...takesAll,
    transact: (attempt, message) => {
      dots.push({ at: world.clock.monotonic(), recipients: attempt.indexes.length });
      return takesAll.transact(attempt, message);
    },
  };
  const caps = { ...CAPS, rates: [{ count: 240, perMs: DAY }], ...(burst !== undefined && { burst }) };
  const world: WarmWorld = new WarmWorld({ ...OPTIONS, caps }, { behaviour });
  return { world, dots };
}

for (const burst of [undefined, 80, 240]) {
  test(`caps: a limit of so many a day, with burst ${burst ?? 1}, is not given anew by kill -9`, async () => {
    const { world, dots } = dayWorld(burst);
    await world.start();
    let kills = 0;
    for (let day = 0; day < 5; day++) {
      // On some days there is nothing to send for hours: then the burst may go.
      world.accept(day % 2 === 0 ? 500 : 100);
      while (world.clock.monotonic() < (day + 1) * DAY) {
        await world.clock.advance(Math.floor(world.random.next() * (day === 3 ? 0.2 : 20) * HOUR));
        if (world.random.next() < 0.5) await world.crash();
        else await world.crashAlone();
        kills++;
      }
    }
    ok(mostWithin(dots, DAY) <= 240, `${mostWithin(dots, DAY)} within a day`);
    ok(kills > 100 && dots.length >= 0.6 * 5 * 240, `${dots.length} in five days, ${kills} kills`);
    await world.stop();
  });
}

test('caps: a burst that was not used is there after kill -9, one that was is not, and nothing pauses for hours', async () => {
  const { world, dots } = dayWorld(80);
  await world.start();
  world.accept(1);
  await world.clock.advance(3 * DAY);
  await world.crash();
  const first = dots.length;
  world.accept(500);
  await world.clock.advance(MINUTE);
  // What its record let go counts as sent when the new life began: a 50th of the 240.
  ok(dots.length - first >= 75 && dots.length - first <= 80, `${dots.length - first} at once`);
  for (let n = 0; n < 3; n++) {
    await world.crashAlone();
    await world.clock.advance(MINUTE);
  }
  ok(dots.length - first <= 82, `${dots.length - first} after three kills`);
  const before = dots.length;
  await world.clock.advance(3 * HOUR);
  // One in six minutes.
  ok(dots.length - before >= 24, `${dots.length - before} in three hours`);
  ok(mostWithin(dots, DAY) <= 240);
  // An orderly stop leaves nothing to suppose.
  await world.clock.advance(2 * DAY);
  await world.stop();
  const records = world.spool.journal.filter((event) => event.type === 'state' && event.key.startsWith('window'));
  // In six days: of the first look on, and what goes by each.
  ok(records.length > 10 && records.length <= 6 * 75, `${records.length} records for ${dots.length} deliveries`);
});

test('caps: a burst is not given anew where caps are changed, by a reload or while nothing runs', async () => {
  const { world, dots } = dayWorld(80);
  await world.start();
  await world.clock.advance(3 * DAY);
  const first = dots.length;
  world.accept(900);
  await world.clock.advance(MINUTE);
  equal(dots.length - first, 80);
  const caps = { ...CAPS, rates: [{ count: 240, perMs: DAY }] };
  for (const burst of [40, 1, 80]) {
    world.reload({ ...OPTIONS, caps: { ...caps, burst } });
    await world.clock.advance(2 * HOUR);
    // It comes back with the caps it began with.
    await world.crash();
    await world.clock.advance(2 * HOUR);
  }
  await world.clock.advance(3 * DAY);
  ok(mostWithin(dots, DAY) <= 240, `${mostWithin(dots, DAY)} within a day`);
  ok(dots.length - first >= 80 + 2 * 240, `${dots.length - first} in the end`);
  await world.stop();
});

// Connections to one remote address, counted over all sites that are there: exact, without idling, without a rush.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { AddressClaim, SessionGrant } from '../../src/flow/attempt.ts';
import type { SchedulerOptions } from '../../src/scheduler/options.ts';
import { CapWatch } from './cap-watch.ts';
import type { Behaviour } from './fake-egress.ts';
import { MINUTE, OPTIONS, takesAll, World } from './world.ts';

const CAPPED: SchedulerOptions = { ...OPTIONS, caps: { ...OPTIONS.caps, connectionsPerAddress: 5 } };

async function started(
  addresses: (grant: SessionGrant) => readonly string[],
  options = CAPPED,
  behaviour: Partial<Behaviour> = {},
): Promise<World & { readonly watch: CapWatch }> {
  const world = new World({ options, behaviour: { ...takesAll, addresses, ...behaviour }, egresses: 3 });
  const watch = new CapWatch(options, () => world.clock.monotonic());
  world.wire.watch = watch;
  await world.scheduler.start();
  return Object.assign(world, { watch });
}

async function ended(world: World & { readonly watch: CapWatch }): Promise<void> {
  deepEqual(world.watch.violations, []);
  await world.end();
}

test('addresses: many domains of one host share its connections, and none waits for one that idles', async () => {
  const world = await started(() => ['host']);
  for (let n = 0; n < 900; n++) world.accept([`d${n % 300}.example`]);
  // An idle connection lasts 5 s: 60 of them one after the other were five minutes.
  await world.clock.advance(20_000);
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 900);
  equal(world.watch.mostPerAddress, 5);
  // What was refused is called when there is room, and has it: no second rush.
  ok(world.wire.refused <= 900, `${world.wire.refused} refused`);
  await ended(world);
});

test('addresses: who is refused at one tries the next, and no attempt is counted for it', async () => {
  const world = await started(({ relay: { site } }) => [`${site.length % 2}`, 'spare']);
  for (let n = 0; n < 400; n++) world.accept([`d${n}.example`]);
  await world.clock.advance(MINUTE);
  equal(world.outcomes().length, 400);
  ok(world.outcomes().every(({ outcome, attempts }) => outcome === 'delivered' && attempts === 1));
  ok(world.wire.refused > 0);
  await ended(world);
});

test('addresses: an address that does not answer is free once its end was seen', async () => {
  const dead = new Set(['dead']);
  let dials = 0;
  const world = await started(() => ['dead', 'host'], CAPPED, {
    connect: () => {
      // Every other dial: that of the first address.
      if (dials++ % 2 === 1 || dead.size === 0) return { ms: 10 };
      return { ms: 10, failure: { phase: 'connect', error: { kind: 'timeout', text: 'no connection' } } };
    },
  });
  for (let n = 0; n < 100; n++) world.accept([`d${n}.example`]);
  dead.clear();
  await world.clock.advance(MINUTE);
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 100);
  await ended(world);
});

test('addresses: each source and each provider counts its own', async () => {
  const member = (source: string) => ({ source, weight: 1 });
  const world = await started(() => ['host'], {
    ...CAPPED,
    sources: { a: { name: 'a', ehlo: 'a.example' }, b: { name: 'b', ehlo: 'b.example' } },
    pools: { default: { members: [member('a'), member('b')] } },
    providers: {
      google: { lanes: 'shared', caps: { connections: 8 } },
      mimecast: { lanes: 'per-site', caps: { connectionsPerAddress: 2 } },
    },
  });
  const asked = new Map<string, number>();
  const { claimed } = world.watch;
  world.watch.claimed = (grant, address) => {
    const key = `${grant.source.name} ${grant.provider ?? ''}`;
    asked.set(key, (asked.get(key) ?? 0) + 1);
    claimed.call(world.watch, grant, address);
  };
  for (let n = 0; n < 600; n++) world.accept([[`d${n}.example`, 'gmail.com', `d${n}.mimecast.com`][n % 3] as string]);
  await world.clock.advance(MINUTE);
  equal(world.outcomes().length, 600);
  // Of Google nothing is said: it is not asked.
  deepEqual([...asked.keys()].toSorted(), ['a ', 'a mimecast', 'b ', 'b mimecast']);
  await ended(world);
});

test('addresses: urgent mail has the connection of one that does nothing as urgent', async () => {
  const world = await started(
    () => ['host'],
    {
      ...CAPPED,
      caps: { ...CAPPED.caps, connectionsPerAddress: 1 },
      streams: {
        default: { ...OPTIONS.streams['default']!, priority: 1 },
        urgent: { ...OPTIONS.streams['default']!, priority: 9 },
      },
    },
    { transact: (attempt) => ({ ...takesAll.transact(attempt, {} as never), ms: 1000 }) },
  );
  for (let n = 0; n < 100; n++) world.accept(['slow.example']);
  await world.clock.advance(10_000);
  const urgent = world.accept(['other.example'], { stream: 'urgent' });
  await world.clock.advance(4000);
  deepEqual(world.kinds(urgent), ['delivered']);
  await world.clock.advance(4 * MINUTE);
  await ended(world);
});

test('addresses: a reload gives more at once', async () => {
  const world = await started(
    () => ['host'],
    { ...CAPPED, caps: { ...CAPPED.caps, connectionsPerAddress: 1 } },
    {
      transact: (attempt) => ({ ...takesAll.transact(attempt, {} as never), ms: 1000 }),
    },
  );
  world.wire.watch = undefined;
  for (let n = 0; n < 60; n++) world.accept([`d${n}.example`]);
  await world.clock.advance(10_500);
  const names = Array.from({ length: 60 }, (_, n) => `default/mx.d${n}.example`);
  const lanes = await Promise.all(names.map((name) => world.scheduler.operations.lane(name)));
  const waits = lanes.flatMap((lane) => (lane?.wait.for === 'cap' ? [lane.wait] : []));
  ok(waits.length > 0);
  deepEqual(waits[0], { for: 'cap', by: 'address', name: 'host', figure: { cap: 'connections', count: 1 } });
  ok(world.outcomes().length <= 10, `${world.outcomes().length}`);
  world.scheduler.reload({ ...CAPPED, caps: { ...CAPPED.caps, connectionsPerAddress: 20 } });
  await world.clock.advance(4000);
  equal(world.outcomes().length, 60);
  await ended(world);
});

test('addresses: before the start nothing is granted, for not everybody has said what is open', async () => {
  const answers: [AddressClaim, boolean][] = [];
  const world = new World({ options: CAPPED, egresses: 0 });
  const grant: SessionGrant = {
    session: 'old-1',
    lane: 'default/mx.a.example',
    source: OPTIONS.sources['default']!,
    relay: { kind: 'relay', site: 'mx.a.example', hosts: [], tls: { level: 'none' }, explicit: false },
    claimsAddress: true,
  };
  const reports = world.scheduler.attachEgress(
    'egress-1',
    {
      open() {},
      deliver() {},
      recall() {},
      close() {},
      acknowledge() {},
      claimed: (claim, isGranted) => void answers.push([claim, isGranted]),
    },
    { sessions: [grant], held: [], unacknowledged: [] },
  );
  const claim = { session: 'old-1', address: 'host' };
  reports.claim(claim);
  deepEqual(answers, [[claim, false]]);
  await world.scheduler.start();
  reports.claim(claim);
  // Nobody knows this one any more.
  reports.claim({ ...claim, session: 'old-2' });
  deepEqual(
    answers.map(([, isGranted]) => isGranted),
    [false, true, false],
  );
  reports.closed({ session: 'old-1', why: 'quit', notBegun: [] });
  await world.end();
});

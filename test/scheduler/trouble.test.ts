import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { WarmWorld } from './warm-world.ts';
import { HOUR, MINUTE, OPTIONS, relay, replies, takesAll, World } from './world.ts';

const slow: Behaviour = {
  ...takesAll,
  transact: (attempt) => ({ ...takesAll.transact(attempt, undefined as never), ms: 60_000 }),
};
const later: Behaviour = {
  ...takesAll,
  transact: (attempt) => ({ ms: 10, results: replies(attempt.indexes, 451), taken: [] }),
};
const ONCE: SchedulerOptions = {
  ...OPTIONS,
  streams: { ...OPTIONS.streams, once: { ...DEFAULT_STREAM, duplicates: 'never' } },
};

test('trouble: an egress process dies, and what it held returns at once as perhaps delivered', async () => {
  const world = new World({ behaviour: slow });
  await world.scheduler.start();
  const message = world.accept(['a.example']);
  await world.clock.advance(1000);
  world.egresses[0]?.die(false);
  world.scheduler.detachEgress('egress-0');
  world.attach(takesAll);
  await world.clock.advance(1000);
  deepEqual(world.kinds(message), ['deferred', 'delivered']);
  const [lost] = world.outcomes(message);
  deepEqual([lost?.error?.kind, lost?.mayHaveBeenDelivered], ['lost', true]);
  await world.end();
});

test('trouble: mail that loses one process after the other keeps to its plan', async () => {
  const world = new World({ behaviour: slow });
  await world.scheduler.start();
  const message = world.accept(['a.example']);
  for (let n = 0; n < 3; n++) {
    await world.clock.advance(1000);
    world.egresses[n]?.die(false);
    world.scheduler.detachEgress(`egress-${n}`);
    world.attach(slow);
  }
  await world.clock.advance(2000);
  equal(world.kinds(message).length, 2, 'the third process never saw it');
  world.egresses[3]?.die(false);
  world.scheduler.detachEgress('egress-3');
  await world.end();
});

test('trouble: duplicates never: the intent is synced before anything is sent, and a lost reply ends as unknown', async () => {
  let sync = (): void => {};
  const world = new World({
    options: ONCE,
    behaviour: {
      ...takesAll,
      transact: (attempt) => ({
        ms: 10,
        results: attempt.indexes.map((index) => ({
          index,
          decidedAt: 'dot',
          error: { kind: 'closed', text: 'closed' },
        })),
        mayHaveBeenDelivered: true,
        taken: attempt.indexes,
      }),
    },
    spool: (spool) =>
      new Proxy(spool, {
        get(target, key) {
          if (key === 'durable') {
            return () => new Promise<void>((resolve) => (sync = () => void target.durable().then(resolve)));
          }
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
  });
  await world.scheduler.start();
  const message = world.accept(['a.example'], { stream: 'once' });
  await world.clock.advance(1000);
  equal(world.wire.attempts, 0);
  equal(world.spool.states('intent/').length, 1);
  sync();
  await world.clock.advance(1000);
  equal(world.wire.attempts, 1);
  deepEqual(world.kinds(message), ['unknown']);
  equal(world.spool.states('intent/').length, 0);
  const ended = world.end();
  for (let n = 0; n < 5; n++) {
    await world.clock.advance(100);
    sync();
  }
  await ended;
});

test('trouble: duplicates never: what an earlier life had begun, and nobody holds, ends as unknown', async () => {
  const world = new World({ options: ONCE });
  const message = world.message(['a.example', 'b.example'], { stream: 'once' });
  world.wire.messages.set(message.id, message);
  world.spool.accept({ message, location: { segment: 's', offset: 0, length: 1 } });
  world.spool.record([{ type: 'intent', at: 1, messageId: message.id, indexes: [1] }]);
  await world.scheduler.start();
  await world.clock.advance(1000);
  const ends = world.outcomes(message).toSorted((a, b) => a.index - b.index);
  deepEqual(
    ends.map((event) => event.outcome),
    ['delivered', 'unknown'],
  );
  await world.end();
});

test('trouble: a new scheduler grants nothing that an egress process still holds, and takes what was not acknowledged', async () => {
  const world = new World({ egresses: 0 });
  const held = world.message(['a.example']);
  const done = world.message(['a.example']);
  for (const message of [held, done]) {
    world.wire.messages.set(message.id, message);
    world.spool.accept({ message, location: { segment: 's', offset: 0, length: 1 } });
  }
  const commands = {
    open() {},
    deliver() {},
    recall() {},
    close() {},
    claimed() {},
    acknowledge: (ids: readonly string[]) => acks.push(...ids),
  };
  const acks: string[] = [];
  const site = relay('mx.a.example');
  if (site.kind !== 'relay') throw new Error('a relay');
  const source = { name: 'default', ehlo: 'relay.example' };
  const report = (id: string, session: string, message: typeof held) => ({
    attempt: id,
    session,
    messageId: message.id,
    results: replies([0], 250),
    mayHaveBeenDelivered: false,
    instants: { granted: 1, done: 2 },
    source: 'default',
  });
  const reports = world.scheduler.attachEgress('old', commands, {
    sessions: [{ session: 'x-1', lane: 'l', source, relay: site }],
    held: [
      {
        attempt: 'x-2',
        session: 'x-1',
        messageId: held.id,
        location: { segment: 's', offset: 0, length: 1 },
        indexes: [0],
        priorAttempts: 0,
      },
    ],
    unacknowledged: [report('x-3', 'x-1', done)],
  });
  await world.scheduler.start();
  await world.clock.advance(1000);
  deepEqual(world.kinds(), ['delivered']);
  deepEqual(acks, ['x-3']);
  reports.report(report('x-2', 'x-1', held));
  await world.clock.advance(1000);
  deepEqual(world.kinds(held), ['delivered']);
  deepEqual(acks, ['x-3', 'x-2']);
  reports.closed({ session: 'x-1', why: 'quit', notBegun: [] });
  await world.end();
});

test('trouble: while more is unsynced than is open nothing is granted, and a slow disk raises an alarm', async () => {
  const asked: (() => void)[] = [];
  const sync = (): void => asked.splice(0).forEach((run) => run());
  const options = { ...OPTIONS, limits: { ...OPTIONS.limits, unsyncedMin: 3 } };
  const world = new World({
    options: { ...options, caps: { ...OPTIONS.caps, connections: 2 } },
    spool: (spool) =>
      new Proxy(spool, {
        get(target, key) {
          if (key === 'durable') {
            return () => new Promise<void>((resolve) => asked.push(() => void target.durable().then(resolve)));
          }
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
  });
  await world.scheduler.start();
  for (let n = 0; n < 100; n++) world.accept(['a.example']);
  await world.clock.advance(60_000);
  ok(world.kinds().length <= 10, `${world.kinds().length} were settled without a sync`);
  deepEqual(
    world.spool.alarms().map((alarm) => alarm.alarm),
    ['slow-sync'],
  );
  const [{ waitsFor } = { waitsFor: '' }] = (await world.scheduler.operations.queue({ domainsMax: 1 })).domains;
  match(waitsFor, /^the disk: \d+ outcomes are not synced yet$/);
  for (let n = 0; n < 300 && world.kinds().length < 100; n++) {
    sync();
    await world.clock.advance(10);
  }
  equal(world.kinds().length, 100);
  const ended = world.end();
  for (let n = 0; n < 5; n++) {
    await world.clock.advance(100);
    sync();
  }
  await ended;
});

test('trouble: what expires keeps its last reply, and says so when we never tried', async () => {
  const world = new World({ behaviour: later });
  await world.scheduler.start();
  const tried = world.accept(['a.example'], { lifetimeMs: HOUR });
  await world.scheduler.operations.pause('domain/b.example', 'operator');
  const held = world.accept(['b.example'], { lifetimeMs: HOUR });
  await world.clock.advance(61 * MINUTE);
  const end = world.outcomes(tried).at(-1);
  deepEqual([end?.outcome, end?.category, end?.reply?.code], ['expired', 'remote-error', 451]);
  const never = world.outcomes(held);
  deepEqual(
    never.map((event) => [event.outcome, event.category]),
    [['expired', 'not-attempted']],
  );
  ok(world.spool.alarms().some((alarm) => alarm.alarm === 'not-attempted'));
  await world.end();
});

test('trouble: what was past its lifetime at the start gets one last attempt, and only one', async () => {
  for (const behaviour of [takesAll, later]) {
    const world = new World({ behaviour });
    const message = world.message(['a.example'], { lifetimeMs: MINUTE });
    world.wire.messages.set(message.id, message);
    world.spool.accept({ message, location: { segment: 's', offset: 0, length: 1 } });
    world.clock.stepWall(HOUR);
    await world.scheduler.start();
    await world.clock.advance(20 * MINUTE);
    deepEqual(world.kinds(message), [behaviour === takesAll ? 'delivered' : 'expired']);
    equal(world.wire.attempts, 1);
    await world.end();
  }
});

test('trouble: the wall clock steps a day ahead or back, and mail goes on without a mass expiry or a standstill', async () => {
  for (const step of [24 * HOUR, -24 * HOUR]) {
    const world = new World({ behaviour: later });
    await world.scheduler.start();
    const old = world.accept(['a.example'], { lifetimeMs: 12 * HOUR });
    await world.clock.advance(1000);
    world.clock.stepWall(step);
    await world.clock.advance(7 * MINUTE);
    ok(world.wire.attempts >= 2, 'its next attempt came by the plan, or at once');
    const fresh = world.accept(['b.example']);
    await world.clock.advance(1000);
    equal(world.kinds(fresh).length, 1, 'new mail is tried at once');
    if (step < 0) equal(world.kinds(old).at(-1), 'deferred');
    else deepEqual(world.kinds(old), ['deferred', 'expired'], 'after one last attempt');
    await world.end();
  }
});

test('trouble: a stop waits for what is on its way and gives back what is not', async () => {
  const world = new World({
    behaviour: { ...slow, transact: (attempt) => ({ ...takesAll.transact(attempt, undefined as never), ms: 20_000 }) },
  });
  await world.scheduler.start();
  for (let n = 0; n < 15; n++) world.accept(['a.example']);
  await world.clock.advance(1000);
  await world.end();
  equal(world.kinds().filter((kind) => kind === 'delivered').length, 10);
  equal(world.spool.counts.deliveries, 5);
});

test('trouble: a delivery that falls due while the order is looked through does not keep the scheduler there', async () => {
  const connect = () => ({ ms: 5, failure: { phase: 'connect', error: { kind: 'refused', text: 'no' } } }) as const;
  const streams = { default: { ...DEFAULT_STREAM, retryDelaysMs: [1000] } };
  const world = new World({ behaviour: { ...takesAll, connect }, options: { ...OPTIONS, streams } });
  await world.scheduler.start();
  const message = world.accept(['a.example']);
  await world.clock.advance(1000);
  // Real clocks go on between two looks.
  const { clock } = world;
  const monotonic = clock.monotonic.bind(clock);
  let looks = 0;
  let gone = 0;
  clock.monotonic = () => {
    looks++;
    if (looks > 10_000) throw new Error('it looks and looks');
    gone += 0.003;
    return monotonic() + gone;
  };
  for (let n = 0; n < 1000; n++) {
    looks = 0;
    const retried = world.scheduler.operations.retryAll(undefined, 'operator');
    await clock.advance(n % 31);
    await retried;
  }
  ok(world.kinds(message).length > 10);
});

test('trouble: killed again and again while a remote has it, a message has a copy a kill more at most, and no life waits for a lock of the one before', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const behaviour = {
      ...takesAll,
      transact: (...args: Parameters<typeof takesAll.transact>) => ({ ...takesAll.transact(...args), ms: 1000 }),
    };
    const world = new WarmWorld({ ...OPTIONS }, { seed, behaviour });
    await world.start();
    world.accept(1, { domain: 'a.example' });
    const [message] = world.wire.messages.keys();
    for (let kills = 1; kills <= 4; kills++) {
      await world.clock.advance(500);
      equal(world.wire.attempts, kills, `seed ${seed}: it is being sent within half a second of the start`);
      await world.crash();
    }
    await world.clock.advance(2000);
    const outcomes = world.spool.journal.flatMap((event) => (event.type === 'outcome' ? [event.outcome] : []));
    deepEqual(outcomes, ['delivered'], `seed ${seed}`);
    const copies = world.wire.copies.get(`${message}/0`) ?? 0;
    ok(copies >= 1 && copies <= 5, `seed ${seed}: ${copies} copies`);
    equal(world.spool.counts.deliveries, 0);
    await world.stop();
  }
});

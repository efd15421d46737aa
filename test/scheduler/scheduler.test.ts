import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Domain } from '../../src/flow/message.ts';
import type { Router } from '../../src/flow/route.ts';
import { DEFAULT_STREAM } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, relay, replies, takesAll, World } from './world.ts';

const refuses: Behaviour = {
  ...takesAll,
  connect: () => ({ ms: 20, failure: { phase: 'connect', error: { kind: 'refused', text: 'refused' } } }),
};

test('scheduler: a message is delivered once, acknowledged, and nothing is left', async () => {
  const world = new World();
  await world.scheduler.start();
  const message = world.accept(['a.example']);
  await world.clock.advance(100);
  deepEqual(world.kinds(message), ['delivered']);
  equal(world.wire.copies.get(`${message.id}/0`), 1);
  equal(world.egresses[0]?.unacknowledged, 0);
  equal(world.spool.counts.deliveries, 0);
  await world.end();
});

test('scheduler: recipients of one domain share a transaction up to the cap, domains do not', async () => {
  const world = new World({ options: { ...OPTIONS, caps: { ...OPTIONS.caps, recipientsPerTransaction: 2 } } });
  await world.scheduler.start();
  const message = world.accept(['a.example', 'b.example', 'a.example', 'a.example']);
  await world.clock.advance(100);
  equal(world.kinds(message).length, 4);
  equal(world.wire.attempts, 3);
  await world.end();
});

test('scheduler: connections are used again up to their number of transactions, and a lane opens no more than its cap', async () => {
  const caps = { ...OPTIONS.caps, connections: 4, deliveriesPerConnection: 20 };
  const world = new World({ options: { ...OPTIONS, caps } });
  await world.scheduler.start();
  for (let n = 0; n < 300; n++) world.accept(['a.example']);
  await world.clock.advance(5000);
  equal(world.kinds().length, 300);
  ok(world.wire.connections >= 15 && world.wire.connections <= 19, `${world.wire.connections} connections`);
  await world.end();
});

test('scheduler: egress is told which transaction is the last of its connection, and only that one', async () => {
  const caps = { ...OPTIONS.caps, connections: 4, deliveriesPerConnection: 20 };
  const counts = new Map<string, number>();
  const lasts: number[] = [];
  const behaviour: Behaviour = {
    ...takesAll,
    transact: (attempt, message, grant) => {
      const count = (counts.get(grant?.session ?? '') ?? 0) + 1;
      counts.set(grant?.session ?? '', count);
      if (attempt.isLast === true) lasts.push(count);
      return takesAll.transact(attempt, message, grant);
    },
  };
  const world = new World({ options: { ...OPTIONS, caps }, behaviour });
  await world.scheduler.start();
  for (let n = 0; n < 300; n++) world.accept(['a.example']);
  await world.clock.advance(5000);
  const full = [...counts.values()].filter((count) => count === 20);
  ok(full.length >= 11, `${full.length} connections were used to the last`);
  deepEqual(lasts, full);
  await world.end();
});

test('scheduler: 2,000 deliveries that wait for a dead host make a handful of connections, then go out', async () => {
  let isDead = true;
  const behaviour: Behaviour = { ...takesAll, connect: (grant) => (isDead ? refuses.connect(grant) : { ms: 5 }) };
  const world = new World({ behaviour });
  await world.scheduler.start();
  for (let n = 0; n < 2000; n++) world.accept(['dead.example']);
  await world.clock.advance(10 * MINUTE);
  ok(world.wire.connections < 30, `${world.wire.connections} connections`);
  ok(world.kinds().length <= 30, `${world.kinds().length} deferrals`);
  const [domain] = (await world.scheduler.operations.queue({ domainsMax: 5 })).domains;
  equal(domain?.domain, 'dead.example');
  ok(domain?.waitsFor.startsWith('a connection from default (refused); tried again in '), domain?.waitsFor);
  isDead = false;
  await world.clock.advance(10 * MINUTE);
  equal(world.spool.counts.deliveries, 0);
  await world.end();
});

test('scheduler: a deferral is tried again by the plan of its stream', async () => {
  let replied = 0;
  const behaviour: Behaviour = {
    ...takesAll,
    transact: (attempt) => {
      const code = replied++ < 2 ? 451 : 250;
      return { ms: 5, results: replies(attempt.indexes, code), taken: code === 250 ? attempt.indexes : [] };
    },
  };
  const streams = { ...OPTIONS.streams, quick: { ...DEFAULT_STREAM, retryDelaysMs: [1000, 4000] } };
  const world = new World({ behaviour, options: { ...OPTIONS, streams } });
  await world.scheduler.start();
  const message = world.accept(['a.example'], { stream: 'quick' });
  await world.clock.advance(6500);
  deepEqual(world.kinds(message), ['deferred', 'deferred', 'delivered']);
  const [first, second, third] = world.outcomes(message);
  const waits = [(second?.at ?? 0) - (first?.at ?? 0), (third?.at ?? 0) - (second?.at ?? 0)];
  ok(waits[0]! >= 750 && waits[0]! <= 1300, `${waits}`);
  ok(waits[1]! >= 3000 && waits[1]! <= 5050, `${waits}`);
  deepEqual([first?.attempts, second?.attempts, third?.attempts], [1, 2, 3]);
  await world.end();
});

test('scheduler: a domain is asked about once for all that waits, and again when its TTL has ended', async () => {
  let asked = 0;
  const router: Router = {
    resolve: async (domain) => ({ domain, route: relay(`mx${asked++}`), ttlMs: 10_000 }),
  };
  const world = new World({ router });
  await world.scheduler.start();
  for (let n = 0; n < 50; n++) world.accept(['a.example']);
  await world.clock.advance(5000);
  equal(asked, 1);
  await world.clock.advance(6000);
  world.accept(['a.example']);
  await world.clock.advance(1000);
  equal(asked, 2);
  equal(world.kinds().length, 51);
  await world.end();
});

test('scheduler: mail that waits for a dead host goes to the new one once DNS names it, without a restart or an operator', async () => {
  let site = 'old';
  const router: Router = { resolve: async (domain) => ({ domain, route: relay(site), ttlMs: 10 * MINUTE }) };
  const behaviour: Behaviour = {
    ...takesAll,
    connect: (grant) => (grant.relay.site === 'old' ? refuses.connect(grant) : { ms: 5 }),
  };
  const world = new World({ router, behaviour });
  await world.scheduler.start();
  for (let n = 0; n < 50; n++) world.accept(['a.example']);
  await world.clock.advance(2 * HOUR);
  equal(world.spool.counts.deliveries, 50);
  site = 'new';
  // What the old answer may be kept, the longest sleep of a host that refuses, and a little.
  await world.clock.advance(10 * MINUTE + 1.25 * 5 * MINUTE + 1000);
  ok(world.spool.counts.deliveries <= 25, `${world.spool.counts.deliveries} wait`);
  await world.clock.advance(3 * HOUR);
  equal(world.spool.counts.deliveries, 0);
  await world.end();
});

test('scheduler: 500 recipients get one copy each, whatever the remote takes of them in one transaction', async () => {
  for (const most of [1000, 60, 7]) {
    const behaviour: Behaviour = {
      ...takesAll,
      transact: ({ indexes }) => {
        const taken = indexes.slice(0, most);
        const reply = { code: 452, enhanced: '4.5.3', lines: ['Too many recipients'] };
        const rest = indexes.slice(most).map((index) => ({ index, decidedAt: 'rcpt', reply }) as const);
        return { ms: 10, results: [...replies(taken, 250), ...rest], taken };
      },
    };
    const world = new World({ behaviour });
    await world.scheduler.start();
    const message = world.accept(Array<string>(500).fill('a.example'));
    await world.clock.advance(MINUTE);
    equal(world.kinds(message).filter((kind) => kind === 'delivered').length, 500, `${most} at a time`);
    ok([...world.wire.copies.values()].every((copies) => copies === 1));
    equal(world.wire.copies.size, 500);
    await world.end();
  }
});

test('scheduler: while DNS is silent the domain waits and one delivery tells why', async () => {
  let isSilent = true;
  const router: Router = {
    resolve: async (domain) => ({
      domain,
      route: isSilent ? { kind: 'unknown', text: 'SERVFAIL' } : relay('mx'),
      ttlMs: HOUR,
    }),
  };
  const world = new World({ router });
  await world.scheduler.start();
  for (let n = 0; n < 100; n++) world.accept(['a.example']);
  await world.clock.advance(1000);
  deepEqual(world.kinds(), ['deferred']);
  equal(world.outcomes()[0]?.category, 'dns-failure');
  equal(world.wire.attempts, 0);
  isSilent = false;
  await world.clock.advance(8 * MINUTE);
  equal(world.spool.counts.deliveries, 0);
  await world.end();
});

test('scheduler: after trouble in DNS a domain is asked again by the plan of the stream that waits least, whoever came first', async () => {
  const streams = {
    default: { ...DEFAULT_STREAM, retryDelaysMs: [10 * HOUR] },
    quick: { ...DEFAULT_STREAM, retryDelaysMs: [10_000] },
  };
  for (const order of [
    ['default', 'quick'],
    ['quick', 'default'],
  ]) {
    let isSilent = true;
    const router: Router = {
      resolve: async (domain) => ({
        domain,
        route: isSilent ? { kind: 'unknown', text: '' } : relay('mx'),
        ttlMs: HOUR,
      }),
    };
    const world = new World({ router, options: { ...OPTIONS, streams } });
    await world.scheduler.start();
    const messages = order.map((stream) => world.accept(['a.example'], { stream }));
    await world.clock.advance(5 * MINUTE);
    isSilent = false;
    await world.clock.advance(2 * 12_500);
    const quick = messages.find(({ stream }) => stream === 'quick');
    equal(world.kinds(quick).at(-1), 'delivered', order.join());
    await world.clock.advance(13 * HOUR);
    equal(world.spool.counts.deliveries, 0);
    await world.end();
  }
});

test('scheduler: a domain that takes no mail fails, a discard route takes it, and no connection is made', async () => {
  const router: Router = {
    resolve: async (domain) => ({
      domain,
      route:
        domain === 'null.example'
          ? { kind: 'unroutable', code: 556, enhanced: '5.1.10', text: 'null MX' }
          : { kind: 'discard', rule: 'staging' },
      ttlMs: HOUR,
    }),
  };
  const world = new World({ router });
  await world.scheduler.start();
  const message = world.accept(['null.example', 'drop.example']);
  await world.clock.advance(100);
  const ends = world.outcomes(message).toSorted((a, b) => a.index - b.index);
  deepEqual(
    ends.map(({ outcome, rule, decidedAt, reply }) => [outcome, rule, decidedAt, reply?.code]),
    [
      ['failed', 'any-null-mx', 'dns', 556],
      ['delivered', 'staging', undefined, undefined],
    ],
  );
  equal(world.wire.connections, 0);
  await world.end();
});

test('scheduler: a name nobody knows holds the mail with an alarm, until a reload knows it', async () => {
  const world = new World();
  await world.scheduler.start();
  const message = world.accept(['a.example'], { stream: 'gone', pool: 'gone' });
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(message), []);
  deepEqual(
    world.spool.alarms().map((alarm) => alarm.alarm),
    ['unknown-name'],
  );
  world.scheduler.reload({
    ...OPTIONS,
    streams: { ...OPTIONS.streams, gone: DEFAULT_STREAM },
    pools: { ...OPTIONS.pools, gone: { members: [{ source: 'default', weight: 1 }] } },
  });
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(message), ['delivered']);
  await world.end();
});

test('scheduler: streams of a higher priority go first once connections are short', async () => {
  const caps = { ...OPTIONS.caps, connections: 1 };
  const streams = { ...OPTIONS.streams, bulk: { ...DEFAULT_STREAM, priority: 1 } };
  const world = new World({ options: { ...OPTIONS, caps, streams } });
  await world.scheduler.start();
  for (let n = 0; n < 20; n++) world.accept(['a.example'], { stream: 'bulk' });
  await world.clock.advance(30);
  const urgent = world.accept(['a.example']);
  await world.clock.advance(1000);
  const order = world.outcomes().map((event) => event.messageId);
  ok(order.indexOf(urgent.id) < 6, `${order.indexOf(urgent.id)} were before it`);
  await world.end();
});

test('scheduler: sessions are balanced over egress processes', async () => {
  const world = new World({ egresses: 2, behaviour: { ...takesAll, idleMs: HOUR } });
  await world.scheduler.start();
  for (let n = 0; n < 10; n++) world.accept([`d${n}.example`]);
  await world.clock.advance(1000);
  deepEqual(
    world.egresses.map((egress) => egress.sessions),
    [5, 5],
  );
  await world.end();
});

test('scheduler: when every connection of the host is taken, one that idles is closed for who waits', async () => {
  const caps = { ...OPTIONS.caps, totalConnections: 2 };
  const world = new World({ options: { ...OPTIONS, caps }, behaviour: { ...takesAll, idleMs: HOUR } });
  await world.scheduler.start();
  for (const name of ['a.example', 'b.example', 'c.example']) {
    world.accept([name]);
    await world.clock.advance(100);
  }
  equal(world.kinds().length, 3);
  equal(world.wire.sessions, 2);
  await world.end();
});

test('scheduler: pools with several sources use them by weight', async () => {
  const sources = { one: { name: 'one', ehlo: 'one' }, two: { name: 'two', ehlo: 'two' } };
  const pools = {
    default: {
      members: [
        { source: 'one', weight: 3 },
        { source: 'two', weight: 1 },
      ],
    },
  };
  const world = new World({ options: { ...OPTIONS, sources, pools } });
  await world.scheduler.start();
  for (let n = 0; n < 40; n++) {
    world.accept(['a.example' as Domain]);
    await world.clock.advance(50);
  }
  const from = (name: string): number => world.outcomes().filter((event) => event.source === name).length;
  deepEqual([from('one'), from('two')], [30, 10]);
  await world.end();
});

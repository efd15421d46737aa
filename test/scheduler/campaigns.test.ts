import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Domain, Mailbox, Message } from '../../src/flow/message.ts';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, replies, takesAll, World } from './world.ts';

const BREAKER = { isEnabled: true, windowMs: HOUR, sampleMin: 100, bounceShare: 0.1, spamShare: 0.05, blockShare: 0.2 };
const GUARDED: SchedulerOptions = { ...OPTIONS, breaker: BREAKER };
const SPRING = { campaign: 'spring' };

let recipients = 0;

/** Each to a recipient of its own: what bounces is suppressed. */
function send(world: World, domain: string, also: Partial<Message> = {}): Message {
  const path = { mailbox: `r${recipients++}@${domain}` as Mailbox, domain: domain as Domain };
  return world.accept([domain], { ...also, forwardPaths: [path] });
}

/** One recipient in so many is not there. */
function bounces(each: number): Behaviour {
  let sent = 0;
  const unknown = { code: 550, enhanced: '5.1.1', lines: ['no such user'] };
  return {
    ...takesAll,
    transact: ({ indexes }) => {
      const isBad = sent++ % each === 0;
      const results = indexes.map((index) =>
        isBad ? ({ index, decidedAt: 'rcpt', reply: unknown } as const) : replies([index], 250)[0]!,
      );
      return { ms: 10, results, taken: isBad ? [] : indexes };
    },
  };
}

test('campaigns: one of which every fifth bounces is held after its sample, with an alarm and an event that name the figures', async () => {
  const world = new World({ options: GUARDED, behaviour: bounces(5) });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  for (let n = 0; n < 1000; n++) send(world, 'a.example', SPRING);
  const others = Array.from({ length: 50 }, () => send(world, 'b.example', { campaign: 'summer' }));
  await world.clock.advance(MINUTE);
  const done = world.outcomes().filter(({ campaign }) => campaign === 'spring').length;
  ok(done >= 100 && done <= 130, `${done} were answered`);
  ok(
    others.every((message) => world.kinds(message).length === 1),
    'another campaign goes on',
  );
  const [alarm] = world.spool.alarms().filter((each) => each.alarm === 'campaign-paused');
  match(
    alarm?.text ?? '',
    /^campaign default\/spring is paused: 2\d of 10\d answers within 1h say that the recipient is not there \(2\d(?:\.\d)?%, limit 10%\); postilion campaign resume default\/spring ends it$/,
  );
  const marked = world.spool.journal.find(
    (event) => event.type === 'state' && event.key === 'pause/campaign/default/spring',
  );
  deepEqual(marked?.type === 'state' && [marked.by, (marked.value as { bounces: number }).bounces], ['breaker', 21]);
  const listed = await operations.campaigns(undefined, 10);
  deepEqual(
    listed.map(({ campaign, state, waiting }) => [campaign, state, waiting]),
    [
      ['spring', 'paused', 1000 - done],
      ['summer', 'active', 0],
    ],
  );
  match(listed[0]?.why ?? '', /^2\d of 10\d answers/);
  equal(listed[0]?.figures?.answered, done);
  const [domain] = (await operations.queue({ domainsMax: 1 })).domains;
  match(domain?.waitsFor ?? '', /^held, paused: campaign\/default\/spring, since 2\d of 10\d/);
  await world.end();
});

test('campaigns: resumed it needs a sample of its own before it is held again', async () => {
  const world = new World({ options: GUARDED, behaviour: bounces(5) });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  for (let n = 0; n < 1000; n++) send(world, 'a.example', SPRING);
  await world.clock.advance(MINUTE);
  const first = world.outcomes().length;
  equal(await operations.resume('campaign/default/spring', 'operator'), true);
  await world.clock.advance(MINUTE);
  const second = world.outcomes().length - first;
  ok(second >= 100 && second <= 130, `${second} more were answered`);
  const alarms = world.spool.alarms().filter(({ alarm }) => alarm === 'campaign-paused');
  equal(alarms.length, 2, 'each time with an alarm of its own');
  await world.end();
});

test('campaigns: a healthy one, one that is switched off for its tenant or stream, and mail without a campaign are not held', async () => {
  const options: SchedulerOptions = {
    ...GUARDED,
    tenants: { ...OPTIONS.tenants, trusted: { weight: 1, breaker: { isEnabled: false } }, strict: { weight: 1 } },
    streams: {
      ...OPTIONS.streams,
      strict: { ...DEFAULT_STREAM, breaker: { bounceShare: 0.01 } },
      tested: { ...DEFAULT_STREAM, breaker: { isEnabled: false } },
    },
  };
  const world = new World({ options, behaviour: bounces(20) });
  await world.scheduler.start();
  for (let n = 0; n < 300; n++) {
    send(world, 'a.example', SPRING);
    send(world, 'b.example', { ...SPRING, tenant: 'trusted', stream: 'strict' });
    send(world, 'c.example', { ...SPRING, tenant: 'strict', stream: 'strict' });
    send(world, 'd.example', { ...SPRING, campaign: 'quiet', stream: 'tested' });
    send(world, 'e.example');
  }
  await world.clock.advance(5 * MINUTE);
  deepEqual((await world.scheduler.operations.queue({ domainsMax: 1 })).paused, ['campaign/strict/spring']);
  await world.end();
});

test('campaigns: pause, figures and reason outlive a restart', async () => {
  const world = new World({ options: GUARDED, behaviour: bounces(20) });
  await world.scheduler.start();
  for (let n = 0; n < 60; n++) {
    send(world, 'a.example', SPRING);
    await world.clock.advance(2000);
  }
  const key = 'campaign/default/spring';
  const kept = world.spool.state(key);
  const held = { at: 1, why: '9 of 9 answers within 1h refuse the mail for what it says (100%, limit 5%)' };
  await world.end();
  const next = new World({ options: GUARDED });
  next.spool.record([
    { type: 'state', at: 1, key, value: { ...(kept as object), savedAt: next.clock.now() }, by: 'breaker' },
    { type: 'state', at: 1, key: 'pause/campaign/default/summer', value: held, by: 'breaker' },
  ]);
  await next.scheduler.start();
  const listed = await next.scheduler.operations.campaigns('default', 10);
  equal(listed.find(({ campaign }) => campaign === 'summer')?.why, held.why);
  const spring = listed.find(({ campaign }) => campaign === 'spring');
  ok((spring?.figures?.answered ?? 0) >= 30, `${spring?.figures?.answered} of the last minute at most are forgotten`);
  await next.clock.advance(2 * HOUR);
  equal(
    (await next.scheduler.operations.campaigns('default', 10)).find(({ campaign }) => campaign === 'spring'),
    undefined,
  );
  await next.end();
});

test('campaigns: cancelled with 5,000 waiting it is one mark, nothing more of it is begun, and its rows go behind', async () => {
  const slow: Behaviour = { ...takesAll, transact: (...args) => ({ ...takesAll.transact(...args), ms: 1000 }) };
  const world = new World({ behaviour: slow });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  for (let n = 0; n < 5000; n++) world.accept([`d${n % 3}.example`], SPRING);
  await world.clock.advance(500);
  const before = world.wire.attempts;
  const written = world.spool.journal.length;
  equal(await operations.cancelCampaign('campaign/default/spring', 'operator'), 5000);
  equal(world.spool.journal.slice(written).filter(({ type }) => type === 'state').length, 1, 'one mark');
  equal((await operations.campaigns(undefined, 5))[0]?.state, 'cancelling');
  await world.clock.advance(1);
  const later = world.accept(['d0.example'], SPRING);
  await world.clock.advance(MINUTE);
  ok(
    world.wire.attempts - before <= 1,
    `${world.wire.attempts - before} attempts after it, one of them of what came later`,
  );
  deepEqual(world.kinds(later), ['delivered']);
  equal(world.outcomes().filter(({ outcome }) => outcome === 'cancelled').length, 5000 - before);
  equal(world.spool.counts.deliveries, 0);
  equal(world.spool.states('cancelled/').length, 0, 'the mark is gone');
  equal(await operations.cancelCampaign('campaign/default/spring', 'operator'), 0);
  await world.end();
});

test('campaigns: what is deferred after the cancel ends as cancelled, and a restart in the middle goes on removing', async () => {
  let isOver = false;
  const behaviour: Behaviour = {
    ...takesAll,
    transact: ({ indexes }) => ({
      ms: 3000,
      results: replies(indexes, isOver ? 250 : 451),
      taken: isOver ? indexes : [],
    }),
  };
  const world = new World({ behaviour });
  world.spool.record([
    {
      type: 'state',
      at: 1,
      key: 'cancelled/default/spring',
      value: { at: world.clock.now() + 5000, by: 'operator' },
      by: 'operator',
    },
  ]);
  await world.scheduler.start();
  const { operations } = world.scheduler;
  world.accept(['a.example'], SPRING);
  await world.clock.advance(100);
  deepEqual(world.kinds(), ['cancelled'], 'told late of what was accepted before');
  await world.clock.advance(MINUTE);
  equal(world.spool.states('cancelled/').length, 0);
  const going = world.accept(['a.example'], SPRING);
  await world.clock.advance(1000);
  await operations.cancelCampaign('campaign/default/spring', 'operator');
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(going), ['cancelled'], 'it was deferred, so it is cancelled');
  isOver = true;
  await world.clock.advance(MINUTE);
  equal(world.spool.states('cancelled/').length, 0);
  await world.end();
});

const TWO_POOLS: SchedulerOptions = {
  ...OPTIONS,
  sources: {
    one: { name: 'one', ehlo: 'one' },
    two: { name: 'two', ehlo: 'two' },
    three: { name: 'three', ehlo: 'three' },
  },
  pools: {
    default: { members: [{ source: 'one', weight: 1 }] },
    apart: { members: [{ source: 'two', weight: 1 }] },
    third: { members: [{ source: 'three', weight: 1 }] },
  },
  routes: {
    rules: [
      { name: 'by-route', domain: 'routed.example', pool: 'third', target: { to: 'mx', tls: { level: 'none' } } },
    ],
  },
};

test('moves: what waits of a campaign, tenant or stream goes from the pool it was moved to, and nothing is rewritten', async () => {
  const world = new World({ options: TWO_POOLS, egresses: 0 });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  const messages = [
    world.accept(['a.example'], SPRING),
    world.accept(['routed.example'], SPRING),
    world.accept(['a.example'], { campaign: 'summer' }),
    world.accept(['a.example'], { ...SPRING, pool: 'third' }),
  ];
  await world.clock.advance(100);
  const written = world.spool.journal.length;
  equal(await operations.move('campaign/default/spring', 'apart', 'operator'), 'done');
  equal(await operations.move('campaign/default/spring', 'nowhere', 'operator'), 'no-pool');
  equal(await operations.move('tenant/default', undefined, 'operator'), 'not-moved');
  equal(world.spool.journal.length - written, 1);
  world.attach(takesAll);
  await world.clock.advance(MINUTE);
  const from = messages.map((message) => world.outcomes(message)[0]?.source);
  deepEqual(from, ['two', 'two', 'one', 'two'], 'before the pool of a route and that of the message');
  deepEqual((await operations.queue({ domainsMax: 1 })).moved, [{ mark: 'campaign/default/spring', pool: 'apart' }]);
  equal(await operations.move('tenant/default', 'third', 'operator'), 'done');
  equal(await operations.move('stream/default', 'apart', 'operator'), 'done');
  const [spring, summer] = [world.accept(['a.example'], SPRING), world.accept(['a.example'])];
  await world.clock.advance(MINUTE);
  deepEqual([world.outcomes(spring)[0]?.source, world.outcomes(summer)[0]?.source], ['two', 'three']);
  for (const mark of ['campaign/default/spring', 'tenant/default', 'stream/default']) {
    equal(await operations.move(mark, undefined, 'operator'), 'done');
  }
  const back = world.accept(['a.example'], SPRING);
  await world.clock.advance(MINUTE);
  equal(world.outcomes(back)[0]?.source, 'one');
  deepEqual(world.spool.states('move/'), []);
  await world.end();
});

test('moves: a move stands after a restart; without its pool the mail is held, never lost', async () => {
  const world = new World({ options: TWO_POOLS });
  world.spool.record([{ type: 'state', at: 1, key: 'move/tenant/default', value: 'apart', by: 'operator' }]);
  await world.scheduler.start();
  const message = world.accept(['a.example']);
  await world.clock.advance(MINUTE);
  equal(world.outcomes(message)[0]?.source, 'two');
  const { apart: _apart, ...pools } = TWO_POOLS.pools;
  world.scheduler.reload({ ...TWO_POOLS, pools });
  const held = world.accept(['a.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(held), []);
  await world.scheduler.operations.move('tenant/default', undefined, 'operator');
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(held), ['delivered']);
  await world.end();
});

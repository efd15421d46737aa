import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Domain } from '../../src/flow/message.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, replies, takesAll, World } from './world.ts';

const later: Behaviour = {
  ...takesAll,
  transact: (attempt) => ({ ms: 10, results: replies(attempt.indexes, 451), taken: [] }),
};

test('operations: what is paused waits, and goes on when resumed', async () => {
  for (const mark of ['all', 'tenant/default', 'domain/a.example', 'campaign/default/spring']) {
    const world = new World();
    await world.scheduler.start();
    const { operations } = world.scheduler;
    await operations.pause(mark, 'operator');
    const message = world.accept(['a.example'], { campaign: 'spring' });
    await world.clock.advance(MINUTE);
    deepEqual(world.kinds(message), [], mark);
    const report = await operations.queue({ domainsMax: 1 });
    deepEqual(report.paused, [mark]);
    equal(report.domains[0]?.waitsFor, `held, paused: ${mark}`);
    equal(await operations.resume(mark, 'operator'), true);
    equal(await operations.resume(mark, 'operator'), false);
    await world.clock.advance(MINUTE);
    deepEqual(world.kinds(message), ['delivered'], mark);
    await world.end();
  }
});

test('operations: a pause stands after a restart', async () => {
  const world = new World();
  world.spool.record([{ type: 'state', at: 1, key: 'pause/all', value: 1, by: 'operator' }]);
  await world.scheduler.start();
  const message = world.accept(['a.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(message), []);
  await world.end();
});

test('operations: cancel settles what waits; what is on its way ends as it ends', async () => {
  const world = new World({ behaviour: { ...later, connect: () => ({ ms: 1000 }) } });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  const message = world.accept(['a.example', 'b.example'], { notBefore: world.clock.now() + HOUR });
  equal(await operations.cancel(message.id, 'user app'), 2);
  deepEqual(world.kinds(message), ['cancelled', 'cancelled']);
  equal(world.outcomes(message)[0]?.rule, 'user app');
  const going = world.accept(['a.example']);
  await world.clock.advance(500);
  equal(await operations.cancel(going.id, 'operator'), 0);
  await world.clock.advance(1000);
  deepEqual(world.kinds(going), ['cancelled'], 'it was deferred, so it is cancelled');
  equal(world.spool.states('cancel/').length, 0);
  equal(await operations.cancel(going.id, 'operator'), 0);
  await world.end();
});

test('operations: retry makes one message due now, retry-all a domain, and the lane wakes', async () => {
  const world = new World({ behaviour: later });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  const messages = Array.from({ length: 300 }, () => world.accept(['a.example']));
  const other = world.accept(['b.example']);
  await world.clock.advance(2000);
  const [first] = messages;
  equal(world.kinds(first).length, 1);
  equal(await operations.retry(first!.id, 'operator'), true);
  await world.clock.advance(500);
  deepEqual(world.kinds(first), ['deferred', 'deferred', 'deferred'], 'moved, then tried');
  deepEqual(
    world.outcomes(first).map((event) => [event.category, event.attempts]),
    [
      ['remote-error', 1],
      ['rescheduled', 1],
      ['remote-error', 2],
    ],
  );
  const before = world.wire.attempts;
  const all = operations.retryAll('a.example', 'operator');
  await world.clock.advance(2000);
  equal(await all, 1);
  equal(world.wire.attempts - before, 300);
  equal(world.kinds(other).length, 1);
  equal(await operations.retry('0'.repeat(26) as never, 'operator'), false);
  await world.end();
});

test('operations: the report counts and describes, and a message is found while it waits and after', async () => {
  const world = new World({ egresses: 0 });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  const message = world.accept(['a.example', 'b.example']);
  await world.clock.advance(100);
  const report = await operations.queue({ domainsMax: 1 });
  deepEqual(
    [report.messages, report.deliveries, report.inFlight, report.sessions, report.counters['accepted']],
    [1, 2, 0, 0, 1],
  );
  deepEqual(
    report.domains.map((domain) => [domain.domain, domain.waiting, domain.waitsFor]),
    [['a.example', 1, 'an egress process']],
  );
  equal((await operations.message(message.id))?.queued?.waiting.length, 2);
  world.attach(takesAll);
  await world.clock.advance(1000);
  const over = await operations.message(message.id);
  equal(over?.queued, undefined);
  equal(over?.outcomes.length, 2);
  equal(await operations.message('0'.repeat(26) as never), undefined);
  await operations.alarm({ type: 'alarm', at: 1, alarm: 'slow-sync', text: 'x' });
  ok(world.spool.journal.some((event) => event.type === 'alarm'));
  await world.end();
});

test('operations: a reload that takes a source away ends its connections after what they hold', async () => {
  const world = new World({ behaviour: { ...takesAll, idleMs: HOUR } });
  await world.scheduler.start();
  world.accept(['a.example']);
  await world.clock.advance(1000);
  equal(world.wire.sessions, 1);
  const source = { name: 'new', ehlo: 'new.example' };
  world.scheduler.reload({
    ...OPTIONS,
    sources: { new: source },
    pools: { default: { members: [{ source: 'new', weight: 1 }] } },
  });
  world.accept(['a.example']);
  await world.clock.advance(1000);
  equal(world.outcomes()[1]?.source, 'new');
  equal(world.wire.sessions, 1);
  await world.end();
});

test('operations: mail that the operator alone signs is counted, and its From domains are shown, most mail first', async () => {
  const world = new World();
  await world.scheduler.start();
  const operator = ['s._domainkey.op.example'];
  const from = (domain: string | undefined, selectors?: readonly string[]): void => {
    const fromDomain = domain === undefined ? {} : { fromDomain: domain as Domain };
    world.accept(['a.example'], { ...fromDomain, ...(selectors === undefined ? {} : { selectors }) });
  };
  from('once.example', operator);
  for (let n = 0; n < 3; n++) from('often.example', operator);
  from(undefined, operator);
  from('op.example', operator);
  from('mail.op.example', operator);
  from('own.example', ['s._domainkey.own.example', ...operator]);
  from('none.example');
  await world.clock.advance(MINUTE);
  const { counters, keyless } = await world.scheduler.operations.queue({ domainsMax: 1 });
  deepEqual([counters['accepted'], counters['signedByOperator'], counters['unsigned']], [9, 5, 1]);
  deepEqual(keyless, [
    { domain: 'often.example', messages: 3 },
    { domain: 'no From', messages: 1 },
    { domain: 'once.example', messages: 1 },
  ]);
  await world.end();
});

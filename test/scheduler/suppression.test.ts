// The suppression list in the scheduler: what is held back is settled once and never tried, and nothing else is.
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { Suppression } from '../../src/flow/suppression.ts';
import { MINUTE, replies, takesAll, World } from './world.ts';

const entry = (address: string, changes: Partial<Suppression> = {}): Suppression => ({
  address,
  scope: 'global',
  reason: 'recipient-unknown',
  at: 0,
  by: 'operator',
  ...changes,
});

async function suppress(world: World, ...entries: Suppression[]): Promise<void> {
  const answer = await world.scheduler.operations.suppress(entries, 'operator');
  equal(answer.added, entries.length);
}

test('suppression: new mail to an address on the list ends at once as suppressed, the rest goes', async () => {
  const world = new World();
  await world.scheduler.start();
  await suppress(world, entry('r0@a.example'), entry('r1@a.example', { scope: 'tenant/other' }));
  const message = world.accept(['a.example', 'a.example'], { notBefore: world.clock.now() + 10 * MINUTE });
  deepEqual(world.kinds(message), ['suppressed'], 'before its time has come');
  await world.clock.advance(11 * MINUTE);
  deepEqual(world.kinds(message), ['suppressed', 'delivered']);
  const [outcome] = world.outcomes(message);
  equal(outcome?.category, 'suppressed');
  equal(outcome?.attempts, 0);
  match(outcome?.rule ?? '', /^suppression global recipient-unknown$/);
  deepEqual([...world.wire.copies.keys()], [`${message.id}/1`]);
  equal(world.spool.counts.deliveries, 0);
  equal((await world.scheduler.operations.queue({ domainsMax: 1 })).counters['suppressed'], 1);
  await world.end();
});

test('suppression: what waits is looked up before each attempt, alone or beside others, and ends once', async () => {
  let isDown = true;
  const world = new World({
    behaviour: {
      ...takesAll,
      transact: ({ indexes }) =>
        isDown
          ? { ms: 10, results: replies(indexes, 451), taken: [] }
          : { ms: 10, results: replies(indexes, 250), taken: indexes },
    },
  });
  await world.scheduler.start();
  const message = world.accept(['a.example', 'a.example', 'a.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(message), ['deferred', 'deferred', 'deferred']);
  await suppress(world, entry('r0@a.example'), entry('r2@a.example', { scope: 'stream/default/default' }));
  isDown = false;
  // All due at once: in one transaction if they may.
  await world.scheduler.operations.retry(message.id, 'operator');
  await world.clock.advance(30 * MINUTE);
  const last = world.outcomes(message).filter(({ outcome }) => outcome !== 'deferred');
  deepEqual(last.map(({ index, outcome }) => `${index} ${outcome}`).toSorted(), [
    '0 suppressed',
    '1 delivered',
    '2 suppressed',
  ]);
  deepEqual([...world.wire.copies.keys()], [`${message.id}/1`]);
  await world.end();
});

test('suppression: an operator takes an address off, and its next mail goes', async () => {
  const world = new World();
  await world.scheduler.start();
  await suppress(world, entry('r0@a.example'));
  equal((await world.scheduler.operations.suppressionsOf('r0@a.example')).length, 1);
  equal(await world.scheduler.operations.unsuppress('r0@a.example', undefined, 'operator'), 1);
  const message = world.accept(['a.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(message), ['delivered']);
  const notes = world.spool.journal.flatMap((event) => (event.type === 'note' ? [`${event.note} by ${event.by}`] : []));
  deepEqual(notes, ['suppressed by operator', 'suppression-removed by operator']);
  await world.end();
});

test('suppression: a decision about an outcome is in the journal before it; a 250 without an entry changes nothing', async () => {
  const world = new World({
    suppresses: ({ category }) => (category === 'recipient-unknown' ? [{ scope: 'tenant', isSoft: false }] : []),
    behaviour: {
      ...takesAll,
      transact: ({ indexes }) => ({
        ms: 10,
        results: indexes.map((index) => ({
          index,
          decidedAt: 'rcpt' as const,
          reply: { code: 550, enhanced: '5.1.1', lines: ['no such user'] },
        })),
        taken: [],
      }),
    },
  });
  await world.scheduler.start();
  const first = world.accept(['a.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(first), ['failed']);
  const order = world.spool.journal.map((event) => (event.type === 'state' ? event.key.slice(0, 9) : event.type));
  equal(
    order.lastIndexOf('suppress/') < order.indexOf('outcome') && order.includes('suppress/'),
    true,
    order.join(' '),
  );
  deepEqual(world.kinds(world.accept(['a.example'])), ['suppressed']);
  const other = world.accept(['a.example'], { tenant: 'other' });
  deepEqual(world.kinds(other), []);
  await world.end();
});

test('suppression: at the disk reserve nothing is taken, and the operator is told', async () => {
  const world = new World({ spool: (spool) => Object.assign(spool, { atReserve: () => true }) });
  await world.scheduler.start();
  const answer = await world.scheduler.operations.suppress([entry('r0@a.example')], 'operator');
  deepEqual([answer.isFull, answer.added], [true, 0]);
  deepEqual(await world.scheduler.operations.suppressionsOf('r0@a.example'), []);
  await world.end();
});

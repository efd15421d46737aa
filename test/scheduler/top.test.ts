// What `postilion top` is told: counts by provider, and by domain where nobody knows one; bounded, whoever is written to.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import { Tally } from '../../src/scheduler/tally.ts';
import { replies, takesAll, World } from './world.ts';

const SECOND = 1000;

function outcome(domain: string, kind: string, provider?: string): OutcomeEvent {
  const reply = { code: 451, enhanced: '4.7.1', lines: ['later', 'much'] };
  return { domain, outcome: kind, reply, ...(provider === undefined ? {} : { provider }) } as unknown as OutcomeEvent;
}

test('tally: outcomes count for their provider, else their domain, with the last trouble', () => {
  const tally = new Tally();
  for (const kind of ['delivered', 'deferred', 'failed', 'expired', 'delivered'])
    tally.note(outcome('a.example', kind, 'google'));
  tally.note(outcome('b.example', 'delivered'));
  deepEqual(tally.find('google'), {
    delivered: 2,
    deferred: 1,
    failed: 2,
    lastTrouble: '451 4.7.1 later',
    isProvider: true,
  });
  deepEqual(tally.find('b.example'), {
    delivered: 1,
    deferred: 0,
    failed: 0,
    lastTrouble: undefined,
    isProvider: false,
  });
  equal(tally.find('a.example'), undefined);
});

test('tally: names that are heard of keep their count, however many others come, and no more are kept than twice the bound', () => {
  const tally = new Tally(10);
  for (let n = 0; n < 500; n++) {
    tally.note(outcome(`d${n}.example`, 'delivered'));
    tally.note(outcome('busy.example', 'delivered'));
    ok([...tally.names()].length <= 20);
  }
  equal(tally.find('busy.example')?.delivered, 500);
  equal(tally.find('d0.example'), undefined);
});

test('top: a row for what waits, for what is open and for what was settled, in this order of weight', async () => {
  const world = new World({
    behaviour: {
      ...takesAll,
      transact: (attempt, message) =>
        message.forwardPaths[0]?.domain === 'slow.example'
          ? { ...takesAll.transact(attempt, message), ms: 60_000 }
          : { ms: 10, results: replies(attempt.indexes, 250), taken: [] },
    },
  });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  await operations.pause('domain/held.example', 'operator');
  world.accept(['held.example']);
  world.accept(['slow.example']);
  world.accept(['quick.example', 'quick.example']);
  await world.clock.advance(5 * SECOND);
  const report = await operations.top({ rowsMax: 10 });
  deepEqual(
    report.rows.map(({ name, waiting, inFlight, delivered }) => [name, waiting > 0, inFlight, delivered]),
    [
      ['slow.example', true, 1, 0],
      ['held.example', true, 0, 0],
      ['quick.example', false, 0, 2],
    ],
  );
  deepEqual(
    [report.counters['accepted'], report.counters['delivered'], report.paused],
    [3, 2, ['domain/held.example']],
  );
  equal((await operations.top({ rowsMax: 1 })).rows.length, 1);
  await operations.resume('domain/held.example', 'operator');
  await world.clock.advance(120 * SECOND);
  await world.end();
});

test('top: the pace of lanes below the ceiling, while they have mail or connections', async () => {
  const world = new World({
    behaviour: {
      ...takesAll,
      transact: (attempt, message) => ({ ...takesAll.transact(attempt, message), ms: 30_000 }),
    },
  });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  for (let n = 0; n < 4; n++) world.accept(['gmail.com']);
  await world.clock.advance(SECOND);
  const paced = async () => (await operations.top({ rowsMax: 5 })).rows.find(({ name }) => name === 'google')?.paced;
  equal(await paced(), undefined);
  await operations.pinLane('default/google', { connections: 2, perMinute: 30 }, 'operator');
  deepEqual(await paced(), { lanes: 1, connections: 2, perMinute: 30 });
  await operations.pinLane('default/google', { connections: 2 }, 'operator');
  deepEqual(await paced(), { lanes: 1, connections: 2 });
  await world.clock.advance(120 * SECOND);
  equal(await paced(), undefined, 'it does nothing');
  await world.end();
});

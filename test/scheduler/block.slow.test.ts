// A block at a provider with 300,000 deliveries waiting there: nothing of them is written, and the next source takes over
// within a second, of the clock and of the machine.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { SchedulerOptions } from '../../src/scheduler/options.ts';
import { OPTIONS, replies, World } from './world.ts';

const source = (name: string) => ({ name, ehlo: `${name}.example` });
const members = ['a', 'b'].map((name) => ({ source: name, weight: 1 }));
const TWO: SchedulerOptions = {
  ...OPTIONS,
  sources: { a: source('a'), b: source('b') },
  pools: { default: { members } },
  caps: { ...OPTIONS.caps, recipientsPerTransaction: 1 },
  providers: { google: { lanes: 'shared' } },
};
const MESSAGES = 3000;
const RECIPIENTS = 100;
const BLOCK = { code: 550, enhanced: '5.7.28', lines: ['unusual rate of unsolicited mail'] };

test('block: with 300,000 waiting nothing is rewritten, and the next source takes over within a second', async () => {
  let isBlocked = false;
  let refused = 0;
  const begun: { readonly at: number; readonly source: string }[] = [];
  const world: World = new World({
    options: TWO,
    egresses: 2,
    behaviour: {
      idleMs: 5000,
      connect: () => ({ ms: 10 }),
      transact: (attempt, _, grant) => {
        const name = grant?.source.name ?? '';
        begun.push({ at: world.clock.now(), source: name });
        if (!isBlocked || name !== 'a')
          return { ms: 100, results: replies(attempt.indexes, 250), taken: attempt.indexes };
        refused++;
        const results = attempt.indexes.map((index) => ({ index, decidedAt: 'mail', reply: BLOCK }) as const);
        return { ms: 100, results, taken: [] };
      },
    },
  });
  await world.scheduler.start();
  for (let n = 0; n < MESSAGES; n++) world.accept(Array.from({ length: RECIPIENTS }, () => 'gmail.com'));
  await world.clock.advance(1000);
  ok(world.spool.counts.deliveries > 0.99 * MESSAGES * RECIPIENTS);
  isBlocked = true;
  while ((await world.scheduler.operations.lanes()).suspensions.length === 0) await world.clock.advance(10);
  const at = world.clock.now();
  const before = world.spool.journal.length;
  const ofA = begun.filter((one) => one.source === 'a').length;
  const began = performance.now();
  await world.clock.advance(1000);
  const tookMs = performance.now() - began;
  const ofB = begun.filter((one) => one.source === 'b' && one.at >= at);
  // The first that would have been the other's turn; ten connections at ten a second go on.
  ok((ofB[0]?.at ?? Infinity) - at <= 1000);
  ok(ofB.length >= 90, `${ofB.length} by the other source`);
  ok(tookMs < 1000, `${Math.round(tookMs)} ms of work`);
  equal(begun.filter((one) => one.source === 'a').length, ofA);
  const written = world.spool.journal.slice(before);
  deepEqual([...new Set(written.map(({ type }) => type))], ['outcome']);
  ok(written.length <= 130, `${written.length} events: the outcomes of what was begun`);
  ok(refused <= 10, `${refused} refused: as many as had connections`);
  const { operations } = world.scheduler;
  equal((await operations.lane('a/google'))?.state, 'suspended');
  equal(begun.filter((one) => one.source === 'a').length, ofA);
  await world.end();
});

// How long a site that cannot be reached is left alone: as the most impatient of the streams that wait for it asks.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { HOUR, MINUTE, OPTIONS, takesAll, World } from './world.ts';

const PATIENT_MS = 10 * HOUR;
const OPTIONS_OF_TWO: SchedulerOptions = {
  ...OPTIONS,
  caps: { ...OPTIONS.caps, connections: 1 },
  streams: {
    bulk: { ...DEFAULT_STREAM, retryDelaysMs: [PATIENT_MS] },
    urgent: { ...DEFAULT_STREAM, retryDelaysMs: [MINUTE] },
  },
};

async function started(): Promise<{ readonly world: World; readonly tried: number[] }> {
  const tried: number[] = [];
  const behaviour: Behaviour = {
    ...takesAll,
    connect: () => {
      tried.push(world.clock.now());
      return { ms: 10, failure: { phase: 'connect', error: { kind: 'refused', text: 'no' } } };
    },
  };
  const world = new World({ options: OPTIONS_OF_TWO, behaviour });
  await world.scheduler.start();
  return { world, tried };
}

test('reach: what is patient and was tried first does not decide for what is not', async () => {
  const { world, tried } = await started();
  const start = world.clock.now();
  for (let n = 0; n < 5; n++) world.accept(['a.example'], { stream: 'bulk' });
  for (let n = 0; n < 5; n++) world.accept(['a.example'], { stream: 'urgent' });
  await world.clock.advance(100);
  equal(tried.length, 1);
  // A tenth of the first delay, then twice that, up to the delay.
  await world.clock.advance(10 * MINUTE);
  ok(tried.length >= 8 && tried.length <= 20, `${tried.length} tries`);
  ok((tried[1] ?? Infinity) - start <= 0.13 * MINUTE);
  await world.end();
});

test('reach: what is impatient and comes while a site is left alone has it tried by its own plan', async () => {
  const { world, tried } = await started();
  world.accept(['a.example', 'b.example'], { stream: 'bulk' });
  world.accept(['c.example'], { stream: 'bulk' });
  await world.clock.advance(HOUR / 2);
  equal(tried.length, 3, 'each site once');
  world.accept(['a.example'], { stream: 'bulk' });
  await world.clock.advance(1000);
  equal(tried.length, 3, 'as patient as what waits');
  world.accept(['a.example'], { stream: 'urgent' });
  await world.clock.advance(1000);
  equal(tried.length, 4, 'its plan would have had it tried long ago');
  // From here on it waits there, deferred by its own plan.
  await world.clock.advance(3 * MINUTE);
  ok(tried.length >= 6, `${tried.length} tries`);
  deepEqual(new Set(world.kinds()), new Set(['deferred']));
  await world.end();
});

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../src/base/random.ts';
import { backOffMs, plannedDelayMs, retryDelayMs } from '../../src/policy/retry-plan.ts';

const PLAN = [1000, 4000, 10_000];

test('retry plan: each delay is within a quarter of the planned one, and the last repeats', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.nat(), (attempts, seed) => {
      const planned = PLAN[Math.min(attempts, 3) - 1] ?? 0;
      const delay = retryDelayMs(PLAN, attempts, seededRandom(seed));
      ok(delay >= planned * 0.75 && delay <= planned * 1.25, `${delay}`);
    }),
  );
});

test('retry plan: the jitter is spread over the whole range', () => {
  const random = seededRandom(7);
  const quarters = [0, 0, 0, 0];
  for (let n = 0; n < 4000; n++) {
    const part = (retryDelayMs([1_000_000], 1, random) - 750_000) / 500_000;
    quarters[Math.min(3, Math.floor(part * 4))]! += 1;
  }
  for (const count of quarters) ok(count > 850 && count < 1150, `${quarters}`);
});

test('retry plan: a back-off begins at a tenth of the first delay and never passes it', () => {
  const middle = { next: () => 0.5, bytes: () => new Uint8Array() };
  equal(backOffMs([300_000], 1, middle), 30_000);
  equal(backOffMs([300_000], 2, middle), 60_000);
  equal(backOffMs([300_000], 9, middle), 300_000);
});

test('retry plan: by category: soon repeats the first delay, slow is 4 h at least, greylisting doubles from 5 min', () => {
  const minutes = [5, 15, 30, 60].map((n) => n * 60_000);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), (attempts, seed) => {
      const delay = (plan: 'soon' | 'slow' | 'greylist'): number =>
        plannedDelayMs(plan, minutes, attempts, seededRandom(seed)) / 60_000;
      ok(delay('soon') <= 6.25);
      ok(delay('slow') >= 240 && delay('slow') <= 300);
      const doubled = Math.min(5 * 2 ** (attempts - 1), 60);
      ok(delay('greylist') >= doubled && delay('greylist') <= doubled * 1.25);
    }),
  );
});

test('retry plan: a stream that tries again sooner than 5 min does so after greylisting, too', () => {
  const random = seededRandom(1);
  const delay = plannedDelayMs('greylist', [1000, 4000], 1, random);
  ok(delay >= 1000 && delay <= 1250, `${delay}`);
  ok(plannedDelayMs('greylist', [1000, 4000], 9, random) <= 5000);
});

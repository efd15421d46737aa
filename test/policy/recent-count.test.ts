import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecentCount } from '../../src/policy/recent-count.ts';

test('minute count: never more than the last minute, never less than the last 59 seconds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 90_000 }), fc.integer({ min: 1, max: 100 })), { maxLength: 60 }),
      (steps) => {
        const count = new RecentCount();
        const all: { readonly at: number; readonly many: number }[] = [];
        let now = 1_000_000;
        for (const [wait, many] of steps) {
          now += wait;
          count.add(now, many);
          all.push({ at: now, many });
          const within = (ms: number): number =>
            all.filter(({ at }) => now - at < ms).reduce((sum, one) => sum + one.many, 0);
          const counted = count.count(now);
          ok(counted >= within(59_000) && counted <= within(60_000), `${counted}`);
        }
        equal(count.count(now + 60_000), 0);
      },
    ),
  );
});

test('minute count: what did not happen is taken out again, the newest first', () => {
  const count = new RecentCount();
  count.add(1000, 5);
  count.add(31_000, 5);
  count.remove(32_000, 7);
  deepEqual([count.count(32_000), count.count(60_500), count.count(61_000)], [3, 3, 0]);
  count.remove(61_000, 7);
  equal(count.count(61_000), 0);
});

test('recent count: a rate since the first of them, at least over ten seconds, whatever the length of its parts', () => {
  const count = new RecentCount(5000);
  equal(count.perMinute(0), 0);
  count.add(1_000_000, 30);
  equal(count.perMinute(1_000_000), 180);
  count.add(1_120_000, 30);
  equal(count.perMinute(1_120_000), 30);
  equal(count.perMinute(1_240_000), 15);
  // Five minutes after the first it is forgotten, and the rate is that of the second.
  equal(Math.round(count.perMinute(1_300_000)), 10);
  equal(count.perMinute(1_500_000), 0);
});

test('recent count: twenty seconds after the first the rate is what it is, not a third of it', () => {
  const count = new RecentCount(5000);
  for (let second = 1; second <= 20; second++) count.add(1_000_000 + second * 1000, 2);
  const rate = count.perMinute(1_020_000);
  ok(rate > 110 && rate <= 120, `${rate}`);
});

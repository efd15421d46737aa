import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SlidingCount, TokenBucket } from '../../src/policy/token-bucket.ts';

const USES = fc.array(fc.record({ after: fc.nat(3000), amount: fc.integer({ min: 1, max: 40 }) }), {
  maxLength: 200,
  size: 'max',
});

test('token bucket: never more than the burst and the rate in any period, and the wait it names is enough', () => {
  fc.assert(
    fc.property(USES, (uses) => {
      const bucket = new TokenBucket(100, 10_000, 50, 0);
      const taken: { at: number; amount: number }[] = [];
      let now = 0;
      for (const { after, amount } of uses) {
        now += after;
        const wait = bucket.take(amount, now);
        if (wait > 0) {
          now += wait;
          equal(bucket.take(amount, now), 0, 'after the named wait it passes');
        }
        taken.push({ at: now, amount });
      }
      for (const { at } of taken) {
        const sum = taken.filter((t) => t.at >= at && t.at < at + 10_000).reduce((total, t) => total + t.amount, 0);
        ok(sum <= 150 + 1e-6, `${sum} in a period`);
      }
    }),
  );
});

test('sliding count: never more than the count in any period, and the wait it names is enough', () => {
  fc.assert(
    fc.property(USES, (uses) => {
      const count = new SlidingCount(100, 60_000, 0);
      const taken: { at: number; amount: number }[] = [];
      let now = 0;
      for (const { after, amount } of uses) {
        now += after;
        const wait = count.take(amount, now);
        if (wait > 0) {
          ok(wait <= 61_000, `${wait}`);
          now += wait;
          equal(count.take(amount, now), 0, 'after the named wait it passes');
        }
        taken.push({ at: now, amount });
      }
      for (const { at } of taken) {
        const sum = taken.filter((t) => t.at >= at && t.at < at + 60_000).reduce((total, t) => total + t.amount, 0);
        ok(sum <= 100, `${sum} in a period`);
      }
    }),
  );
});

test('sliding count: what is given back can be used', () => {
  const count = new SlidingCount(10, 60_000, 0);
  equal(count.take(10, 0), 0);
  ok(count.take(1, 0) > 0);
  count.giveBack(4);
  equal(count.take(4, 0), 0);
});

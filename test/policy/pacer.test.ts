import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Pacer } from '../../src/policy/pacer.ts';

const MINUTE = 60_000;

/** A lane that always has mail: what ended when, by a receiver that takes `tookMs()` for each. */
function run(pacer: Pacer, ms: number, from: number, amount: () => number, tookMs: () => number): number[] {
  const open: { readonly amount: number; readonly at: number }[] = [];
  const ends: number[] = [];
  for (let now = from; now < from + ms; now++) {
    for (const one of open.filter(({ at }) => at <= now)) {
      open.splice(open.indexOf(one), 1);
      pacer.ended(one.amount, one.at, now);
      for (let n = 0; n < one.amount; n++) ends.push(one.at);
    }
    const room = pacer.room(now);
    if (room === 0) continue;
    const granted = Math.min(room, amount());
    pacer.granted(granted, now);
    open.push({ amount: granted, at: now + tookMs() });
  }
  return ends.sort((a, b) => a - b);
}

function mostWithin(ends: readonly number[], perMs: number): number {
  let most = 0;
  for (let first = 0, last = 0; last < ends.length; last++) {
    while (ends[last]! - ends[first]! >= perMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

test('pacer: however long each takes and whatever goes together, never more end within a period than the rate says', () => {
  const rates = fc.record({ count: fc.integer({ min: 1, max: 200 }), burst: fc.integer({ min: 1, max: 20 }) });
  fc.assert(
    fc.property(rates, fc.array(fc.nat(3000), { minLength: 5, maxLength: 40 }), (rate, took) => {
      let at = 0;
      const pacer = new Pacer({ ...rate, perMs: 2000 }, 0, -MINUTE);
      const next = (): number => took[at++ % took.length]!;
      const ends = run(pacer, 12_000, 0, () => 1 + (next() % 7), next);
      ok(mostWithin(ends, 2000) <= rate.count, `${mostWithin(ends, 2000)} of ${rate.count}`);
    }),
    { numRuns: 40 },
  );
});

test('pacer: where the receiver is quick 98 % of the rate is reached, spaced', () => {
  for (const count of [1, 7, 60, 600, 6000]) {
    const pacer = new Pacer({ count, perMs: MINUTE }, 0, -MINUTE);
    const ends = run(
      pacer,
      5 * MINUTE,
      0,
      () => 1,
      () => 50,
    );
    ok(ends.length >= 5 * count * 0.98 - 1, `${ends.length} in 5 minutes at ${count} a minute`);
    ok(mostWithin(ends, MINUTE) <= count);
    if (count <= 60) ok(ends.every((end, n) => n === 0 || end - ends[n - 1]! >= MINUTE / count - 101));
  }
});

test('pacer: after a restart the rate goes on as if the earlier life had used all of it, and its burst last', () => {
  for (const burst of [1, 30, 60]) {
    const pacer = new Pacer({ count: 60, perMs: MINUTE, burst }, 1000, 1000);
    const ends = run(
      pacer,
      2 * MINUTE,
      1000,
      () => 1,
      () => 10,
    );
    const before = Array.from({ length: 60 }, (_, n) => 1000 - Math.max(0, n - burst + 1) * 1000);
    const within = mostWithin([...before.toReversed(), ...ends], MINUTE - 1000);
    ok(within <= 60, `burst ${burst}: ${within}`);
    ok(ends.length >= 117 - burst, `burst ${burst}: ${ends.length} in two minutes`);
  }
});

test('pacer: a burst goes at once after a pause; what is given back can be used; the wait it names is enough', () => {
  const pacer = new Pacer({ count: 60, perMs: MINUTE, burst: 5 }, 0, -MINUTE);
  let went = 0;
  while (pacer.room(0) > 0) {
    pacer.granted(1, 0);
    went++;
  }
  equal(went, 5);
  equal(pacer.nextAt(0), 1000);
  equal(pacer.room(999), 0);
  ok(pacer.room(1000) > 0);
  pacer.returned(1);
  ok(pacer.room(0) > 0);
  const full = new Pacer({ count: 2, perMs: 1000, burst: 2 }, 0, -MINUTE);
  full.granted(2, 0);
  equal(full.nextAt(2000), Infinity, 'until something ends');
  full.ended(2, 2000, 2000);
  const next = full.nextAt(2000);
  ok(next >= 3000 && next < 3020, `${next}`);
  equal(full.isQuiet(2000), false);
  ok(full.room(next) >= 1);
  equal(full.isQuiet(next + 1), true);
});

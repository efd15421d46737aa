import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { BrokenFamilies } from '../../src/egress/broken-families.ts';
import { FakeClock } from '../support/fake-clock.ts';

const MINUTE = 60_000;
const TIMES = { firstMs: 10 * MINUTE, mostMs: 60 * MINUTE, lookMs: 2 * MINUTE };
const OUT1 = { name: 'out1', ehlo: 'out1.test' };

test('broken families: tried last for ten minutes, then one looks while the others stay away', async () => {
  const clock = new FakeClock();
  const families = new BrokenFamilies(clock, TIMES);
  equal(families.broke(OUT1, 'mx.test', 6, clock.monotonic()), 10 * MINUTE);
  equal(families.isBroken(OUT1, 'mx.test', 4), false);
  equal(families.isBroken(OUT1, 'other.test', 6), false);
  equal(families.isBroken({ ...OUT1, name: 'out2' }, 'mx.test', 6), false);
  // The wall clock is not asked.
  clock.stepWall(24 * 60 * MINUTE);
  await clock.advance(10 * MINUTE - 1);
  equal(families.isBroken(OUT1, 'mx.test', 6), true);
  await clock.advance(1);
  equal(families.isBroken(OUT1, 'mx.test', 6), false);
  equal(families.isBroken(OUT1, 'mx.test', 6), true);
  await clock.advance(2 * MINUTE);
  equal(families.isBroken(OUT1, 'mx.test', 6), false);
  families.works(OUT1, 'mx.test', 6);
  equal(families.isBroken(OUT1, 'mx.test', 6), false);
  equal(families.size, 0);
});

test('broken families: found again it doubles up to an hour; who began together found it once', async () => {
  const clock = new FakeClock();
  const families = new BrokenFamilies(clock, TIMES);
  for (const minutes of [10, 20, 40, 60, 60]) {
    const begunAt = clock.monotonic();
    await clock.advance(MINUTE);
    equal(families.broke(OUT1, 'mx.test', 6, begunAt), minutes * MINUTE);
    equal(families.broke(OUT1, 'mx.test', 6, begunAt), undefined);
    await clock.advance(minutes * MINUTE);
  }
  await clock.advance(60 * MINUTE);
  equal(families.broke(OUT1, 'mx.test', 6, clock.monotonic()), 10 * MINUTE);
});

test('broken families: without a route no host of that family is tried first, until one works', () => {
  const families = new BrokenFamilies(new FakeClock(), TIMES);
  families.broke(OUT1, undefined, 6, 0);
  equal(families.isBroken(OUT1, 'mx.test', 6), true);
  equal(families.isBroken(OUT1, 'mx.test', 4), false);
  families.works(OUT1, 'other.test', 6);
  equal(families.isBroken(OUT1, 'mx.test', 6), false);
});

test('broken families: memory is bounded', () => {
  const families = new BrokenFamilies(new FakeClock(), TIMES);
  for (let i = 0; i <= 10_000; i++) families.broke(OUT1, `mx${i}.test`, 6, 0);
  equal(families.size, 10_000);
  equal(families.isBroken(OUT1, 'mx0.test', 6), false);
  equal(families.isBroken(OUT1, 'mx10000.test', 6), true);
});

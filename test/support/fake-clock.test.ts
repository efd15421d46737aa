import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from './fake-clock.ts';

test('fake clock: timers run in order of instant, then of making, and see their own instant', async () => {
  const clock = new FakeClock(1_000);
  const seen: [string, number][] = [];
  const note = (name: string) => () => void seen.push([name, clock.now()]);
  clock.after(20, note('c'));
  clock.after(10, note('a'));
  clock.after(10, note('b'));
  clock.after(30, note('late'));
  clock.after(5, note('cancelled')).cancel();
  await clock.advance(25);
  deepEqual(seen, [
    ['a', 1_010],
    ['b', 1_010],
    ['c', 1_020],
  ]);
  equal(clock.monotonic(), 25);
  equal(clock.pending, 1);
  equal(clock.nextIn, 5);
});

test('fake clock: promises settle between two timers, and what they set is run within the same advance', async () => {
  const clock = new FakeClock(0);
  const seen: number[] = [];
  const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
  const chain = (async () => {
    for (let n = 0; n < 4; n++) {
      await wait(10);
      await Promise.resolve();
      seen.push(clock.monotonic());
    }
  })();
  await clock.advance(40);
  await chain;
  deepEqual(seen, [10, 20, 30, 40]);
});

test('fake clock: a step of the wall clock moves no timer', async () => {
  const clock = new FakeClock(0);
  let ran = false;
  clock.after(10, () => void (ran = true));
  clock.stepWall(3_600_000);
  await clock.advance(9);
  equal(ran, false);
  equal(clock.now(), 3_600_009);
  await clock.advance(1);
  equal(ran, true);
});

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { DueTime } from '../../src/scheduler/due-time.ts';
import { Wakes } from '../../src/scheduler/wakes.ts';
import { FakeClock } from '../support/fake-clock.ts';

const HOUR = 3_600_000;

test('due time: it never goes back, never stands still, and tells of a step forward', async () => {
  const clock = new FakeClock(1_000_000);
  let steps = 0;
  const time = new DueTime(clock, () => steps++);
  await clock.advance(1000);
  equal(time.now(), 1_001_000);
  clock.stepWall(-24 * HOUR);
  await clock.advance(1000);
  equal(time.now(), 1_002_000);
  equal(steps, 0);
  clock.stepWall(23 * HOUR);
  equal(time.now(), 1_002_000);
  equal(steps, 1);
  clock.stepWall(3 * HOUR);
  equal(time.now(), 1_002_000 + 2 * HOUR);
  equal(time.ofWall(clock.now() + 5000), 1_007_000 + 2 * HOUR);
  equal(steps, 2);
});

test('wakes: in order, behind one timer, and never later than asked', async () => {
  const clock = new FakeClock();
  const time = new DueTime(clock, () => {});
  const wakes = new Wakes(clock, time, () => {});
  const start = time.now();
  const woken: string[] = [];
  const target = (name: string) => ({
    wakeAt: undefined,
    wake: () => void woken.push(`${name}@${time.now() - start}`),
  });
  const [a, b, c] = [target('a'), target('b'), target('c')];
  wakes.start();
  wakes.set(a, start + 500);
  wakes.set(b, start + 100);
  wakes.set(c, start + 40_000);
  wakes.set(b, start + 900);
  equal(clock.pending, 1);
  await clock.advance(450);
  equal(woken.join(), 'b@100', 'woken at the earlier instant it was asked for');
  wakes.set(b, start + 900);
  await clock.advance(60_000);
  equal(woken.join(), 'b@100,a@500,b@900,c@40000');
  wakes.close();
  equal(clock.pending, 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadline } from '../../src/egress/deadline.ts';
import { FakeClock } from '../support/fake-clock.ts';

test('deadline: fires at the last instant set, neither at an earlier one nor twice', async () => {
  const clock = new FakeClock();
  const fired: number[] = [];
  const deadline = new Deadline(clock, () => fired.push(clock.monotonic()));
  deadline.set(100);
  await clock.advance(90);
  deadline.set(100);
  await clock.advance(99);
  assert.deepEqual(fired, []);
  await clock.advance(1);
  assert.deepEqual(fired, [190]);
  await clock.advance(1000);
  assert.deepEqual(fired, [190]);
});

test('deadline: comes nearer, is cleared, and leaves no timer behind once stopped', async () => {
  const clock = new FakeClock();
  const fired: number[] = [];
  const deadline = new Deadline(clock, () => fired.push(clock.monotonic()));
  deadline.set(1000);
  deadline.set(10);
  await clock.advance(10);
  assert.deepEqual(fired, [10]);
  deadline.set(10);
  deadline.clear();
  await clock.advance(100);
  assert.deepEqual(fired, [10]);
  deadline.set(10);
  assert.equal(clock.pending, 1);
  deadline.stop();
  assert.equal(clock.pending, 0);
});

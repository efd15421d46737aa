import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnknownGuard } from '../../src/policy/unknown-guard.ts';

const LIMITS = { withinMs: 300_000, share: 0.2, sampleMin: 50, groupsMax: 3 };

/** `unknown` of `answered` at one time; what the last was told. */
function tell(guard: UnknownGuard, group: string, answered: number, unknown: number, now: number) {
  let watch = guard.tell(group, unknown > 0, now);
  for (let n = 1; n < answered; n++) watch = guard.tell(group, n < unknown, now);
  return watch;
}

test('unknown guard: over the share, of enough recipients, and only then', () => {
  assert.equal(tell(new UnknownGuard(LIMITS), 'g', 49, 49, 0).isOver, false, 'too few to say');
  assert.equal(tell(new UnknownGuard(LIMITS), 'g', 50, 50, 0).isOver, true);
  assert.equal(tell(new UnknownGuard(LIMITS), 'g', 100, 20, 0).isOver, false, 'a fifth is not over a fifth');
  assert.equal(tell(new UnknownGuard(LIMITS), 'g', 100, 21, 0).isOver, true);
});

test('unknown guard: it says once that it begins, and ends when the period holds no more of it', () => {
  const guard = new UnknownGuard(LIMITS);
  const begun = Array.from({ length: 60 }, () => guard.tell('g', true, 1000).hasBegun);
  assert.deepEqual([begun.indexOf(true), begun.lastIndexOf(true)], [49, 49]);
  assert.equal(tell(guard, 'g', 200, 0, 200_000).isOver, true, 'within the period');
  assert.equal(tell(guard, 'g', 60, 0, 312_000).isOver, false);
  assert.equal(tell(guard, 'g', 100, 100, 320_000).isOver, true);
  assert.equal(guard.tell('g', true, 10_000_000).isOver, false, 'after a long silence');
});

test('unknown guard: groups are watched apart, and of too many the one asked least recently is forgotten', () => {
  const guard = new UnknownGuard(LIMITS);
  tell(guard, 'a', 49, 49, 0);
  tell(guard, 'b', 1, 0, 0);
  tell(guard, 'a', 1, 0, 0);
  tell(guard, 'c', 1, 0, 0);
  tell(guard, 'd', 1, 0, 0);
  assert.equal(guard.tell('a', false, 0).isOver, true, 'b was forgotten');
  assert.equal(guard.tell('b', true, 0).answered, 1);
});

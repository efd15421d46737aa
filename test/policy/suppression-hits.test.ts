import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  COUNTERS_PER_PAGE_MAX,
  decodeHits,
  encodeHits,
  type HitCounter,
  hitOf,
  withHit,
  withoutHits,
} from '../../src/policy/suppression-hits.ts';

const DAY = 86_400_000;
const counted = { address: 'a@example.com', scope: 'global', reason: 'recipient-full' };
const after = { hits: 3, withinMs: 3 * DAY };

/** Hits one after the other; what was reached, and what is counted then. */
function hit(hits: readonly (readonly [message: string, day: number])[], threshold = after) {
  let counters: readonly HitCounter[] = [];
  const reached: number[] = [];
  for (const [message, day] of hits) {
    const count = withHit(counters, counted, hitOf(message, day * DAY), threshold, day * DAY);
    if (count === undefined) continue;
    counters = count.counters;
    if (count.isReached) reached.push(day);
  }
  return { counters, reached };
}

test('suppression hits: a message is one hit however often it is tried, and the last of enough ends the count', () => {
  assert.deepEqual(
    hit([
      ['m1', 1],
      ['m1', 2],
      ['m2', 2],
      ['m2', 3],
      ['m1', 3],
    ]).reached,
    [],
  );
  const { counters, reached } = hit([
    ['m1', 1],
    ['m2', 2],
    ['m3', 3],
  ]);
  assert.deepEqual({ counters, reached }, { counters: [], reached: [3] });
  assert.deepEqual(hit([['m1', 1]], { hits: 1, withinMs: DAY }).reached, [1]);
});

test('suppression hits: what lies before the window does not count, whatever the entry then lasts', () => {
  assert.deepEqual(
    hit([
      ['m1', 1],
      ['m2', 2],
      ['m3', 4],
    ]).reached,
    [],
    'the first is three days old',
  );
  assert.deepEqual(
    hit([
      ['m1', 1],
      ['m2', 2],
      ['m3', 4],
      ['m4', 4.5],
    ]).reached,
    [4.5],
  );
});

test('suppression hits: rules of one category count together, each in its own window', () => {
  const first = withHit([], counted, hitOf('m1', DAY), { hits: 9, withinMs: 30 * DAY }, DAY);
  const second = withHit(first?.counters ?? [], counted, hitOf('m2', 5 * DAY), { hits: 2, withinMs: 3 * DAY }, 5 * DAY);
  assert.equal(second?.isReached, false);
  assert.equal(second?.counters[0]?.hits.length, 2, 'for the longer window');
  const third = withHit(second?.counters ?? [], counted, hitOf('m3', 6 * DAY), { hits: 2, withinMs: 3 * DAY }, 6 * DAY);
  assert.equal(third?.isReached, true);
});

test('suppression hits: address, scope and category each count alone, and a success forgets its scopes', () => {
  let counters: readonly HitCounter[] = [];
  for (const one of [counted, { ...counted, scope: 'tenant/a' }, { ...counted, reason: 'undetermined' }]) {
    counters = withHit(counters, one, hitOf('m1', DAY), after, DAY)?.counters ?? [];
  }
  assert.equal(counters.length, 3);
  assert.deepEqual(
    withoutHits(counters, counted.address, ['global'])?.map(({ scope }) => scope),
    ['tenant/a'],
  );
  assert.equal(withoutHits(counters, 'b@example.com', ['global']), undefined);
  assert.equal(withoutHits(counters, counted.address, ['tenant/b']), undefined);
});

test('suppression hits: a page holds so many counters; what is over goes first, then what was hit longest ago', () => {
  let counters: readonly HitCounter[] = [];
  for (let n = 0; n <= COUNTERS_PER_PAGE_MAX; n++) {
    const at = DAY + n * 1000;
    counters =
      withHit(counters, { ...counted, address: `r${n}@example.com` }, hitOf('m1', at), after, at)?.counters ?? [];
  }
  assert.equal(counters.length, COUNTERS_PER_PAGE_MAX);
  assert.equal(counters[0]?.address, 'r1@example.com');
  const later = withHit(counters, counted, hitOf('m1', 9 * DAY), after, 9 * DAY);
  assert.deepEqual(
    later?.counters.map(({ address }) => address),
    [counted.address],
  );
});

test('suppression hits: what is written is what is read, and what is none of ours is damaged', () => {
  const { counters } = hit([
    ['m1', 1],
    ['m2', 2],
  ]);
  assert.deepEqual(decodeHits(JSON.parse(JSON.stringify(encodeHits(counters)))), counters);
  assert.equal(encodeHits([]), undefined);
  assert.deepEqual(decodeHits(undefined), []);
  for (const damaged of [
    'x',
    [2],
    [1, 'x'],
    [1, ['a@b', 'global']],
    [1, ['a@b', 'global', 'x', 'long', []]],
    null,
    7,
  ]) {
    assert.equal(decodeHits(damaged), undefined, JSON.stringify(damaged));
  }
});

test('suppression hits: reached exactly when so many different messages lie within the window', () => {
  const history = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 30 })), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 10 }), (steps, hits, days) => {
      let now = 0;
      let counters: readonly HitCounter[] = [];
      /** First hit of each message since the last time it was enough. */
      let model = new Map<string, number>();
      for (const [message, hours] of steps) {
        now += hours * 3_600_000;
        const id = `m${message}`;
        const from = now - days * DAY;
        model = new Map([...model].filter(([, at]) => at > from));
        const isNew = !model.has(id);
        if (isNew) model.set(id, now);
        const isReached = isNew && model.size >= hits;
        if (isReached) model.clear();
        const count = withHit(counters, counted, hitOf(id, now), { hits, withinMs: days * DAY }, now);
        assert.equal(count?.isReached ?? false, isReached);
        counters = count?.counters ?? counters;
      }
    }),
    { numRuns: 500 },
  );
});

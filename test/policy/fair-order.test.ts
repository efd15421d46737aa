import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FairOrder, type Shares } from '../../src/policy/fair-order.ts';

function shares(also: Partial<Shares> = {}): Shares {
  const base = { priority: 5, stream: 's', streamWeight: 1, tenant: 't', tenantWeight: 1, campaign: '' };
  return { ...base, ...also };
}

/** Serves `turns`, each of the cost that `cost` says, and counts what each item got. */
function serve(order: FairOrder<string>, turns: number, cost: (item: string) => number): Map<string, number> {
  const got = new Map<string, number>();
  for (let n = 0; n < turns; n++) {
    const item = order.next();
    if (item === undefined) break;
    order.charge(item, cost(item));
    got.set(item, (got.get(item) ?? 0) + cost(item));
  }
  return got;
}

test('fair order: a higher priority is always first', () => {
  const order = new FairOrder<string>();
  order.add('bulk', 'q', shares({ priority: 1 }), 'relay');
  order.add('urgent', 'q', shares({ priority: 9 }), 'relay');
  deepEqual([...serve(order, 5, () => 1).keys()], ['urgent']);
  order.remove('urgent');
  equal(order.next(), 'bulk');
  order.remove('bulk');
  equal(order.next(), undefined);
  equal(order.size, 0);
});

test('fair order: tenants share by weight, whatever their queues and the size of their transactions', () => {
  const order = new FairOrder<string>();
  for (let n = 0; n < 20; n++) order.add(`many${n}`, `q${n}`, shares({ tenant: 'many' }), 'relay');
  order.add('one', 'q', shares({ tenant: 'one' }), 'relay');
  order.add('heavy', 'q', shares({ tenant: 'heavy', tenantWeight: 2 }), 'relay');
  const got = serve(order, 4000, (item) => (item === 'heavy' ? 30 : item === 'one' ? 3 : 1));
  const many = [...got].filter(([item]) => item.startsWith('many')).reduce((sum, [, cost]) => sum + cost, 0);
  const one = got.get('one') ?? 0;
  const heavy = got.get('heavy') ?? 0;
  ok(Math.abs(many - one) < 100, `${many} and ${one}`);
  ok(Math.abs(heavy - 2 * one) < 200, `${heavy} and ${one}`);
});

test('fair order: with one cost for all, shares never drift apart by more than a few turns', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 100 }), (each, cost) => {
      const order = new FairOrder<string>();
      each.forEach((weight, n) => order.add(`${n}`, 'q', shares({ tenant: `t${n}`, tenantWeight: weight }), 'relay'));
      const total = each.reduce((sum, weight) => sum + weight, 0);
      const got = serve(order, total * 50, () => cost);
      each.forEach((weight, n) => {
        const want = weight * 50 * cost;
        const slack = 2 * cost + 8 * total;
        ok(Math.abs((got.get(`${n}`) ?? 0) - want) <= slack * 2, `${n}: ${got.get(`${n}`)}, not ${want}`);
      });
    }),
  );
});

test('fair order: what comes and goes leaves nothing behind', () => {
  const actions = fc.array(fc.tuple(fc.nat(9), fc.boolean()), { maxLength: 200, size: 'max' });
  fc.assert(
    fc.property(actions, (steps) => {
      const order = new FairOrder<string>();
      const there = new Set<string>();
      for (const [n, adds] of steps) {
        const item = `i${n}`;
        if (adds)
          order.add(item, item, shares({ tenant: `t${n % 3}`, campaign: `c${n % 2}`, priority: n % 2 }), 'relay');
        else order.remove(item);
        if (adds) there.add(item);
        else there.delete(item);
        const next = order.next();
        equal(next === undefined, there.size === 0);
        if (next !== undefined) {
          ok(there.has(next));
          order.charge(next, 1 + n);
        }
      }
      equal(order.size, there.size);
    }),
  );
});

test('fair order: what rests is passed over, keeps its debts, and is owed the rounds it missed', () => {
  const order = new FairOrder<string>();
  order.add('one', 'q', shares({ tenant: 'one' }), 'a');
  order.add('three', 'q', shares({ tenant: 'three', tenantWeight: 3 }), 'b');
  serve(order, 400, () => 1);
  order.rest('b');
  deepEqual([...serve(order, 20, () => 1)], [['one', 20]]);
  order.wake('b');
  const owed = serve(order, 40, () => 1).get('three') ?? 0;
  ok(owed >= 38, `${owed} of 40`);
  order.rest('b');
  serve(order, 100_000, () => 1);
  order.wake();
  const most = serve(order, 4000, () => 1).get('one') ?? 0;
  ok(most > 800, `not owed without end: ${most} of 4000 for the other`);
});

test('fair order: whatever rests, wakes, comes and goes, the next one may go and nothing is left behind', () => {
  const steps = fc.array(fc.tuple(fc.nat(9), fc.constantFrom('add', 'remove', 'rest', 'wake', 'serve')), {
    maxLength: 300,
    size: 'max',
  });
  fc.assert(
    fc.property(steps, (all) => {
      const order = new FairOrder<string>();
      const there = new Set<string>();
      const resting = new Set<string>();
      const relayOf = (item: string): string => `r${Number(item.slice(1)) % 4}`;
      for (const [n, what] of all) {
        const item = `i${n}`;
        const relay = relayOf(item);
        if (what === 'add') order.add(item, item, shares({ tenant: `t${n % 3}`, priority: n % 2 }), relay);
        if (what === 'add') there.add(item);
        if (what === 'remove') order.remove(item);
        if (what === 'remove') there.delete(item);
        if (what === 'rest' && order.hasRelay(relay)) {
          order.rest(relay);
          resting.add(relay);
        }
        if (what === 'wake') order.wake(n === 0 ? undefined : relay);
        if (what === 'wake') for (const each of n === 0 ? [...resting] : [relay]) resting.delete(each);
        for (const each of resting) if (![...there].some((one) => relayOf(one) === each)) resting.delete(each);
        const going = [...there].filter((one) => !resting.has(relayOf(one)));
        const next = order.next();
        equal(next === undefined, going.length === 0);
        if (next === undefined) continue;
        ok(going.includes(next));
        if (what === 'serve') order.charge(next, n);
      }
    }),
  );
});

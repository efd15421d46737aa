import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import { actionText } from '../../src/rules/action.ts';
import { classify, questionOf } from '../../src/rules/classify.ts';
import { CLASSES, NEVER_SUPPRESS } from '../../src/rules/rule-set.ts';
import { suppressOrders } from '../../src/rules/suppress-orders.ts';
import { shippedData, shippedSet } from '../support/rules.ts';

const DAY = 86_400_000;

function event(code: number | undefined, kind: string, actions: readonly string[]): OutcomeEvent {
  const reply = code === undefined ? {} : { reply: { code, lines: ['x'] } };
  return {
    type: 'outcome',
    outcome: 'failed',
    category: 'x',
    class: kind,
    actions,
    ...reply,
  } as unknown as OutcomeEvent;
}

test('suppress orders: each suppress line of an outcome, with scope, duration and threshold', () => {
  const said = ['fail', 'suppress tenant after 2 in 30d', 'suppress global for 7d', 'alert', 'suppress nobody'];
  assert.deepEqual(suppressOrders(event(550, 'soft', said)), [
    { scope: 'tenant', isSoft: true, after: { hits: 2, withinMs: 30 * DAY } },
    { scope: 'global', isSoft: true, forMs: 7 * DAY },
  ]);
  assert.deepEqual(suppressOrders(event(550, 'hard', ['suppress global'])), [{ scope: 'global', isSoft: false }]);
});

test('suppress orders: not at once for a 4xx, not without a reply, and never of a class that is not about mailboxes', () => {
  assert.deepEqual(suppressOrders(event(450, 'hard', ['suppress global'])), []);
  assert.equal(suppressOrders(event(450, 'hard', ['suppress global after 3 in 3d']))[0]?.isSoft, true);
  assert.deepEqual(suppressOrders(event(undefined, 'hard', ['suppress global'])), []);
  const report = { ...event(550, 'hard', ['suppress global']), reversePath: '' as never };
  assert.deepEqual(suppressOrders(report), [], 'what is answered to a report may be about reports');
  for (const kind of NEVER_SUPPRESS) assert.deepEqual(suppressOrders(event(550, kind, ['suppress global'])), [], kind);
});

const words = shippedData.rules.flatMap((rule) => rule.text.flatMap((text) => text.split(' | ')));

test('suppress orders: no reply of class block, throttle, content, config or transient, and no 4xx at once', () => {
  const reply = fc.record({
    code: fc.integer({ min: 400, max: 599 }),
    enhanced: fc.constantFrom('', '4.7.1', '5.7.1', '5.1.1', '4.2.2', '5.7.26', '5.5.1', '5.2.1'),
    text: fc.array(fc.constantFrom(...words), { maxLength: 3 }),
    provider: fc.constantFrom(undefined, ...new Set(shippedData.rules.flatMap((rule) => rule.provider ?? []))),
    // Even if an event said a class with actions of another.
    also: fc.constantFrom('', ...CLASSES),
  });
  let suppressing = 0;
  fc.assert(
    fc.property(reply, ({ code, enhanced, text, provider, also }) => {
      const found = classify(shippedSet, questionOf(`${code} ${enhanced} ${text.join(' ')}`, provider));
      const kind = also === '' ? found.class : also;
      const orders = suppressOrders(event(code, kind, found.actions.map(actionText)));
      if (NEVER_SUPPRESS.has(kind as never)) assert.deepEqual(orders, []);
      if (code < 500) assert.ok(orders.every(({ after }) => after !== undefined));
      suppressing += orders.length;
    }),
    { numRuns: 2000 },
  );
  assert.ok(suppressing > 100, 'or the property says nothing');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MessageId } from '../../src/flow/message.ts';
import type { Due } from '../../src/flow/spool.ts';
import { compareDues, DueOrder } from '../../src/spool/due-order.ts';

const due = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 2 }))
  .map(([dueAt, id, index]): Due => ({ dueAt, messageId: id as MessageId, index }));

test('due order: is the sorted set of what was inserted and not removed', () => {
  const operations = fc.array(fc.tuple(fc.boolean(), due), { maxLength: 60 });
  fc.assert(
    fc.property(operations, due, (steps, after) => {
      const order = new DueOrder();
      let model: Due[] = [];
      for (const [isInsert, one] of steps) {
        const without = model.filter((other) => compareDues(other, one) !== 0);
        if (isInsert) order.insert(one);
        else assert.equal(order.remove(one), without.length < model.length);
        model = isInsert ? [...without, one] : without;
      }
      model.sort(compareDues);
      assert.deepEqual(order.slice(100), model);
      assert.deepEqual(order.first, model[0]);
      assert.equal(order.size, model.length);
      assert.deepEqual(order.slice(2, after), model.filter((one) => compareDues(one, after) > 0).slice(0, 2));
    }),
  );
});

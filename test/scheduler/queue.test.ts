import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Domain, MessageId } from '../../src/flow/message.ts';
import type { Due, Spool } from '../../src/flow/spool.ts';
import { compareDue, Queue } from '../../src/scheduler/queue.ts';
import { DueOrder } from '../../src/spool/due-order.ts';

const NAME = { pool: '', domain: 'a.example' as Domain, stream: 's', tenant: 't', campaign: '' };

function due(dueAt: number, n: number): Due {
  return { dueAt, messageId: String(n).padStart(26, '0') as MessageId, index: 0 };
}

type Step =
  | { readonly do: 'offer'; readonly dueAt: number }
  | { readonly do: 'take'; readonly now: number }
  | { readonly do: 'settle' | 'giveBack'; readonly dueAt: number }
  | { readonly do: 'sleep' };

const at = fc.nat(12);
/** Sleep is rare: it forgets the head, which is where the mistakes would be. */
const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('offer' as const), dueAt: at }) },
  { weight: 7, arbitrary: fc.record({ do: fc.constant('take' as const), now: at }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('settle' as const, 'giveBack' as const), dueAt: at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep' as const) }) },
);

test('queue: whatever happens to its head, it gives out in order all that is due and not in flight', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 120, size: 'max' }), (steps) => {
      const order = new DueOrder();
      const spool = { due: (_: unknown, limit: number, after?: Due) => order.slice(limit, after) } as unknown as Spool;
      const budget = { held: 0, perQueue: 3, inAll: 5 };
      const queue = new Queue(NAME, 'k', budget, () => {}, undefined);
      const inFlight = new Map<MessageId, Due>();
      const isInFlight = (item: Due): boolean => inFlight.has(item.messageId);
      const waits = (now: number): Due | undefined =>
        order.slice(1000).find((item) => item.dueAt <= now && !isInFlight(item));
      let made = 0;
      for (const step of steps) {
        if (step.do === 'offer') {
          const item = due(step.dueAt, made++);
          order.insert(item);
          queue.offer(item);
        } else if (step.do === 'take') {
          let taken = queue.take(step.now, spool, isInFlight);
          // A stale item: what it names waits no more, or elsewhere. The spool tells, and it is asked again.
          while (taken !== undefined && !order.slice(1000).some((item) => compareDue(item, taken as Due) === 0)) {
            taken = queue.take(step.now, spool, isInFlight);
          }
          deepEqual(taken, waits(step.now));
          if (taken !== undefined) inFlight.set(taken.messageId, taken);
        } else if (step.do === 'sleep') queue.sleep();
        else {
          const [first] = inFlight.values();
          if (first === undefined) continue;
          inFlight.delete(first.messageId);
          if (step.do === 'giveBack') queue.offer(first);
          else {
            order.remove(first);
            const moved = { ...first, dueAt: step.dueAt };
            order.insert(moved);
            queue.offer(moved);
          }
        }
        const first = waits(Infinity);
        if (first !== undefined) ok(queue.firstDueAt <= first.dueAt, 'it never wakes too late');
        ok(budget.held >= 0 && budget.held <= 2 * 3 + 3 + 8, `${budget.held} held`);
      }
      queue.forget();
      equal(budget.held, 0);
    }),
    { numRuns: 500 },
  );
});

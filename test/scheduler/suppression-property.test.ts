// Whatever remotes say, in whatever order: who is on the suppression list afterwards has been answered about himself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DeliveryResult, Report } from '../../src/flow/attempt.ts';
import type { Message } from '../../src/flow/message.ts';
import type { Phase } from '../../src/flow/reply.ts';
import type { QueuedMessage } from '../../src/flow/spool.ts';
import { createSettle } from '../../src/outcome/settle.ts';
import { NEVER_SUPPRESS } from '../../src/rules/rule-set.ts';
import { suppressOrders } from '../../src/rules/suppress-orders.ts';
import { createMemorySpool } from '../../src/spool/memory-spool.ts';
import { mail, T0 } from '../spool/mail.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { judge, shippedData } from '../support/rules.ts';
import { all, DAY, listOn } from './suppressions-contract.ts';

const words = shippedData.rules.flatMap((rule) => rule.text.flatMap((text) => text.split(' | ')));
const providers = [...new Set(shippedData.rules.flatMap((rule) => rule.provider ?? []))];

/** As it lies in the queue, everything of it waiting. */
function queued(message: Message): QueuedMessage {
  const location = { segment: 's', offset: 0, length: 1 };
  const waiting = message.forwardPaths.map((_, index) => ({ messageId: message.id, index, dueAt: T0, attempts: 0 }));
  return { message, location, expiresAt: T0 + 100 * DAY, waiting };
}

const answer = fc.record({
  to: fc.integer({ min: 0, max: 3 }),
  message: fc.integer({ min: 0, max: 5 }),
  hours: fc.integer({ min: 0, max: 40 }),
  code: fc.oneof(fc.integer({ min: 400, max: 599 }), fc.constantFrom(421, 450, 451, 452, 550, 552, 554)),
  enhanced: fc.constantFrom(undefined, '4.7.1', '5.7.1', '5.1.1', '4.2.2', '5.2.2', '5.7.26', '4.1.1', '5.2.1'),
  lines: fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { minLength: 1, maxLength: 3 }),
  provider: fc.constantFrom(undefined, ...providers),
  decidedAt: fc.constantFrom<Phase>('greeting', 'ehlo', 'mail', 'rcpt', 'data', 'dot'),
});

test('suppressions: no sequence of replies about us, our mail or the host suppresses anybody, and no 4xx does at once', () => {
  const settle = createSettle(judge);
  let entered = 0;
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 25 }), (answers) => {
      const clock = new FakeClock(T0);
      const spool = createMemorySpool({ clock });
      const list = listOn(spool, clock, suppressOrders);
      const messages = new Map<number, ReturnType<typeof mail>>();
      /** Replies that may count, by address: class, permanent, message. */
      const about = new Map<string, { readonly isPermanent: boolean; readonly message: number }[]>();
      let now = T0;
      for (const { to, message, hours, code, enhanced, lines, provider, decidedAt } of answers) {
        now += hours * 3_600_000;
        const one = messages.get(message) ?? mail(['a@x.example', 'b@x.example', 'c@x.example', 'd@x.example']);
        messages.set(message, one);
        const reply = { code, ...(enhanced === undefined ? {} : { enhanced }), lines };
        const result: DeliveryResult = { index: to, decidedAt, reply };
        const report = {
          attempt: 'a',
          session: 's',
          messageId: one.id,
          results: [result],
          mayHaveBeenDelivered: false,
          instants: { granted: now, done: now },
          source: 'out1',
        } as unknown as Report;
        const { outcomes } = settle(report, queued(one), {
          at: now,
          lane: undefined,
          attempted: 1,
          mayDuplicate: true,
          isOver: false,
          isCancelled: false,
          mayGoAgain: () => false,
          provider,
          nextAttemptAt: () => now + 1000,
        });
        for (const event of outcomes) {
          // Before RCPT no remote knows whose mail it is.
          const isAboutHim = decidedAt === 'rcpt' || decidedAt === 'data' || decidedAt === 'dot';
          if (!isAboutHim || NEVER_SUPPRESS.has(event.class as never)) continue;
          const counted = about.get(event.forwardPath) ?? [];
          about.set(event.forwardPath, [...counted, { isPermanent: code >= 500, message }]);
        }
        spool.record(list.follow(outcomes));
      }
      for (const { address } of all(list)) {
        entered++;
        const counted = about.get(address) ?? [];
        assert.ok(counted.length > 0, `${address} was answered about itself`);
        const isAtOnce = counted.some(({ isPermanent }) => isPermanent);
        assert.ok(isAtOnce || new Set(counted.map(({ message }) => message)).size > 1, 'a 4xx alone is one hit');
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(entered > 20, `or the property says nothing: ${entered}`);
});

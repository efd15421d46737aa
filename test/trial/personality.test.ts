import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionText, parseAction } from '../../src/rules/action.ts';
import { PERSONALITIES, PLAIN } from '../../src/trial/personality.ts';
import { judge, shippedBook } from '../support/rules.ts';

/** Of every limit of every provider: what its words mean, and what follows. */
const MEANING: Readonly<Record<string, readonly [category: string, actions: readonly string[]]>> = {
  'google connections': ['reputation', ['retry normal', 'slow connections', 'slow rate']],
  'google messagesPerConnection': ['rate-limit', ['slow rate', 'retry normal']],
  'google messagesPerMinute': [
    'reputation',
    ['retry normal', 'suspend source+provider 10m', 'slow connections', 'slow rate'],
  ],
  'yahoo connections': ['reputation', ['retry normal', 'suspend source+provider 2h']],
  'yahoo messagesPerConnection': ['conn-limit', ['retry normal', 'slow connections']],
  'yahoo messagesPerMinute': ['reputation', ['retry normal', 'suspend source+provider 2h']],
  'outlook connections': ['conn-limit', ['retry normal', 'slow connections']],
  'outlook messagesPerConnection': ['conn-limit', ['retry normal', 'slow connections']],
  'outlook messagesPerMinute': ['reputation', ['retry normal', 'slow rate']],
  'plain connections': ['conn-limit', ['slow connections', 'retry soon']],
  'plain messagesPerConnection': ['rate-limit', ['slow rate', 'retry normal']],
  'plain messagesPerMinute': ['rate-limit', ['slow rate', 'retry normal']],
};

test('personality: what a provider says beyond its limits is a throttle or a block, and never about the mailbox', () => {
  const found: Record<string, readonly [string, readonly string[]]> = {};
  for (const { name, mx, domains, replies } of [...PERSONALITIES, PLAIN]) {
    const provider = shippedBook.find(domains[0] ?? 'a.example', mx);
    assert.equal(provider, name === 'plain' ? undefined : name);
    for (const limit of ['connections', 'messagesPerConnection', 'messagesPerMinute'] as const) {
      const text = replies[limit].replace('{ip}', '192.0.2.1');
      const [, code = '', enhanced, line = ''] = /^(\d+) (?:(\d\.\d\.\d+) )?(.*)$/.exec(text) ?? [];
      const reply = { code: Number(code), ...(enhanced === undefined ? {} : { enhanced }), lines: [line] };
      const result = { index: 0, decidedAt: limit === 'connections' ? 'greeting' : 'mail', reply } as const;
      const report = {
        attempt: 'a',
        session: 's',
        messageId: 'm',
        results: [result],
        mayHaveBeenDelivered: false,
        instants: { granted: 0, done: 1 },
        source: 'one',
      };
      const verdict = judge(result, report as never, provider);
      assert.equal(verdict.kind, 'deferred');
      const actions = (verdict.actions ?? []).map(actionText);
      assert.ok(actions.every((action) => parseAction(action)?.do !== 'suppress'));
      found[`${name} ${limit}`] = [verdict.category, actions];
    }
  }
  assert.deepEqual(found, MEANING);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lintRules } from '../../src/rules/lint.ts';
import { buildRuleSet, type RuleData } from '../../src/rules/rule-set.ts';
import { shippedData, shippedSet } from '../support/rules.ts';

const found = (rules: readonly RuleData[], ownRules: readonly RuleData[] = []): readonly string[] =>
  lintRules(buildRuleSet({ ...shippedData, rules, ownRules }).set).map(
    ({ kind, rule, by }) => `${kind} ${rule.id}${by === undefined ? '' : ` ${by.id}`}`,
  );

const rule = (id: string, text: readonly string[], also: Partial<RuleData> = {}): RuleData => ({
  id,
  text,
  category: 'policy',
  sample: `550 ${text.map((any) => any.split(' | ')[0]).join(' ')}`,
  ...also,
});

test('lint: nothing is wrong with the shipped rules', () => {
  assert.deepEqual(
    lintRules(shippedSet).map(({ rule: { id }, text }) => `${id}: ${text}`),
    [],
  );
});

test('lint: a rule that another takes everything from is found, whoever owns the other', () => {
  assert.deepEqual(found([rule('a', ['slow']), rule('b', ['slow down | slowly', 'now'])]), ['shadowed b a']);
  assert.deepEqual(found([rule('a', ['slow down'])], [rule('own', ['slow'])]), ['shadowed a own']);
  assert.deepEqual(found([rule('a', ['slow']), rule('b', ['slow'], { category: 'rate-limit' })]), ['contradicts b a']);
});

test('lint: what only seems to be shadowed is not', () => {
  const wide = rule('a', ['slow']);
  for (const [what, rules] of [
    ['a provider comes before any', [wide, rule('b', ['slow down'], { provider: 'google' })]],
    [
      'one provider is not the other',
      [rule('a', ['slow'], { provider: 'yahoo' }), rule('b', ['slow'], { provider: 'google' })],
    ],
    ['codes', [rule('a', ['slow'], { codes: ['421'], sample: '421 slow' }), rule('b', ['slow down'])]],
    [
      'codes that overlap',
      [
        rule('a', ['slow'], { codes: ['5.7.1-9'], sample: '550 5.7.2 slow' }),
        rule('b', ['slow down'], { codes: ['5.7.x'], sample: '550 5.7.99 slow down' }),
      ],
    ],
    ['what it excludes', [rule('a', ['slow'], { unless: ['down'] }), rule('b', ['slow down'])]],
    ['one more fragment', [rule('a', ['slow', 'host']), rule('b', ['slow down'])]],
  ] as const) {
    assert.deepEqual(found(rules), [], what);
  }
  const inside = [
    rule('a', ['slow'], { codes: ['4xx', '4.7.x'], sample: '421 4.7.1 slow' }),
    rule('b', ['slow'], { codes: ['421', '4.7.28'], sample: '421 4.7.28 slow' }),
  ];
  assert.deepEqual(found(inside), ['shadowed b a']);
});

test('lint: samples that are not of their rules, and alternatives that add nothing', () => {
  assert.deepEqual(found([rule('a', ['slow'], { sample: '550 fast' })]), ['sample a']);
  assert.deepEqual(found([rule('a', ['fast']), rule('b', ['slow'], { sample: '550 fast and slow' })]), ['taken b a']);
  assert.deepEqual(found([rule('a', ['slow | too slow | fast'])]), ['idle a']);
  assert.deepEqual(found([rule('a', ['slow | slow'])]), ['idle a', 'idle a']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { actionText, parseAction } from '../../src/rules/action.ts';
import { classify, matchingRules, questionOf } from '../../src/rules/classify.ts';
import { buildRuleSet, NEVER_SUPPRESS } from '../../src/rules/rule-set.ts';
import { shippedData as data } from '../support/rules.ts';

const { set, problems } = buildRuleSet(data);

test('classify: the shipped rules have no problem, and each takes its own sample', () => {
  assert.deepEqual(problems, []);
  for (const rule of set.all) {
    const [first] = matchingRules(set, questionOf(rule.sample, rule.provider));
    assert.equal(first?.id, rule.id, `${rule.id} never decides its sample: ${rule.sample}`);
  }
});

test('classify: every action of the closed list is read and written alike', () => {
  const texts = data.rules.flatMap((rule) => rule.actions ?? []);
  const more = [
    'retry elsewhere',
    'disable tls',
    'suppress stream for 30d after 3 in 2h',
    'suspend campaign 15m',
    'disable chunking 30d',
  ];
  for (const text of [...texts, ...more]) {
    const action = parseAction(text);
    assert.ok(action, text);
    assert.equal(actionText(action), text);
  }
  for (const text of [
    'suspend lane',
    'suspend ip 1h',
    'suppress',
    'suppress all',
    'retry never',
    'drop',
    'fail now',
    'disable smtputf8',
    'disable ipv6 long',
    'disable ipv6 7d 1h',
    '',
  ]) {
    assert.equal(parseAction(text), undefined, text);
  }
});

test('classify: a rule of a class that says nothing of the mailbox cannot suppress', () => {
  const rule = { id: 'x', text: ['x'], category: 'ip-block', actions: ['suppress global'], sample: 'x' };
  const built = buildRuleSet({ ...data, rules: [rule] });
  assert.match(built.problems[0]?.problem ?? '', /must never suppress/);
});

test('classify: what is wrong with rules is said with its place', () => {
  const rules = [
    { id: 'a', text: [''], category: 'nope', scope: 'world', actions: ['explode'], codes: ['9.9'], sample: '' },
    { id: 'a', text: [], category: 'policy', sample: '' },
  ];
  const said = buildRuleSet({ ...data, rules }).problems.map(({ path, problem }) => `${path}: ${problem}`);
  assert.equal(said.length, 7, said.join('\n'));
});

test('classify: of two rules with the same words the first alone acts', () => {
  const rule = (id: string, actions: readonly string[]) => ({
    ...{ id, text: ['server busy'], category: 'rate-limit', actions, sample: '451 server busy' },
  });
  const rules = [rule('a', ['slow rate']), rule('b', ['suspend source+provider 1h'])];
  const { set: both } = buildRuleSet({ ...data, rules });
  const found = classify(both, questionOf('451 Server busy'));
  assert.deepEqual([found.rule, found.actions.map(actionText)], ['a', ['retry normal', 'slow rate']]);
});

test('classify: codes lie both ways', () => {
  const banned = classify(set, questionOf('550 5.7.606 Access denied, banned sending IP [192.0.2.1]', 'office365'));
  assert.equal(banned.kind, 'deferred');
  assert.equal(banned.class, 'block');
  const unknown = classify(set, questionOf('450 4.1.1 <a@b>: Recipient address rejected: User unknown'));
  assert.equal(unknown.kind, 'deferred');
  assert.equal(unknown.category, 'recipient-unknown');
  assert.ok(unknown.actions.every((action) => action.do !== 'suppress' || action.after !== undefined));
});

test('classify: the lines of a reply are one text, whatever repeats in front of them', () => {
  const one = questionOf('550-5.7.1 very low reputation of the sending IP address.').text;
  for (const text of [
    '550-5.7.1 very low reputation\r\n550-5.7.1 of the sending\n550 5.7.1 IP address.',
    '550-5.7.1 very low reputation 550-5.7.1 of the sending 550-5.7.1 IP address.',
    '550-5.7.1 very low reputation\r\n550-of the sending IP\r\n550 address.\r\n550\r\n',
  ]) {
    assert.equal(questionOf(text).text.replace(/ +/g, ' '), one, text);
  }
  for (const text of ['550 room 550-b is empty', '550 mailbox 550 unknown', '250 2.0.0 OK 1234']) {
    assert.equal(questionOf(text).code, Number(text.slice(0, 3)));
  }
  assert.equal(questionOf('550 mailbox 550 unknown').text, '550 mailbox 550 unknown');
});

test('classify: a code that no rule knows keeps its meaning', () => {
  assert.equal(classify(set, questionOf('599 zzz')).kind, 'failed');
  assert.equal(classify(set, questionOf('499 zzz')).kind, 'deferred');
  assert.equal(classify(set, { text: '', error: 'timeout' }).category, 'connect-failure');
  assert.equal(classify(set, { text: '' }).kind, 'deferred');
});

const words = data.rules.flatMap((rule) => rule.text.flatMap((text) => text.split(' | ')));
const reply = fc.record({
  code: fc.integer({ min: 400, max: 599 }),
  enhanced: fc.constantFrom('', '4.7.1', '5.7.1', '5.1.1', '4.2.2', '5.7.26', '5.5.1'),
  text: fc.array(fc.constantFrom(...words), { maxLength: 3 }),
  provider: fc.constantFrom(undefined, ...new Set(data.rules.flatMap((rule) => rule.provider ?? []))),
});

test('classify: block, throttle, content and config never suppress; a 4xx never does at once', () => {
  fc.assert(
    fc.property(reply, ({ code, enhanced, text, provider }) => {
      const given = classify(set, questionOf(`${code} ${enhanced} ${text.join(' ')}`, provider));
      for (const action of given.actions) {
        if (action.do !== 'suppress') continue;
        assert.ok(!NEVER_SUPPRESS.has(given.class), given.class);
        assert.ok(code >= 500 || action.after !== undefined);
      }
      if (code < 500) assert.equal(given.kind, 'deferred');
      assert.equal(
        given.actions.some((action) => action.do === 'fail'),
        given.kind === 'failed',
      );
    }),
    { numRuns: 3000 },
  );
});

test('classify: whatever a remote says is read in bounded work and never throws', () => {
  const hostile = [
    'x'.repeat(10_000_000),
    '550-a\n'.repeat(10_000),
    '\u0000'.repeat(5000),
    '\ud800\udfff\ufffd',
    '5'.repeat(9999),
  ];
  for (const text of hostile) assert.ok(classify(set, questionOf(text, 'google')).category);
  fc.assert(fc.property(fc.string(), (text) => void classify(set, questionOf(text))));
});

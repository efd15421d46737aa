import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { reloadConfig } from '../../src/config/reload.ts';
import { classify, questionOf } from '../../src/rules/classify.ts';
import { buildRuleSet } from '../../src/rules/rule-set.ts';
import { configFolder, load, problemsOf } from './folder.ts';

const OWN = `rules:
  - id: own-blue
    text: blue moon
    category: greylist
    sample: 451 blue moon
`;

test('rule files: without files of the operator the shipped ones hold', (context) => {
  const config = load(configFolder(context));
  ok(config.responses.rules.length > 300);
  deepEqual(config.providers['google']?.mx, ['.google.com', '.googlemail.com']);
});

test('rule files: own rules come before all others, and a reload takes them over', (context) => {
  const after = load(
    configFolder(context, {
      'own-responses.yaml': OWN,
      'own-providers.yaml': 'providers: { google: { ceiling: { connections: 7 } }, mine: { mx: .mine.example } }\n',
    }),
  );
  const { config, changes } = reloadConfig(load(configFolder(context)), after);
  const { set } = buildRuleSet(config.responses);
  equal(classify(set, questionOf('451 Blue  Moon: user unknown', 'google')).rule, 'own-blue');
  equal(config.providers['google']?.ceiling.connections, 7);
  equal(config.providers['google']?.ceiling.deliveriesPerConnection, 50);
  deepEqual(config.providers['mine']?.mx, ['.mine.example']);
  ok(changes.includes('responses: changed'));
});

test('rule files: what is wrong is told with file, line and column', (context) => {
  const problems = (files: Readonly<Record<string, string>>) => problemsOf(configFolder(context, files));
  const bad = OWN.replace('greylist', 'gray').replace('text:', 'actions: [explode]\n    text:');
  deepEqual(problems({ 'own-responses.yaml': bad }), [
    'own-responses.yaml:3:14: rules[0].actions: no such action: explode',
    'own-responses.yaml:5:15: rules[0].category: no such category: gray',
  ]);
  match(problems({ 'own-providers.yaml': 'providers: { google: { mxx: a } }' })[0] ?? '', /:1:24: .*did you mean mx/);
  match(problems({ 'responses.yaml': 'rules: [' })[0] ?? '', /^responses.yaml:1:/);
});

test('rule files: an override of one figure of a provider is taken, and loses none of the others', (context) => {
  const own = [
    'providers:',
    '  yahoo: { caps: { rate: 100/m } }',
    '  orange: { ceiling: { connections: 1 }, group: { connections: 9 } }',
  ].join('\n');
  const { providers } = load(configFolder(context, { 'own-providers.yaml': own }));
  deepEqual(providers['yahoo']?.caps.rate, [{ count: 100, perMs: 60_000 }]);
  equal(providers['yahoo']?.ceiling.connections, 10);
  deepEqual(providers['orange']?.ceiling, { connections: 1, deliveriesPerConnection: 100 });
  deepEqual(providers['orange']?.group, { connections: 9 });
});

test('rule files: a provider that can match no mail host is an error', (context) => {
  const problems = (text: string) => problemsOf(configFolder(context, { 'own-providers.yaml': text }));
  match(
    problems('providers: { gogle: { ceiling: { connections: 5 } } }')[0] ?? '',
    /^own-providers.yaml:1:14: providers.gogle: no such provider; did you mean google.*; one of your own needs mx or domains$/,
  );
  match(problems('providers: { mine: { mx: .mail.mine.example. } }')[0] ?? '', /without a dot behind it/);
  deepEqual(problems('providers: { mine: { domains: mine.example } }'), []);
});

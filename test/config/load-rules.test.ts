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

test('rule files: a rule or an alias for a provider that nobody has is an error, by another name of one it decides', (context) => {
  const { responses: shipped, providers } = load(configFolder(context));
  const named = [
    ...buildRuleSet(shipped).set.all.flatMap(({ provider }) => provider ?? []),
    ...Object.values(shipped.aliases),
  ];
  deepEqual(
    named.filter((name) => providers[name] === undefined),
    [],
  );
  const rule = (provider: string) => OWN.replace('text:', `provider: ${provider}\n    text:`);
  const problems = (text: string) => problemsOf(configFolder(context, { 'own-responses.yaml': text }));
  deepEqual(problems(rule('gogle')), [
    'own-responses.yaml:3:15: rules[0].provider: no such provider: gogle; did you mean google?',
  ]);
  match(
    problems('aliases: { pigeon: gmail }')[0] ?? '',
    /^own-responses.yaml:1:20: aliases.pigeon: no such provider: gmail/,
  );
  for (const [provider, asked] of [
    ['gmail', 'google'],
    ['google', 'gmail'],
    ['mine', 'mine'],
    ['pigeon', 'mine'],
  ] as const) {
    const { responses } = load(
      configFolder(context, {
        'own-responses.yaml': `aliases: { pigeon: mine }\n${rule(provider)}`,
        'own-providers.yaml': 'providers: { mine: { mx: .mine.example } }',
      }),
    );
    const { set } = buildRuleSet(responses);
    equal(classify(set, questionOf('451 blue moon', asked)).rule, 'own-blue', `${provider} at ${asked}`);
  }
});

test('rule files: a second code of one kind is an error, and so is a provider that others before it leave nothing to', (context) => {
  const problems = (files: Readonly<Record<string, string>>) => problemsOf(configFolder(context, files));
  const codes = (text: string) => problems({ 'own-responses.yaml': OWN.replace('text:', `codes: ${text}\n    text:`) });
  match(
    codes('["421", "451"]')[0] ?? '',
    /^own-responses.yaml:3:12: rules\[0\].codes: a reply has one such code: 451 /,
  );
  match(codes('[4.7.1, 4.7.2]')[0] ?? '', /4.7.2 is a second$/);
  deepEqual(codes('["451", 4.7.1]'), []);
  const twins =
    'providers: { one: { mx: .a.example }, two: { mx: [.a.example] }, three: { mx: [a.example, .b.example] } }';
  deepEqual(problems({ 'own-providers.yaml': twins }), [
    'own-providers.yaml:1:39: providers.two: never recognised: one before it has all of its mx and domains',
  ]);
  deepEqual(problems({ 'own-providers.yaml': 'providers: { mail: { mx: .google.com } }' }), [], 'own before shipped');
  match(
    problems({ 'own-providers.yaml': 'providers: { mail: { domains: Mail.Example. } }' })[0] ?? '',
    /must be a domain such as example.com in lower case/,
  );
});

/** A provider of which everything is said. */
const FULL = `providers:
  full:
    name: Full
    mx: .full.example
    domains: full.example
    lanes: shared
    recipients_per_transaction: 9
    sure: vendor
    start: { connections: 9, deliveries_per_connection: 9, rate: 9/m }
    ceiling: { connections: 9, deliveries_per_connection: 9, rate: 9/m }
    caps: { new_connections: 9/m, rate: 9/m, burst: 9 }
    group: { connections: 9, new_connections: 9/m, rate: 9/m, burst: 9 }
`;

test('rule files: everything that is said of a shipped provider can be overridden alone, and loses none of the rest', (context) => {
  const full = (own: string) => {
    const overrides = `providers: { full: { ${own} } }`;
    const files = { 'providers.yaml': FULL, 'own-providers.yaml': overrides, 'warmup.yaml': 'plans: {}' };
    return figuresOf(load(configFolder(context, files)).providers['full'] ?? {});
  };
  const before = full('');
  const pace = (name: string) => [
    `${name}: { connections: 3 }`,
    `${name}: { deliveries_per_connection: 3 }`,
    `${name}: { rate: 3/h }`,
  ];
  const caps = (name: string) => [
    `${name}: { new_connections: 3/h }`,
    `${name}: { rate: 3/h }`,
    `${name}: { burst: 3 }`,
  ];
  const each = [
    ...['name: Other', 'mx: .other.example', 'domains: other.example', 'lanes: per-site', 'sure: said'],
    ...['recipients_per_transaction: 3', ...pace('start'), ...pace('ceiling'), ...caps('caps'), ...caps('group')],
    'group: { connections: 3 }',
  ];
  equal(before.size, each.length, 'nothing is left out');
  for (const own of each) {
    const after = full(own);
    deepEqual([...after.keys()].toSorted(), [...before.keys()].toSorted(), own);
    equal([...after].filter(([path, value]) => before.get(path) !== value).length, 1, own);
  }
});

/** `start.connections` → 9. */
function figuresOf(provider: object): Map<string, string> {
  const figures = Object.entries(provider).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([below, figure]) => [`${key}.${below}`, JSON.stringify(figure)] as const)
      : [[key, JSON.stringify(value)] as const],
  );
  return new Map(figures.filter(([, text]) => text !== undefined));
}

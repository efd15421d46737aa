import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { stage } from './stage.ts';

const OWN = `rules:
  - {id: own-bin, text: [into the bin], category: policy, actions: [fail, alert], sample: 550 into the bin}
`;

test('classify: category, what follows, the rule that says so, and those that came too late', async (t) => {
  const at = stage(t);
  const text =
    '421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from\r\n421 4.7.28 your DKIM domain.';
  const { code, out } = await at.run(['classify', text, '--provider', 'gmail']);
  assert.equal(code, EXIT.ok);
  assert.match(out, /^category +reputation: class block, about the sending domain$/m);
  assert.match(out, /^outcome +deferred/m);
  assert.match(out, /^rule +google-\S+ \(shipped, google\)$/m);
  assert.match(out, /^shadowed +google-\S+ \(shipped, google\): reputation$/m);
  assert.match(out, /^codes alone +enhanced 4\.7\.28: rate-limit\n +reply 421: remote-error$/m);
  const said = JSON.parse((await at.run(['classify', text, '--provider', 'google', '--json'])).out);
  assert.equal(said.category, 'reputation');
  assert.ok(said.shadowed.length > 0);
});

test('classify: what no text rule knows is said so, and own rules come first', async (t) => {
  const plain = stage(t);
  assert.match((await plain.run(['classify', '550 5.1.1 qqq'])).out, /^rule +enhanced 5\.1\.1: no text rule/m);
  const own = stage(t, { 'own-responses.yaml': OWN });
  assert.match((await own.run(['classify', '550 5.1.1 user unknown, into the bin'])).out, /^rule +own-bin \(own, any/m);
});

test('classify --jsonl: a line for a line, in order, with what the input says the id is', async (t) => {
  const at = stage(t);
  const input = [
    { id: 'a', text: '550 5.1.1 no such user' },
    { id: 2, text: '421 4.7.28 unusual rate of email', provider: 'google' },
    { id: 'c', text: '', provider: null },
  ];
  const { code, out } = await at.run(['classify', '--jsonl'], {
    input: `${input.map((x) => JSON.stringify(x)).join('\r\n')}\n\n`,
  });
  assert.equal(code, EXIT.ok);
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map((line) => [line.id, line.category]),
    [
      ['a', 'recipient-unknown'],
      [2, 'rate-limit'],
      ['c', 'undetermined'],
    ],
  );
  assert.deepEqual(Object.keys(lines[0]), ['id', 'category', 'class', 'scope', 'actions', 'rule']);
  const wrong = await at.run(['classify', '--jsonl'], {
    input: '{"id":1}\nnonsense\n{"id":3,"text":"550 no such user"}\n',
  });
  assert.equal(wrong.code, EXIT.no);
  assert.match(wrong.note, /^input:1: .*\ninput:2: /);
  assert.equal(JSON.parse(wrong.out).id, 3);
});

test('classify: works without a configuration and beside a broken one; wrong usage and wrong rules are told', async (t) => {
  const at = stage(t, { 'sending.yaml': 'streams: [' });
  assert.equal((await at.run(['classify', '550 no such user'])).code, EXIT.ok);
  assert.equal((await at.run(['--config', join(at.configDir, 'nowhere'), 'classify', '550 x'])).code, EXIT.ok);
  assert.equal((await at.run(['classify'])).code, EXIT.usage);
  assert.equal((await at.run(['classify', '550 x', '--jsonl'])).code, EXIT.usage);
  const unknown = await at.run(['classify', '550 x', '--provider', 'gogle']);
  assert.equal(unknown.code, EXIT.usage);
  assert.match(unknown.note, /there is no provider gogle; did you mean google\?/);
  const broken = stage(t, { 'own-responses.yaml': OWN.replace('policy', 'polcy') });
  const told = await broken.run(['classify', '550 x']);
  assert.equal(told.code, EXIT.configuration);
  assert.match(told.note, /own-responses\.yaml:2:\d+: rules\[0\].category: no such category: polcy/);
});

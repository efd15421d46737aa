import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { stage } from './stage.ts';

const OWN = `rules:
  - {id: own-bin, provider: google, text: [into the bin], category: policy, sample: 550 into the bin}
  - {id: own-late, provider: google, text: [into the bin now], category: ip-block, sample: 550 into the bin now}
`;

test('rules list: own ones first, by provider and category, for people and programs', async (t) => {
  const at = stage(t, { 'own-responses.yaml': OWN });
  const { code, out } = await at.run(['rules', 'list', '--provider', 'gmail']);
  assert.equal(code, EXIT.ok);
  assert.match(out.split('\n')[1] ?? '', /^own-bin +google +any +policy +fail +into the bin$/);
  assert.doesNotMatch(out, /^yahoo-/m);
  assert.match(out, /^any-no-user /m);
  const rows = JSON.parse((await at.run(['rules', 'list', '--category', 'greylist', '--json'])).out);
  assert.ok(rows.length > 3 && rows.every((row: { category: string }) => row.category === 'greylist'));
  assert.equal(JSON.parse((await at.run(['rules', 'list', '--own', '--json'])).out).length, 2);
  assert.equal((await at.run(['rules', 'list', '--provider', 'nobody'])).code, EXIT.usage);
  assert.equal((await at.run(['rules', 'list', '--category', 'nothing'])).code, EXIT.no);
});

test('rules lint: what can never decide is told with its place; the shipped rules are clean', async (t) => {
  const clean = await stage(t).run(['rules', 'lint']);
  assert.equal(clean.code, EXIT.ok, clean.out);
  assert.match(clean.out, /^\d+ rules: nothing is wrong\n$/);
  const at = stage(t, { 'own-responses.yaml': OWN });
  const { code, out } = await at.run(['rules', 'lint']);
  assert.equal(code, EXIT.no);
  assert.match(out, /own-responses\.yaml:3:\d+: shadowed: own-late: it can never decide: own-bin takes/);
  const [row] = JSON.parse((await at.run(['rules', 'lint', '--json'])).out);
  assert.deepEqual([row.kind, row.rule, row.by], ['shadowed', 'own-late', 'own-bin']);
});

test('rules test: samples, or replies of an operator with what they should be', async (t) => {
  const at = stage(t);
  assert.match((await at.run(['rules', 'test'])).out, /^(\d+) of \1 as they should be\n$/);
  const file = join(at.configDir, 'mine.jsonl');
  const lines = [
    { text: '550 no such user', category: 'recipient-unknown' },
    { text: '552 mailbox full', category: ['policy', 'recipient-full'], rule: 'any-full' },
    { text: '421 slow down', category: 'recipient-full', provider: 'google' },
  ];
  writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  const { code, out } = await at.run(['rules', 'test', file]);
  assert.equal(code, EXIT.no);
  assert.match(out, /^line 3: wanted recipient-full, got rate-limit by any-rate: 421 slow down\n2 of 3 as/);
  assert.equal((await at.run(['rules', 'test', '-'], { input: '{"text":"x"}' })).code, EXIT.usage);
  assert.equal((await at.run(['rules', 'test', join(at.configDir, 'none')])).code, EXIT.usage);
});

test('rules unknown: what the relay met and no rule in the files knows, the most frequent first', async (t) => {
  const reply = (sample: string, count: number) => ({
    pattern: sample,
    sample,
    domain: 'a.example',
    category: 'undetermined',
    rule: 'reply 550',
    count,
    firstAt: 0,
    lastAt: Date.UTC(2026, 0, 2),
  });
  const at = stage(t, { 'own-responses.yaml': OWN.replaceAll('provider: google, ', '') });
  await at.relay({
    'GET /v1/replies/unknown': { body: [reply('550 qqq', 1200), reply('550 into the bin', 7)] },
  });
  const { code, out } = await at.run(['rules', 'unknown']);
  assert.equal(code, EXIT.ok);
  assert.match(out, /^ +1,200 +a\.example +2026-01-02 +undetermined \(reply 550\) +550 qqq$/m);
  assert.doesNotMatch(out, /into the bin/, 'a rule knows it by now');
  const [row] = JSON.parse((await at.run(['rules', 'unknown', '--json'])).out);
  assert.deepEqual([row.count, row.first], [1200, '1970-01-01T00:00:00.000Z']);
});

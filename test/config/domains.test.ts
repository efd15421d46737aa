import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { changeDomains, loadDomains, writeKey } from '../../src/config/domains.ts';
import { reloadConfig } from '../../src/config/reload.ts';
import { signingKeysOf } from '../../src/config/signing-keys.ts';
import { configFolder, type Folder, load, problemsOf } from './folder.ts';

const pemOf = (key: ReturnType<typeof generateKeyPairSync>['privateKey']): string =>
  (key as unknown as { export(o: object): string }).export({ type: 'pkcs8', format: 'pem' });
const RSA = pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey as never);
const ED = pemOf(generateKeyPairSync('ed25519').privateKey as never);
const SMALL = pemOf(generateKeyPairSync('rsa', { modulusLength: 768 }).privateKey as never);
const EC = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey as never);

function folderWith(t: TestContext, sending: string, keys: Readonly<Record<string, string>>): Folder {
  const folder = configFolder(t, { 'sending.yaml': sending });
  mkdirSync(join(folder.root, 'spool/keys'), { recursive: true });
  for (const [name, text] of Object.entries(keys)) {
    writeFileSync(join(folder.root, 'spool/keys', name), text, { mode: 0o600 });
  }
  return folder;
}

const TWO = 'domains: { a.example: { selectors: { r: { key: r.pem }, e: { key: e.pem } } } }';

test('domains: keys are found below spool/keys, and what they are is read from them', (t) => {
  const folder = folderWith(t, TWO, { 'r.pem': RSA, 'e.pem': ED });
  const config = load(folder);
  assert.equal(config.domains['a.example']?.selectors['r']?.key, join(folder.root, 'spool/keys/r.pem'));
  assert.deepEqual(
    signingKeysOf(config).map(({ domain, selector, algorithm, state }) => [domain, selector, algorithm, state]),
    [
      ['a.example', 'r', 'rsa-sha256', 'active'],
      ['a.example', 'e', 'ed25519-sha256', 'active'],
    ],
  );
  assert.equal(config.domains['constructor'], undefined);
  assert.equal(config.dkim.canonicalization, 'relaxed/relaxed');
});

test('domains: a key may come from elsewhere as text, but never stand in the file', (t) => {
  const folder = folderWith(t, 'domains: { a.example: { selectors: { e: { key: "${env:KEY}" } } } }', {});
  const before = load(folder, { KEY: ED });
  assert.equal(signingKeysOf(before)[0]?.algorithm, 'ed25519-sha256');
  const other = pemOf(generateKeyPairSync('ed25519').privateKey as never);
  const { changes } = reloadConfig(before, { ...load(folder, { KEY: other }), number: 2 });
  assert.deepEqual(changes, ['domains.a.example.selectors.e.key: changed']);
  const inline = folderWith(t, `domains: { a.example: { selectors: { e: { key: ${JSON.stringify(ED)} } } } }`, {});
  assert.match(problemsOf(inline).join('\n'), /selectors\.e\.key: a secret must not stand in this file/);
});

test('domains: what is wrong with a key is told at its place, and nothing of the key is', (t) => {
  const keys = { 'r.pem': RSA, 'e.pem': ED, 'small.pem': SMALL, 'ec.pem': EC, 'no.pem': 'nothing' };
  const text = [
    'domains:',
    '  a.example:',
    '    selectors:',
    '      one: { key: r.pem }',
    '      two: { key: r.pem }',
    '      gone: { key: gone.pem }',
    '      small: { key: small.pem }',
    '      ec: { key: ec.pem }',
    '      not: { key: no.pem }',
    '      other: { key: e.pem, algorithm: rsa-sha256 }',
    'dkim: { operator: b.example }',
  ].join('\n');
  const folder = folderWith(t, text, keys);
  const path = (name: string): string => join(folder.root, 'spool/keys', name);
  assert.deepEqual(problemsOf(folder), [
    'sending.yaml:5:19: domains.a.example.selectors.two.key: one and two are both active for rsa-sha256; retire one',
    `sending.yaml:6:20: domains.a.example.selectors.gone.key: '${path('gone.pem')}' cannot be read: it is not there`,
    `sending.yaml:7:21: domains.a.example.selectors.small.key: '${path('small.pem')}' has 768 bits; at least 1024 are needed`,
    `sending.yaml:8:18: domains.a.example.selectors.ec.key: '${path('ec.pem')}' is neither an RSA nor an Ed25519 key`,
    `sending.yaml:9:19: domains.a.example.selectors.not.key: '${path('no.pem')}' holds no private key without a password`,
    `sending.yaml:10:21: domains.a.example.selectors.other.key: '${path('e.pem')}' is a key for ed25519-sha256, not rsa-sha256`,
    "sending.yaml:11:19: dkim.operator: 'b.example' is not among the domains; did you mean a.example?",
  ]);
});

test('domains: a key that others may read is refused, one that its group may read is not', (t) => {
  const folder = folderWith(t, TWO, { 'r.pem': RSA, 'e.pem': ED });
  const path = join(folder.root, 'spool/keys/r.pem');
  for (const mode of [0o600, 0o640, 0o400]) {
    chmodSync(path, mode);
    assert.deepEqual(problemsOf(folder), []);
  }
  for (const mode of [0o644, 0o660, 0o604]) {
    chmodSync(path, mode);
    assert.match(
      problemsOf(folder).join('\n'),
      /r\.pem' may be read or changed by others \(mode 06\d\d\): chmod 0600$/,
    );
  }
});

test('domains: those kept in the spool are in force too, and one in both places is a problem', (t) => {
  const folder = folderWith(t, TWO, { 'r.pem': RSA, 'e.pem': ED });
  const spool = join(folder.root, 'spool');
  writeKey(spool, 'b.pem', RSA);
  assert.throws(() => writeKey(spool, 'b.pem', ED), /is there already/);
  const selectors = { b: { key: 'b.pem', state: 'retired', retiredAt: '2026-11-24T05:30:00Z' } } as const;
  changeDomains(spool, () => ({ operator: 'b.example', domains: { 'b.example': { selectors } } }));
  const config = load(folder);
  assert.deepEqual(Object.keys(config.domains).sort(), ['a.example', 'b.example']);
  assert.equal(config.dkim.operator, 'b.example');
  const loaded = loadDomains(spool);
  assert.deepEqual('kept' in loaded && JSON.parse(JSON.stringify(loaded.kept.domains)), { 'b.example': { selectors } });
  assert.deepEqual(
    readdirSync(join(spool, 'keys')).map((name) => [name, statSync(join(spool, 'keys', name)).mode & 0o777]),
    ['b.pem', 'domains.yaml', 'e.pem', 'r.pem'].map((name) => [name, 0o600]),
  );
  changeDomains(spool, (kept) => ({ ...kept, domains: { ...kept.domains, 'a.example': { selectors: {} } } }));
  assert.match(problemsOf(folder).join('\n'), /sending\.yaml:1:\d+: domains\.a\.example: a\.example is also kept by/);
});

test('domains: a broken domains.yaml is told with its place', (t) => {
  const folder = folderWith(t, '', {});
  const path = join(folder.root, 'spool/keys/domains.yaml');
  writeFileSync(path, 'domains: { A.example: {}, b.example: { selectors: { s: { kee: x } } } }');
  const problems = problemsOf(folder).join('\n');
  assert.match(problems, /domains\.yaml:1:\d+: domains\.A\.example: 'A\.example' cannot be a name here/);
  assert.match(problems, /domains\.yaml:1:\d+: .*kee: no such setting; did you mean key\?/);
  writeFileSync(path, 'domains: { b.example: { selectors: { s: { key: x.pem } } } }');
  assert.match(
    problemsOf(folder).join('\n'),
    /domains\.yaml:1:\d+: domains\.b\.example\.selectors\.s\.key: .* is not there/,
  );
});

test('domains: a signature is good for a week at least, or for ever', (t) => {
  assert.equal(load(configFolder(t, {})).dkim.validityMs, undefined);
  const week = configFolder(t, { 'sending.yaml': 'dkim: { validity: 7d }' });
  assert.equal(load(week).dkim.validityMs, 7 * 86_400_000);
  const less = configFolder(t, { 'sending.yaml': 'dkim: { validity: 6d }' });
  assert.match(problemsOf(less).join(), /7d/);
});

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type Stage, stage } from './stage.ts';

const SENDING = [
  'sources:',
  '  one: { address: 5.9.0.7, ehlo: one.example.com }',
  '  two: { address: "2a01:4f8::7" }',
  '  nat: { address: 10.1.2.3, ehlo: nat.example.com }',
  'tenants: { acme: {} }',
].join('\n');
/** Of the fake clock: 2026-11-24 or whatever it says, with no assumption on which. */
const today = (at: Stage): string => `p${new Date(at.clock.now()).toISOString().slice(0, 10).replaceAll('-', '')}`;

interface Shown {
  readonly selectors: readonly { readonly selector: string; readonly algorithm: string; readonly state: string }[];
  readonly records: readonly { readonly name: string; readonly type: string; readonly value: string }[];
}
const json = (ran: { readonly out: string }): Shown => JSON.parse(ran.out) as Shown;
const states = (shown: Shown): string[] => shown.selectors.map(({ selector, state }) => `${selector} ${state}`);

function listed(at: Stage): readonly string[] {
  const loaded = loadConfig({ configDir: at.configDir, env: {} });
  if ('problems' in loaded) throw new Error(JSON.stringify(loaded.problems));
  return Object.entries(loaded.ok.domains).flatMap(([name, { selectors }]) =>
    Object.entries(selectors).map(([selector, { state }]) => `${name} ${selector} ${state}`),
  );
}

test('domain add: keys are made, kept for their owner alone, in force in the configuration, and told to a relay', async (t) => {
  const at = stage(t, { 'sending.yaml': SENDING });
  const asked = await at.relay({ 'POST /v1/reload': { body: { configuration: 2, changes: [], warnings: [] } } });
  const ran = await at.run(['domain', 'add', 'Example.COM', '--ed25519', '--operator', '--tenant', 'acme', '--json']);
  assert.equal(ran.code, EXIT.ok, ran.note);
  assert.deepEqual(asked, ['POST /v1/reload']);
  const name = today(at);
  assert.deepEqual(states(json(ran)), [`${name} active`, `${name}-ed active`]);
  assert.deepEqual(listed(at), [`example.com ${name} active`, `example.com ${name}-ed active`]);
  const folder = join(at.spoolDir, 'keys');
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const file of readdirSync(folder)) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  const loaded = loadConfig({ configDir: at.configDir, env: {} });
  assert.ok('ok' in loaded);
  assert.equal(loaded.ok.dkim.operator, 'example.com');
  assert.equal(loaded.ok.domains['example.com']?.tenant, 'acme');
});

test('domain add: the records are those of the keys, of all sources, of DMARC and of the return path', async (t) => {
  const at = stage(t, { 'sending.yaml': SENDING });
  const ran = await at.run(['domain', 'add', 'example.com', '--selector', 's1', '--ed25519', '--json']);
  const { records } = json(ran);
  const spf = 'v=spf1 a:relay.example.com ip4:5.9.0.7 ip6:2a01:4f8::7 a:nat.example.com ~all';
  assert.deepEqual(
    records.map(({ name, type, value }) => [name, type, value.replace(/p=.*/, 'p=…')]),
    [
      ['s1._domainkey.example.com', 'TXT', 'v=DKIM1; k=rsa; p=…'],
      ['s1-ed._domainkey.example.com', 'TXT', 'v=DKIM1; k=ed25519; p=…'],
      ['example.com', 'TXT', spf],
      ['_dmarc.example.com', 'TXT', 'v=DMARC1; p=…'],
      ['bounce.example.com', 'MX', '10 relay.example.com.'],
      ['bounce.example.com', 'TXT', spf],
    ],
  );
  const pem = readFileSync(join(at.spoolDir, 'keys', 's1._domainkey.example.com.pem'), 'utf8');
  const published = Buffer.from(/p=(.*)$/.exec(records[0]?.value ?? '')?.[1] ?? '', 'base64');
  assert.deepEqual(published, createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' }));
  assert.equal(Buffer.from(/p=(.*)$/.exec(records[1]?.value ?? '')?.[1] ?? '', 'base64').length, 32);
});

test('domain add: as a zone file every string has at most 255 octets, and together they are the record', async (t) => {
  const at = stage(t);
  const ran = await at.run(['domain', 'add', 'example.com', '--selector', 's1']);
  assert.match(ran.note, /^example\.com: added; no relay is running here: in force from its next start\. Publish/);
  const lines = ran.out.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
  const [first = ''] = lines;
  assert.match(first, /^s1\._domainkey\.example\.com\.\t3600\tIN\tTXT\t\( "v=DKIM1; k=rsa; p=/);
  const strings = [...first.matchAll(/"([^"]*)"/g)].map(([, text = '']) => text);
  assert.deepEqual([strings.length, strings[0]?.length], [2, 255]);
  const shown = json(await at.run(['domain', 'show', 'example.com', '--json']));
  assert.equal(strings.join(''), shown.records[0]?.value);
  assert.equal((await at.run(['domain', 'show', 'example.com'])).out, ran.out);
});

test('domain add: what cannot be is told and leaves nothing behind', async (t) => {
  const at = stage(t, { 'sending.yaml': SENDING });
  assert.equal((await at.run(['domain', 'add', 'no_dot'])).code, EXIT.usage);
  assert.equal((await at.run(['domain', 'add', 'a.example', '--tenant', 'nobody'])).code, EXIT.usage);
  assert.equal((await at.run(['domain', 'add', 'a.example', '--selector', '../x'])).code, EXIT.usage);
  assert.equal(existsSync(join(at.spoolDir, 'keys')), false);
  await at.run(['domain', 'add', 'a.example']);
  const before = readdirSync(join(at.spoolDir, 'keys'));
  const again = await at.run(['domain', 'add', 'a.example', '--selector', 'other']);
  assert.deepEqual(
    [again.code, again.note],
    [EXIT.no, 'postilion: a.example is there already: postilion domain show a.example\n'],
  );
  assert.deepEqual(readdirSync(join(at.spoolDir, 'keys')), before);
  for (const words of [['show'], ['rotate'], ['remove']]) {
    assert.equal((await at.run(['domain', ...words, 'b.example'])).code, EXIT.no, words[0]);
  }
});

test('domain rotate: new keys are published first, then used; the old ones stay as long as mail may need them', async (t) => {
  const at = stage(t, { 'sending.yaml': 'streams: { slow: { lifetime: 6d } }' });
  await at.run(['domain', 'add', 'a.example', '--selector', 'old']);
  const first = json(await at.run(['domain', 'rotate', 'a.example', '--selector', 'new', '--json']));
  assert.deepEqual(states(first), ['old active', 'new next']);
  assert.equal(first.records.length, 2);
  const second = json(await at.run(['domain', 'rotate', 'a.example', '--json']));
  assert.deepEqual(states(second), ['old retired', 'new active']);
  const until = new Date(Math.floor(at.clock.now() / 1000) * 1000 + 7 * 86_400_000).toISOString();
  assert.match(
    (await at.run(['domain', 'list'])).out,
    new RegExp(`a\\.example +old +rsa-sha256 +retired .* ${until}\n`),
  );
  await at.clock.advance(6.9 * 86_400_000);
  assert.deepEqual(states(json(await at.run(['domain', 'rotate', 'a.example', '--json']))).slice(0, 2), [
    'old retired',
    'new active',
  ]);
  await at.clock.advance(86_400_000);
  const last = json(await at.run(['domain', 'rotate', 'a.example', '--json']));
  assert.equal(
    states(last).some((text) => text.startsWith('old')),
    false,
  );
  assert.equal(existsSync(join(at.spoolDir, 'keys/old._domainkey.a.example.pem')), false);
  assert.deepEqual(states(last)[0], 'new retired');
});

test('domain rotate: both steps at once, and an Ed25519 key for a domain that had none', async (t) => {
  const at = stage(t);
  await at.run(['domain', 'add', 'a.example']);
  const rotated = json(await at.run(['domain', 'rotate', 'a.example', '--ed25519', '--now', '--json']));
  const name = today(at);
  assert.deepEqual(states(rotated), [`${name} retired`, `${name}b active`, `${name}b-ed active`]);
});

test('domain remove: signs no new mail at once, keeps the keys as long as mail may need them, then removes them', async (t) => {
  const at = stage(t);
  await at.run(['domain', 'add', 'a.example', '--operator']);
  const ran = await at.run(['domain', 'remove', 'a.example']);
  assert.match(ran.out, /^a\.example: not signed for any more; its keys stay for mail that waits, until \d{4}-/);
  assert.deepEqual(listed(at), [`a.example ${today(at)} retired`]);
  await at.clock.advance(6 * 86_400_000);
  assert.match((await at.run(['domain', 'remove', 'a.example'])).out, /^a\.example: removed; /);
  assert.deepEqual(listed(at), []);
  assert.deepEqual(readdirSync(join(at.spoolDir, 'keys')), ['domains.yaml']);
  await at.run(['domain', 'add', 'b.example']);
  await at.run(['domain', 'remove', 'b.example', '--now']);
  assert.deepEqual(readdirSync(join(at.spoolDir, 'keys')), ['domains.yaml']);
});

test('domain: one that stands in sending.yaml is listed, and changed there', async (t) => {
  const at = stage(t);
  await at.run(['domain', 'add', 'b.example', '--selector', 's']);
  const other = stage(t, {
    'sending.yaml': `domains: { a.example: { selectors: { s: { key: ${join(at.spoolDir, 'keys/s._domainkey.b.example.pem')} } } } }`,
  });
  assert.match((await other.run(['domain', 'list'])).out, /^a\.example +s +rsa-sha256 +active/m);
  const ran = await other.run(['domain', 'rotate', 'a.example']);
  assert.deepEqual([ran.code, ran.note], [EXIT.no, 'postilion: a.example stands in sending.yaml: change it there\n']);
});

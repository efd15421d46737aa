import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXIT } from '../../src/base/errors.ts';
import type { Suppression } from '../../src/flow/suppression.ts';
import { stage } from './stage.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const added = (count: number, kept = 0) => ({ body: { added: count, kept, unreadable: 0, salt: 'ab' } });
const entry: Suppression = {
  address: 'a@example.com',
  scope: 'tenant/acme',
  reason: 'recipient-unknown',
  at: NOW,
  until: NOW + 86_400_000,
  by: 'rule r1',
  isSoft: true,
  reply: '550 5.1.1 "no", he said',
} as Suppression;

test('suppress add and remove: the options say whose mail, why and for how long', async (t) => {
  const at = stage(t);
  const asked = await at.relay({
    'POST /v1/suppressions': added(1),
    'POST /v1/suppressions/remove': { body: { removed: 2 } },
  });
  assert.equal((await at.run(['suppress', 'add', 'a@example.com'])).out, 'a@example.com: suppressed (global)\n');
  const until = Math.ceil(at.clock.now()) + 90 * 86_400_000;
  const long = ['--stream', 'acme/bulk', '--for', '90d', '--reason', 'complaint', '--note', 'by phone'];
  assert.equal((await at.run(['suppress', 'add', 'a@example.com', ...long])).code, EXIT.ok);
  assert.equal((await at.run(['suppress', 'remove', 'a@example.com'])).out, 'a@example.com: 2 entries removed\n');
  assert.deepEqual(JSON.parse((await at.run(['suppress', 'remove', 'a@example.com', '--global', '--json'])).out), {
    removed: 2,
  });
  assert.deepEqual(
    asked.map((call) => call.slice(call.indexOf(' /') + 1)),
    [
      '/v1/suppressions {"entries":[{"address":"a@example.com"}]}',
      `/v1/suppressions {"entries":[{"address":"a@example.com","scope":"stream/acme/bulk","reason":"complaint","note":"by phone","until":${until}}]}`,
      '/v1/suppressions/remove {"address":"a@example.com"}',
      '/v1/suppressions/remove {"address":"a@example.com","scope":"global"}',
    ],
  );
  for (const wrong of [
    ['--tenant', 'a', '--global'],
    ['--stream', 'bulk'],
    ['--tenant', 'a/b'],
    ['--for', '30'],
  ]) {
    assert.equal((await at.run(['suppress', 'add', 'a@example.com', ...wrong])).code, EXIT.usage, wrong.join(' '));
  }
});

test('suppress find and list: what is there and why; find says no by its exit code', async (t) => {
  const at = stage(t);
  const second = { ...entry, address: 'b@example.com' };
  await at.relay({
    'GET /v1/suppressions/find?address=a%40example.com': { body: { entries: [entry] } },
    'GET /v1/suppressions/find?address=b%40example.com': { body: { entries: [] } },
    'GET /v1/suppressions?from=0': { body: { entries: [entry], next: 70 } },
    'GET /v1/suppressions?from=70': { body: { entries: [second] } },
    'GET /v1/suppressions?scope=tenant%2Facme&domain=example.com&from=0': { body: { entries: [] } },
  });
  const found = await at.run(['suppress', 'find', 'a@example.com']);
  assert.equal(found.code, EXIT.ok);
  assert.match(
    found.out,
    /^a@example\.com +tenant\/acme +recipient-unknown +2026-01-02 +2026-01-03 +rule r1: 550 5\.1\.1 "no", he said$/m,
  );
  assert.equal((await at.run(['suppress', 'find', 'b@example.com'])).code, EXIT.no);
  const listed = JSON.parse((await at.run(['suppress', 'list', '--json'])).out) as { address: string; soft: boolean }[];
  assert.deepEqual(
    listed.map(({ address, soft }) => [address, soft]),
    [
      ['a@example.com', true],
      ['b@example.com', true],
    ],
  );
  const some = await at.run(['suppress', 'list', '--limit', '1']);
  assert.ok(!some.out.includes('b@example.com') && /more than 1/.test(some.note));
  assert.equal((await at.run(['suppress', 'list', '--tenant', 'acme', '--domain', 'example.com'])).out, 'nothing\n');
});

test('suppress export and import: what was written is read back; a plain list is enough', async (t) => {
  const at = stage(t);
  const asked = await at.relay({
    'GET /v1/suppressions?from=0': { body: { entries: [entry] } },
    'POST /v1/suppressions': added(1),
  });
  const file = join(at.configDir, 'list.csv');
  assert.equal((await at.run(['suppress', 'export', file])).out, `1 entry written to ${file}\n`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await at.run(['suppress', 'export'])).out, readFileSync(file, 'utf8'));
  assert.equal((await at.run(['suppress', 'import', file])).code, EXIT.ok);
  const { isSoft: _soft, ...rest } = entry;
  assert.deepEqual(JSON.parse(asked.at(-1)?.slice('POST /v1/suppressions '.length) ?? ''), {
    entries: [{ ...rest, soft: true }],
  });
  const plain = await at.run(['suppress', 'import', '-', '--json'], { input: 'A@example.com\nb@example.com\n' });
  assert.deepEqual(JSON.parse(plain.out), { added: 1, kept: 0, unreadable: 0, invalid: 0 });
  const { entries } = JSON.parse(asked.at(-1)?.slice('POST /v1/suppressions '.length) ?? '') as { entries: object[] };
  assert.deepEqual(
    entries.map((each) => JSON.stringify(each)).toSorted(),
    ['a', 'b'].map((name) => `{"address":"${name}@example.com","reason":"import"}`),
  );
});

test('suppress import: a wrong line is named, and nothing is taken unless the others are wanted', async (t) => {
  const at = stage(t);
  const asked = await at.relay({ 'POST /v1/suppressions': added(1) });
  const file = join(at.configDir, 'wrong.csv');
  writeFileSync(file, 'address,until\na@example.com,2026-01-02\nnobody,\nb@example.com,soon\n');
  const refused = await at.run(['suppress', 'import', file]);
  assert.equal(refused.code, EXIT.no);
  assert.match(
    refused.note,
    /wrong\.csv:3: address: 'nobody' is not a mailbox\n.*wrong\.csv:4: until: an instant such as/,
  );
  assert.equal(asked.length, 0);
  const taken = await at.run(['suppress', 'import', file, '--skip-invalid']);
  assert.equal(taken.out, '1 entry taken in, 0 were there already; 2 lines were wrong\n');
  for (const [input, words] of [
    ['adress\na@example.com\n', /no column is named address/],
    ['address,colour\n', /no such column: colour; known: address, scope/],
    ['address\n"a@example.com\n', /a quote is never closed/],
  ] as const) {
    const ran = await at.run(['suppress', 'import', '-'], { input });
    assert.equal(ran.code, EXIT.no);
    assert.match(ran.note, words);
  }
});

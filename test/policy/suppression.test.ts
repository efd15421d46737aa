import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MessageId } from '../../src/flow/message.ts';
import type { Suppression } from '../../src/flow/suppression.ts';
import {
  findCovering,
  isSuppressionScope,
  scopesOf,
  withEntry,
  withoutAddress,
  withoutSoft,
} from '../../src/policy/suppression.ts';
import { decodePage, encodePage, PAGES, placeOf } from '../../src/policy/suppression-page.ts';

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;

const entry = (changes: Partial<Suppression> = {}): Suppression => ({
  address: 'a@example.com',
  scope: 'global',
  reason: 'recipient-unknown',
  at: NOW - DAY,
  by: 'rule x',
  ...changes,
});

test('suppression: the scope says whose mail is held back, and what is over holds none', () => {
  const covered = (scope: string, tenant: string, stream?: string, until?: number): boolean =>
    findCovering(
      [entry({ scope, ...(until === undefined ? {} : { until }) })],
      'a@example.com',
      scopesOf(tenant, stream),
      NOW,
    ) !== undefined;
  assert.ok(covered('global', 'acme', 'bulk'));
  assert.ok(covered('tenant/acme', 'acme', 'bulk'));
  assert.ok(!covered('tenant/acme', 'other', 'bulk'));
  assert.ok(covered('stream/acme/bulk', 'acme', 'bulk'));
  assert.ok(!covered('stream/acme/bulk', 'acme', 'news'));
  assert.ok(!covered('stream/acme/bulk', 'other', 'bulk'));
  assert.ok(!covered('stream/acme/bulk', 'acme'), 'a stream that is not known yet');
  assert.ok(covered('global', 'acme', 'bulk', NOW + 1));
  assert.ok(!covered('global', 'acme', 'bulk', NOW));
  assert.equal(findCovering([entry()], 'b@example.com', scopesOf('acme'), NOW), undefined);
  for (const right of ['global', 'tenant/a', 'stream/a/b']) assert.ok(isSuppressionScope(right), right);
  for (const wrong of ['', 'all', 'tenant', 'tenant/', 'stream/a', 'stream//b', 'tenant/a/b', 'global/x']) {
    assert.ok(!isSuppressionScope(wrong), wrong);
  }
});

test('suppression: a reply never weakens what is there, an operator replaces anything', () => {
  const soft = entry({ isSoft: true, until: NOW + DAY });
  const hard = entry({ until: NOW + DAY });
  const longer = entry({ until: NOW + 2 * DAY });
  const forGood = entry();
  const operator = entry({ by: 'operator', until: NOW + 1 });
  const over = entry({ until: NOW - 1 });
  const table: readonly (readonly [held: Suppression, next: Suppression, isTaken: boolean])[] = [
    [soft, hard, true],
    [hard, soft, false],
    [hard, longer, true],
    [longer, hard, false],
    [hard, forGood, true],
    [forGood, longer, false],
    [forGood, forGood, false],
    [operator, forGood, false],
    [forGood, operator, true],
    [operator, entry({ by: 'operator' }), true],
    [operator, { ...operator, at: NOW }, false],
    [over, soft, true],
  ];
  for (const [at, [held, next, isTaken]] of table.entries()) {
    assert.deepEqual(withEntry([held], next, NOW), isTaken ? [next] : undefined, `case ${at}`);
  }
  const other = entry({ address: 'b@example.com', until: NOW - 5 });
  assert.deepEqual(withEntry([other], soft, NOW), [soft], 'what is over goes with the next change');
  assert.deepEqual(withEntry([hard], entry({ scope: 'tenant/acme' }), NOW)?.length, 2, 'scopes stand side by side');
});

test('suppression: a success lifts what is soft in its scopes, and nothing else', () => {
  const list = [
    entry({ isSoft: true }),
    entry({ isSoft: true, scope: 'tenant/acme' }),
    entry({ isSoft: true, scope: 'tenant/other' }),
    entry({ isSoft: true, scope: 'stream/acme/bulk' }),
    entry({ scope: 'stream/acme/news' }),
    entry({ isSoft: true, address: 'b@example.com' }),
  ];
  assert.deepEqual(withoutSoft(list, 'a@example.com', scopesOf('acme', 'bulk')), [list[2], list[4], list[5]]);
  assert.equal(withoutSoft([entry()], 'a@example.com', scopesOf('acme', 'bulk')), undefined);
  assert.deepEqual(withoutAddress(list, 'a@example.com'), [list[5]]);
  assert.equal(withoutAddress(list, 'a@example.com', 'tenant/acme')?.length, 5);
  assert.equal(withoutAddress(list, 'c@example.com'), undefined);
});

const anyEntry: fc.Arbitrary<Suppression> = fc
  .record({
    address: fc.emailAddress(),
    scope: fc.constantFrom('global', 'tenant/acme', 'stream/acme/bülk'),
    reason: fc.constantFrom('recipient-unknown', 'complaint', 'operator'),
    atS: fc.nat(2 ** 31),
    untilS: fc.option(fc.integer({ min: 1, max: 2 ** 32 }), { nil: undefined }),
    by: fc.constantFrom('operator', 'rule a-1'),
    isSoft: fc.boolean(),
    messageId: fc.option(fc.constant('01k9zq3v5m8w2x4y6z7a9b1c3d' as MessageId), { nil: undefined }),
    reply: fc.option(fc.string({ minLength: 1, unit: 'grapheme' }), { nil: undefined }),
    note: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  })
  .map(({ atS, untilS, isSoft, messageId, reply, note, ...rest }) => ({
    ...rest,
    at: atS * 1000,
    ...(untilS === undefined ? {} : { until: untilS * 1000 }),
    ...(isSoft ? { isSoft: true as const } : {}),
    ...(messageId === undefined ? {} : { messageId }),
    ...(reply === undefined ? {} : { reply }),
    ...(note === undefined ? {} : { note }),
  }));

test('suppression page: what is written is read, and a changed octet is never read as something else', () => {
  fc.assert(
    fc.property(
      fc.array(anyEntry, { minLength: 1, maxLength: 20 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (list, at, flip) => {
        const value = encodePage(list) ?? '';
        assert.deepEqual(decodePage(value), list);
        const octets = Buffer.from(value, 'base64');
        const place = at % octets.length;
        octets[place] = (octets[place] as number) ^ flip;
        const damaged = decodePage(octets.toString('base64'));
        if (damaged !== undefined) assert.deepEqual(damaged, list, `octet ${place}`);
      },
    ),
  );
  assert.equal(encodePage([]), undefined);
  const newer = Buffer.from(encodePage([entry()]) ?? '', 'base64');
  newer[0] = 3;
  assert.equal(decodePage(newer.toString('base64')), undefined, 'a newer form is not guessed at');
  assert.deepEqual(decodePage(undefined), []);
  for (const wrong of ['', 'AA', 'AQ==', 7, null, {}, 'Ag==', 'AgAAAA=='])
    assert.equal(decodePage(wrong), undefined, String(wrong));
});

test('suppression page: one of the form before, with a weaker checksum, is still read', () => {
  const value = 'AXi7+/Y+bYuOVkp0SK1IzC3ISUV3Ok6dFUo6huaWlpaGxmYGBjogCLIRbHksAEayGAE=';
  assert.deepEqual(decodePage(value), [entry()]);
});

test('suppression page: addresses spread over the pages, and nobody can tell how without the salt', () => {
  const pages = new Set<number>();
  for (let n = 0; n < 1000; n++) {
    const { page, print } = placeOf(`r${n}@example.com`, 'salt');
    assert.ok(page >= 0 && page < PAGES && print >= 0 && print < 2 ** 32);
    pages.add(page);
  }
  assert.ok(pages.size > 950, `${pages.size} pages of 1,000 addresses`);
  assert.notDeepEqual(placeOf('a@example.com', 'salt'), placeOf('a@example.com', 'other'));
  assert.deepEqual(placeOf('a@example.com', 'salt'), placeOf('a@example.com', 'salt'));
});

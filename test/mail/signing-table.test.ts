import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayBear, type SigningTable, signingOf } from '../../src/mail/signing-table.ts';

const TABLE: SigningTable = {
  domains: {
    'a.example': { selectors: ['r._domainkey.a.example', 'e._domainkey.a.example'], tenant: 'acme' },
    'news.a.example': { selectors: [], tenant: 'news' },
    'own.news.a.example': { selectors: ['s._domainkey.own.news.a.example'] },
    'op.example': { selectors: ['o._domainkey.op.example'] },
  },
  operator: 'op.example',
};
const OPERATOR = ['o._domainkey.op.example'];

test('signing table: the closest domain with keys signs, then the operator; the operator never twice', () => {
  const a = [...(TABLE.domains['a.example']?.selectors ?? []), ...OPERATOR];
  const table: readonly (readonly [string | undefined, readonly string[], boolean])[] = [
    ['a.example', a, true],
    ['deep.below.a.example', a, true],
    ['news.a.example', a, true],
    ['x.own.news.a.example', ['s._domainkey.own.news.a.example', ...OPERATOR], true],
    ['op.example', OPERATOR, true],
    ['mail.op.example', OPERATOR, true],
    ['ba.example', OPERATOR, false],
    ['example', OPERATOR, false],
    ['constructor', OPERATOR, false],
    [undefined, OPERATOR, false],
  ];
  for (const [from, selectors, isOwn] of table) assert.deepEqual(signingOf(TABLE, from), { selectors, isOwn }, from);
  assert.deepEqual(signingOf({ domains: {} }, 'a.example'), { selectors: [], isOwn: false });
});

test('signing table: a domain of a tenant is nobody else’s, nor is what is below it unless it says so', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['acme', 'a.example', true],
    ['acme', 'x.a.example', true],
    ['other', 'a.example', false],
    ['other', 'x.a.example', false],
    ['acme', 'news.a.example', false],
    ['news', 'x.news.a.example', true],
    ['other', 'own.news.a.example', true],
    ['other', 'op.example', true],
    ['other', 'unknown.example', true],
  ];
  for (const [tenant, domain, may] of table) assert.equal(mayBear(TABLE, tenant, domain), may, `${tenant} ${domain}`);
});

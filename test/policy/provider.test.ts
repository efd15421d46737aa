import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { ProviderBook } from '../../src/policy/provider.ts';

const BOOK = new ProviderBook([
  { name: 'google', mx: ['.google.com'], domains: ['gmail.com'] },
  { name: 'big', mx: ['.example.net', 'mx.example.org'], domains: ['old.example'] },
  { name: 'part', mx: ['.eu.example.net'], domains: [] },
]);

test('provider: the longest suffix of an MX host decides, whole labels only', () => {
  const table: [string, string[], string | undefined][] = [
    ['x.example', ['aspmx.l.google.com'], 'google'],
    ['x.example', ['ASPMX.L.GOOGLE.COM.'], 'google'],
    ['x.example', ['notgoogle.com'], undefined],
    ['x.example', ['google.com'], undefined],
    ['x.example', ['mx1.eu.example.net'], 'part'],
    ['x.example', ['mx1.us.example.net'], 'big'],
    ['x.example', ['mx.example.org'], 'big'],
    ['x.example', ['a.mx.example.org'], 'big'],
    ['x.example', ['mx.unknown.example', 'mx.google.com'], 'google'],
    ['gmail.com', [], 'google'],
    ['old.example', ['aspmx.l.google.com'], 'google'],
    ['Old.Example', ['mx.unknown.example'], 'big'],
    ['x.example', [], undefined],
  ];
  for (const [domain, hosts, want] of table)
    assert.equal(BOOK.find(domain, hosts), want, `${domain} ${hosts.join(' ')}`);
});

test('provider: every shipped provider is found by its own names', () => {
  const shipped = parse(readFileSync('config/providers.yaml', 'utf8')) as {
    providers: Record<string, { mx?: string[]; domains?: string[] }>;
  };
  const names = Object.entries(shipped.providers).map(([name, { mx = [], domains = [] }]) => ({ name, mx, domains }));
  const book = new ProviderBook(names);
  for (const { name, mx, domains } of names) {
    for (const suffix of mx)
      assert.equal(book.find('x.invalid', [suffix.startsWith('.') ? `a${suffix}` : suffix]), name);
    for (const domain of domains) assert.ok(book.find(domain, []), domain);
  }
});

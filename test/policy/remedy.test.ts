import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { type Blamed, remedyOf } from '../../src/policy/remedy.ts';

const source = { name: 'out1', address: '192.0.2.1', ehlo: 'out1.example.net' };
const remedy = (category: string, text: string, also: Partial<Blamed> = {}): string =>
  remedyOf({ category, rule: 'r', text, source, sendingDomain: 'shop.example', selectors: [], ...also }) ?? 'none';

test('remedy: the record is named that would mend what was refused', () => {
  for (const [category, text, wanted] of [
    [
      'auth-fail',
      '550 5.7.26 the sender is unauthenticated: SPF [shop.example] = did not pass',
      /^the SPF record \(TXT\) of shop\.example, which must allow 192\.0\.2\.1$/,
    ],
    ['auth-fail', '421 4.7.32 DMARC alignment failed', /^the TXT record _dmarc\.shop\.example$/],
    ['auth-fail', '550 5.7.30 DKIM = did not pass', /DKIM record of shop\.example: no key signs for it/],
    ['auth-fail', '550 5.7.1 not accepted for policy reasons', /one of SPF .*_dmarc\.shop\.example/],
    [
      'host-identity',
      "451 4.7.23 doesn't have a PTR record",
      /^the PTR record of 192\.0\.2\.1: it must name out1\.example\.net/,
    ],
    [
      'host-identity',
      '550 5.7.1 HELO name does not resolve',
      /^the A or AAAA record of out1\.example\.net, which must give 192\.0\.2\.1$/,
    ],
    ['ip-block', '550 5.7.1 blocked using SPF-hating list', /^none$/],
    ['domain-block', '550 5.7.1 your domain is blocked', /^none$/],
  ] as const) {
    match(remedy(category, text), wanted, text);
  }
  equal(
    remedy('auth-fail', 'DKIM failed', { selectors: ['s1._domainkey.shop.example', 's2._domainkey.shop.example'] }),
    'the DKIM record (TXT) s1._domainkey.shop.example and s2._domainkey.shop.example',
  );
});

test('remedy: without an address of its own a source is named', () => {
  match(remedy('host-identity', 'no PTR', { source: { name: 'out1', ehlo: 'x.example' } }), /address of source out1/);
});

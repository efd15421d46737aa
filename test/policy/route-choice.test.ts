// Which rule of the table is chosen, and who is allowed.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Domain, Mailbox } from '../../src/flow/message.ts';
import type { RouteRule, RouteTable, RouteTarget } from '../../src/flow/route.ts';
import type { QueueName } from '../../src/flow/spool.ts';
import { RouteChooser } from '../../src/policy/route-choice.ts';

const MX: RouteTarget = { to: 'mx', tls: { level: 'opportunistic' } };
const QUEUE: QueueName = {
  pool: '',
  domain: 'example.org' as Domain,
  stream: 'default',
  tenant: 'default',
  campaign: '',
};

function queue(domain: string, also: Partial<QueueName> = {}): QueueName {
  return { ...QUEUE, domain: domain as Domain, ...also };
}

function named(rules: readonly Omit<RouteRule, 'target'>[]): RouteTable {
  return { rules: rules.map((rule) => ({ ...rule, target: MX })) };
}

test('route choice: the exact domain, then the longest suffix, then the star; without a rule plain MX', () => {
  const chooser = new RouteChooser(
    named([
      { name: 'all', domain: '*' },
      { name: 'org', domain: '*.org' },
      { name: 'deep', domain: '*.example.org' },
      { name: 'exact', domain: 'example.org' },
      { name: 'twice', domain: 'example.org' },
    ]),
  );
  for (const [domain, want] of [
    ['example.org', 'exact'],
    ['a.example.org', 'deep'],
    ['a.b.example.org', 'deep'],
    ['other.org', 'org'],
    ['org', 'all'],
    ['example.net', 'all'],
    ['[192.0.2.1]', 'all'],
  ] as const) {
    equal(chooser.choose(queue(domain)).rule.name, want, domain);
  }
  const none = new RouteChooser({ rules: [] }).choose(QUEUE);
  deepEqual([none.rule.target, none.key, none.isPartlyAllowed], [MX, '', false]);
});

test('route choice: every condition must hold, the domain decides first, then the order of the file', () => {
  const chooser = new RouteChooser(
    named([
      { name: 'bulk of acme', domain: '*', tenants: ['acme'], streams: ['bulk', 'news'] },
      { name: 'acme', domain: '*', tenants: ['acme'] },
      { name: 'spring', domain: 'example.net', campaigns: ['spring'] },
      { name: 'brand', domain: '*.net', fromDomains: ['brand.example', '*.brand.example'] },
    ]),
  );
  const choose = (domain: string, also: Partial<QueueName>): string => chooser.choose(queue(domain, also)).rule.name;
  const from = (name: string): Partial<QueueName> => ({ from: name as Domain });
  equal(choose('example.com', { tenant: 'acme', stream: 'news' }), 'bulk of acme');
  equal(choose('example.com', { tenant: 'acme' }), 'acme');
  equal(choose('example.com', { stream: 'bulk' }), 'mx');
  equal(choose('example.net', { tenant: 'acme', stream: 'bulk', campaign: 'spring' }), 'spring');
  equal(choose('example.net', from('brand.example')), 'brand');
  equal(choose('example.net', from('a.brand.example')), 'brand');
  equal(choose('example.net', from('notbrand.example')), 'mx');
  equal(choose('example.net', {}), 'mx');
});

test('route choice: rules with one target share a key, others never do', () => {
  const host = { name: 'hub', port: 25 };
  const targets: readonly RouteTarget[] = [
    MX,
    { to: 'mx', port: 26, tls: { level: 'opportunistic' } },
    { to: 'mx', tls: { level: 'required' } },
    { to: 'mx', tls: { level: 'opportunistic' }, anyAddress: true },
    { to: 'hosts', hosts: [host], tls: { level: 'required' } },
    { to: 'hosts', hosts: [host], tls: { level: 'required', implicit: true } },
    { to: 'hosts', hosts: [host], tls: { level: 'required' }, credentials: 'a' },
    { to: 'hosts', hosts: [host, host], tls: { level: 'required' } },
    { to: 'discard' },
  ];
  const keyOf = (name: string, target: RouteTarget): string =>
    new RouteChooser({ rules: [{ name, domain: '*', pool: name, target }] }).choose(QUEUE).key;
  const keys = targets.map((target) => keyOf('one', target));
  equal(new Set(keys).size, targets.length);
  for (const [at, target] of targets.entries()) {
    // What is thrown away is recorded with the rule's name.
    equal(keyOf('two', target) === keys[at], target.to !== 'discard');
  }
  equal(keyOf('one', { to: 'mx', port: 25, tls: { level: 'opportunistic' }, anyAddress: false }), '');
});

test('route choice: only who is allowed is written to, before any rule', () => {
  const rules = [{ name: 'hub', domain: '*', target: MX }];
  const chooser = new RouteChooser({ rules, allow: ['example.net', '*.example.net', 'qa@example.org'] });
  const look = (domain: string) => {
    const { rule, isPartlyAllowed } = chooser.choose(queue(domain));
    return [rule.name, isPartlyAllowed];
  };
  deepEqual(look('example.net'), ['hub', false]);
  deepEqual(look('a.example.net'), ['hub', false]);
  deepEqual(look('example.org'), ['hub', true]);
  deepEqual(look('a.example.org'), ['allow', false]);
  deepEqual(look('[192.0.2.1]'), ['allow', false]);
  const may = (mailbox: string, domain: string): boolean =>
    chooser.mayWriteTo({ mailbox: mailbox as Mailbox, domain: domain as Domain });
  // The routing domain counts, however the client spelt it.
  deepEqual([may('qa@Example.ORG', 'example.org'), may('QA@example.org', 'example.org')], [true, true]);
  deepEqual([may('qa2@example.org', 'example.org'), may('qa@example.com', 'example.com')], [false, false]);
  equal(may('"x@example.org"@example.org', 'example.org'), false);
  equal(new RouteChooser({ rules, allow: [] }).choose(QUEUE).rule.name, 'allow', 'nobody');
});

test('route choice: what is found is what looking at every rule finds', () => {
  const label = fc.constantFrom('a', 'b');
  const domain = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => [...labels, 'test'].join('.'));
  const form = fc.oneof(
    domain,
    domain.map((name) => `*.${name}`),
    fc.constantFrom('*', '*.test'),
  );
  const some = <T>(value: fc.Arbitrary<T>) =>
    fc.option(fc.array(value, { minLength: 1, maxLength: 2 }), { nil: undefined });
  const tenant = fc.constantFrom('t', 'u');
  const rules = fc.array(fc.record({ domain: form, tenants: some(tenant), fromDomains: some(domain) }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(rules, domain, tenant, fc.option(domain, { nil: undefined }), (raw, to, owner, from) => {
      const all = raw.map((rule, at): RouteRule => {
        const { tenants, fromDomains } = rule;
        const conditions = { ...(tenants && { tenants }), ...(fromDomains && { fromDomains }) };
        return { name: `${at}`, domain: rule.domain, ...conditions, target: MX };
      });
      const weight = (rule: RouteRule): number => {
        if (rule.domain === to) return 1000;
        if (rule.domain === '*') return 1;
        return rule.domain.startsWith('*.') && to.endsWith(rule.domain.slice(1)) ? rule.domain.length : 0;
      };
      const fits = all.filter(
        (rule) =>
          weight(rule) > 0 &&
          (rule.tenants?.includes(owner) ?? true) &&
          (rule.fromDomains === undefined || (from !== undefined && rule.fromDomains.includes(from))),
      );
      const best = Math.max(...fits.map(weight));
      const want = fits.find((rule) => weight(rule) === best)?.name ?? 'mx';
      const asked = queue(to, { tenant: owner, ...(from === undefined ? {} : { from: from as Domain }) });
      equal(new RouteChooser({ rules: all }).choose(asked).rule.name, want);
    }),
    { numRuns: 500 },
  );
});

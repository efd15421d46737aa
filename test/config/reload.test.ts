import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reloadConfig } from '../../src/config/reload.ts';
import { fromRoutesOf, routeTableOf } from '../../src/config/route-table.ts';
import { TEST_CERTIFICATE as CERTIFICATE, TEST_KEY as PRIVATE_KEY } from '../support/certificate.ts';
import { configFolder, load } from './folder.ts';

test('reload: what is live is taken over, the rest waits for a restart, and each change is a line', (t) => {
  const before = load(configFolder(t, { 'sending.yaml': 'streams: { bulk: {} }\nusers: { app1: { rate: 600/m } }' }));
  const { folders } = before;
  const files = {
    'postilion.yaml': 'hostname: other.example.com\nlimits: { message: 10MB }\ndeadlines: { session: 2h }',
    'sending.yaml':
      'caps: { connections: 20 }\nusers: { app1: { rate: 500/m, domains: [a.example] }, A.b@C: }\nstreams: { default: { lifetime: 1d } }',
  };
  const loaded = { ...load(configFolder(t, files)), folders, number: 2 };
  const { config, changes, warnings, removed } = reloadConfig(before, loaded);
  assert.deepEqual(changes, [
    'streams.default.lifetime: 4d -> 1d',
    'streams.bulk: removed',
    'users.app1.rate: 600/m -> 500/m',
    'users.app1.domains: set to [a.example]',
    'users.A.b@C: added',
    'caps.connections: set to 20',
  ]);
  assert.deepEqual(warnings, [
    'limits.message: 50MB -> 10MB (waits for a restart)',
    'deadlines.session: 1h -> 2h (waits for a restart)',
    'sources.default.ehlo: relay.example.com -> other.example.com (waits for a restart)',
    'hostname: relay.example.com -> other.example.com (waits for a restart)',
  ]);
  assert.deepEqual(removed, { tenants: [], streams: ['bulk'], pools: [] });
  assert.equal(config.number, 2);
  assert.equal(config.caps.connections, 20);
  assert.equal(config.limits.messageOctets, 50_000_000);
  assert.equal(config.sources['default']?.ehlo, 'relay.example.com');
  assert.throws(() => Object.assign(config.caps, { connections: 1 }), TypeError);
});

test('reload: nothing changed is no line, and a secret is never in one', (t) => {
  const text = 'credentials: { hub: { user: me, password: "${env:P}" } }';
  const folder = configFolder(t, { 'sending.yaml': text });
  const before = load(folder, { P: 'hunter2' });
  assert.deepEqual(reloadConfig(before, { ...load(folder, { P: 'hunter2' }), number: 2 }).changes, []);
  const { changes, config } = reloadConfig(before, { ...load(folder, { P: 'hunter3' }), number: 2 });
  assert.deepEqual(changes, ['credentials.hub.password: changed']);
  assert.equal(config.credentials['hub']?.password, 'hunter3');
});

test('reload: a certificate in another place is taken over, a first one waits for a restart', (t) => {
  const pair = { 'cert.pem': CERTIFICATE, 'key.pem': PRIVATE_KEY };
  const withTls = { ...pair, 'postilion.yaml': 'tls: { cert: cert.pem, key: key.pem }' };
  const [none, first, second] = [load(configFolder(t)), load(configFolder(t, withTls)), load(configFolder(t, withTls))];
  const moved = reloadConfig(first, second);
  assert.equal(moved.config.tls.cert, second.tls.cert);
  assert.match(moved.changes.join('\n'), /^tls.cert: .* -> /m);
  const added = reloadConfig(none, { ...first, folders: none.folders });
  assert.equal(added.config.tls.cert, undefined);
  assert.match(added.warnings.join('\n'), /^tls.cert: set to .* \(waits for a restart\)$/m);
});

test('route table: each domain of a route is a rule with its target', (t) => {
  const text = [
    'routes:',
    '  - { domains: [a.example, "*.a.example"], to: "hub.example:587", tls: required, credentials: hub }',
    '  - { domains: b.example, to: "192.0.2.1:465", tls: implicit }',
    '  - { domains: c.example, to: discard }',
    '  - { domains: "*", to: mx, port: 2525, private_addresses: true }',
    'credentials: { hub: { user: me, password: "${env:P}" } }',
  ].join('\n');
  const hub = {
    to: 'hosts',
    hosts: [{ name: 'hub.example', port: 587 }],
    tls: { level: 'required' },
    credentials: 'hub',
  };
  const { rules } = routeTableOf(load(configFolder(t, { 'sending.yaml': text }), { P: 'x' }));
  assert.deepEqual(rules, [
    { name: 'routes[0]', domain: 'a.example', target: hub },
    { name: 'routes[0]', domain: '*.a.example', target: hub },
    {
      name: 'routes[1]',
      domain: 'b.example',
      target: { to: 'hosts', hosts: [{ name: '192.0.2.1', port: 465 }], tls: { level: 'required', implicit: true } },
    },
    { name: 'routes[2]', domain: 'c.example', target: { to: 'discard' } },
    {
      name: 'routes[3]',
      domain: '*',
      target: { to: 'mx', port: 2525, tls: { level: 'opportunistic' }, anyAddress: true },
    },
  ]);
});

test('route table: conditions, pool and name stand in the rule; without any it is a route for all', (t) => {
  const text = [
    'allow: [QA@Example.NET, "*.example.com"]',
    'tenants: { acme: }',
    'streams: { bulk: }',
    'pools: { bulk: { sources: [default] } }',
    'routes:',
    '  - { name: brands, from_domains: [Brand.example, "*.brand.example"], pool: bulk }',
    '  - { tenants: acme, streams: [bulk], campaigns: spring, to: discard }',
  ].join('\n');
  const config = load(configFolder(t, { 'sending.yaml': text }));
  const target = { to: 'mx', tls: { level: 'opportunistic' }, anyAddress: false };
  const fromDomains = ['brand.example', '*.brand.example'];
  assert.deepEqual(routeTableOf(config), {
    allow: ['qa@example.net', '*.example.com'],
    rules: [
      { name: 'brands', domain: '*', fromDomains, pool: 'bulk', target },
      {
        name: 'routes[1]',
        domain: '*',
        tenants: ['acme'],
        streams: ['bulk'],
        campaigns: ['spring'],
        target: { to: 'discard' },
      },
    ],
  });
  assert.deepEqual(fromRoutesOf(config), fromDomains);
  assert.equal('allow' in routeTableOf(load(configFolder(t))), false);
  const { changes } = reloadConfig(config, { ...load(configFolder(t)), number: 2 });
  assert.equal(changes.includes('allow: removed'), true, changes.join('\n'));
});

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { schedulerOptionsOf } from '../../src/app/scheduler-options.ts';
import { configFolder, load } from '../config/folder.ts';

const MINUTE = 60_000;

test('caps: without a word in sending.yaml the figures of providers.yaml count', (context) => {
  const { caps, providers } = schedulerOptionsOf(load(configFolder(context)));
  deepEqual([caps.connections, caps.deliveriesPerConnection, caps.totalConnections], [10, 100, 2000]);
  deepEqual(providers?.['google']?.caps, {
    connections: 20,
    deliveriesPerConnection: 50,
    recipientsPerTransaction: 100,
  });
  equal(providers?.['mimecast']?.lanes, 'per-site');
  equal(caps.connectionsPerAddress, 20);
});

test('caps: connections to one address are twice those of a site, and of a provider only what is said', (context) => {
  const of = (sending: string, own = 'providers: {}') => {
    const folder = configFolder(context, { 'sending.yaml': sending, 'own-providers.yaml': own });
    const { caps, providers } = schedulerOptionsOf(load(folder));
    return [caps.connectionsPerAddress, providers?.['google']?.caps?.connectionsPerAddress];
  };
  deepEqual(of('caps: { connections: 15 }'), [30, undefined]);
  deepEqual(of('caps: { connections_per_address: 7 }'), [7, 7]);
  const own = 'providers: { google: { caps: { connections_per_address: 5 } } }';
  deepEqual(of('caps: {}', own), [20, 5]);
  deepEqual(of('caps: { connections_per_address: 3 }', own), [3, 3]);
});

test('caps: of what sending.yaml and the provider say the smaller counts, period by period', (context) => {
  const config = load(
    configFolder(context, {
      'sending.yaml': [
        'caps: { connections: 15, rate: [100/m, 9000/h], new_connections: 30/m, burst: 3 }',
        'sources: { a: { address: 192.0.2.1, caps: { connections: 40, rate: 500/m } } }',
        'tenants: { acme: { caps: { rate: 10/s } } }',
        'streams: { bulk: { caps: { rate: [1000/h], burst: 50 } } }',
      ].join('\n'),
      'own-providers.yaml': [
        'providers:',
        '  google: { caps: { rate: [50/m, 10000/h, 100000/d], new_connections: 60/m } }',
        '  outlook: { caps: { new_connections: 10/m } }',
        '  mimecast: { group: { connections: 12, rate: 300/m } }',
      ].join('\n'),
    }),
  );
  const { caps, providers, sources, tenants, streams } = schedulerOptionsOf(config);
  const perMinute = (count: number) => ({ count, perMs: MINUTE });
  deepEqual(caps.rates, [perMinute(100), { count: 9000, perMs: 60 * MINUTE }]);
  deepEqual(providers?.['google']?.caps, {
    connections: 15,
    deliveriesPerConnection: 50,
    recipientsPerTransaction: 100,
    newConnections: perMinute(30),
    rates: [perMinute(50), { count: 9000, perMs: 60 * MINUTE }, { count: 100_000, perMs: 1440 * MINUTE }],
    burst: 3,
  });
  deepEqual(providers?.['outlook']?.caps?.newConnections, perMinute(10));
  deepEqual(providers?.['mimecast']?.group, { connections: 12, rates: [perMinute(300)] });
  deepEqual(sources['a']?.caps, { connections: 40, rates: [perMinute(500)] });
  deepEqual(tenants['acme']?.caps, { rates: [{ count: 10, perMs: 1000 }] });
  deepEqual(streams['bulk']?.caps, { rates: [{ count: 1000, perMs: 60 * MINUTE }], burst: 50 });
  deepEqual(tenants['default']?.caps, undefined);
});

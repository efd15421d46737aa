import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { effectiveSettings } from '../../src/config/effective.ts';
import { parseSize, sizeText } from '../../src/config/units.ts';
import { configFolder, load } from './folder.ts';

test('effective settings: of empty files all have their default, with names and units as in the files', (t) => {
  const settings = effectiveSettings(load(configFolder(t)));
  const told = settings.filter(({ isDefault, setting }) => !isDefault && !setting.startsWith('folder'));
  deepEqual(told, []);
  const valueOf = (name: string): string | undefined => settings.find(({ setting }) => setting === name)?.value;
  deepEqual(
    [
      'limits.message',
      'stop',
      'listeners[0].address',
      'streams.default.retry_delays',
      'pools.default.sources[0].source',
    ].map(valueOf),
    ['50MB', '30s', '127.0.0.1:2525', '[5m, 15m, 30m, 1h, 2h, 4h, 6h]', 'default'],
  );
});

test('effective settings: what a file changes is told, an entry of its own by what it changes, and no secret', (t) => {
  const folder = configFolder(t, {
    'postilion.yaml': 'limits:\n  message: 64KiB\n',
    'sending.yaml':
      'streams: {bulk: {lifetime: 2d}}\nusers: {app1: {recipients: 50000/h}}\n' +
      "routes:\n  - {domains: '*', to: 'mx.example.com:25,[::1]:26', tls: required, credentials: far}\n" +
      "credentials: {far: {user: me, password: '${env:SECRET}'}}\n",
  });
  const settings = effectiveSettings(load(folder, { SECRET: 'hunter2' }));
  const told = settings.filter(({ isDefault, setting }) => !isDefault && !setting.startsWith('folder'));
  deepEqual(
    told.map(({ setting, value }) => `${setting}: ${value}`),
    [
      'limits.message: 64KiB',
      'streams.bulk.lifetime: 2d',
      'users.app1.tenant: default',
      'users.app1.stream: default',
      'users.app1.recipients: 50000/h',
      'routes[0].domains: [*]',
      'routes[0].to: mx.example.com:25, [::1]:26',
      'routes[0].tls: required',
      'routes[0].credentials: far',
      'routes[0].private_addresses: false',
      'credentials.far.user: (secret)',
      'credentials.far.password: (secret)',
    ],
  );
  ok(!JSON.stringify(settings).includes('hunter2'));
});

test('effective settings: the text of a size is read as the same size', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat(),
        fc.nat({ max: 1000 }).map((n) => n * 2 ** 20),
      ),
      (octets) => {
        const parsed = parseSize(sizeText(octets));
        equal('value' in parsed ? parsed.value : parsed.wrong, octets);
      },
    ),
  );
});

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { schedulerOptionsOf } from '../../src/app/scheduler-options.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configFolder, load } from './folder.ts';

test('providers: `ipv6: false` is shipped for Charter, and can be said of others and taken back', (context) => {
  const of = (own: string) => {
    const { providers } = schedulerOptionsOf(load(configFolder(context, { 'own-providers.yaml': own })));
    return [providers?.['charter']?.ipv6, providers?.['google']?.ipv6];
  };
  deepEqual(of('providers: {}'), [false, undefined]);
  deepEqual(of('providers: { charter: { ipv6: true }, google: { ipv6: false } }'), [undefined, false]);
});

test('providers: a pool of IPv6 sources alone is a warning where one takes nothing over IPv6', (context) => {
  const warnings = (pool: string): readonly string[] => {
    const sources = '{ four: { address: 192.0.2.1 }, six: { address: 2001:db8::1 }, any: {} }';
    const sending = `sources: ${sources}\npools: { bulk: ${pool}, default: { sources: [four] } }`;
    const { configDir } = configFolder(context, { 'sending.yaml': sending });
    const loaded = loadConfig({ configDir, env: {}, systemName: 'relay.example.com' });
    return 'ok' in loaded ? loaded.warnings.filter((one) => one.startsWith('pool ')) : ['not loaded'];
  };
  const [told, ...more] = warnings('{ sources: [six] }');
  equal(told, 'pool bulk has IPv6 sources alone: its mail to charter (ipv6: false in providers.yaml) waits');
  deepEqual(more, []);
  for (const pool of ['{ sources: [six, four] }', '{ sources: [six, any] }', '{ sources: [six], overflow: default }']) {
    deepEqual(warnings(pool), []);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { createResolver } from '../../src/net/resolver.ts';
import { NameServer } from '../../src/trial/name-server.ts';

test('name server: the relay finds every domain of the trial world', async (t) => {
  const server = new NameServer((host) => (host.endsWith('google.com') ? '127.0.0.2' : '127.0.0.3'));
  const port = await server.listen('127.0.0.1');
  t.after(() => server.close());
  const servers = [{ address: '127.0.0.1', port }];
  const resolver = createResolver({ servers, timeoutMs: 2000 }, { clock: systemClock, random: systemRandom });
  const mx = await resolver.mx('gmail.com');
  assert.ok(mx.found === 'records');
  assert.deepEqual(
    mx.records.map(({ preference }) => preference),
    [10, 20],
  );
  const best = mx.records[0]?.exchange ?? '';
  const found = await resolver.addresses(best, 4);
  assert.ok(found.found === 'records');
  assert.deepEqual(found.records, ['127.0.0.2']);
  assert.equal((await resolver.addresses(best, 6)).found, 'nothing');
  const other = await resolver.mx('anything.example');
  assert.ok(other.found === 'records' && other.records[0]?.exchange === 'mx1.anything.example');
});

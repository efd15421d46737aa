// Addresses that are not on this host: told to the scheduler before it grants anything, looked for again, and a relay
// without any does not begin.
import { deepEqual, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { SourceWatch, refuseWithoutSources } from '../../src/app/source-watch.ts';
import { EXIT, OperatorError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Config } from '../../src/config/config.ts';
import { isOwnAddress, missingSources } from '../../src/net/own-address.ts';
import { FakeClock } from '../support/fake-clock.ts';

const source = (name: string, address?: string, enabled = true) => ({
  name,
  ehlo: `${name}.example`,
  enabled,
  caps: {},
  ...(address === undefined ? {} : { address }),
});

function config(...sources: readonly ReturnType<typeof source>[]): Pick<Config, 'sources' | 'pools'> {
  return {
    sources: Object.fromEntries([source('default'), ...sources].map((one) => [one.name, one])),
    pools: { default: { sources: sources.map(({ name }) => ({ source: name, weight: 1 })) } },
  };
}

test('own address: an address of this host is, one of nobody is not', async () => {
  deepEqual(await Promise.all(['127.0.0.1', '127.9.9.9', '192.0.2.1', '2001:db8::1'].map(isOwnAddress)), [
    true,
    true,
    false,
    false,
  ]);
  const { sources } = config(source('a', '192.0.2.1'), source('b', '127.0.0.1'), source('off', '192.0.2.2', false));
  deepEqual(await missingSources(sources), ['a']);
});

test('source watch: what is missing is told at once, what comes and goes within ten seconds', async () => {
  const clock = new FakeClock(0);
  const here = new Set(['192.0.2.2']);
  const told: (readonly string[])[] = [];
  const both = config(source('a', '192.0.2.1'), source('b', '192.0.2.2'));
  const watch = new SourceWatch(both, {
    clock,
    log: silentLog,
    onMissing: (names) => told.push(names),
    isOwn: async (address) => here.has(address),
  });
  await watch.start();
  deepEqual(told, [['a']]);
  here.add('192.0.2.1');
  await clock.advance(9_000);
  deepEqual(told.length, 1);
  await clock.advance(1_000);
  deepEqual(told, [['a'], []]);
  here.clear();
  await clock.advance(10_000);
  deepEqual(told.at(-1), ['a', 'b']);
  watch.reload(config(source('b', '192.0.2.2')));
  await clock.advance(0);
  deepEqual(told.at(-1), ['b']);
  watch.stop();
  here.add('192.0.2.2');
  await clock.advance(60_000);
  deepEqual(told.at(-1), ['b']);
});

test('source watch: a relay begins with one usable source in a pool, and with none it is 75', async () => {
  const isOwn = async (address: string): Promise<boolean> => address === '192.0.2.2';
  await refuseWithoutSources(config(source('a', '192.0.2.1'), source('b', '192.0.2.2')), isOwn);
  await refuseWithoutSources(config(source('any')), isOwn);
  await rejects(
    refuseWithoutSources(config(source('a', '192.0.2.1'), source('off', '192.0.2.2', false)), isOwn),
    (error: unknown) => {
      if (!(error instanceof OperatorError)) return false;
      deepEqual(
        [error.exitCode, error.message],
        [EXIT.tryAgain, 'none of the addresses that mail is sent from is on this host: a (192.0.2.1)'],
      );
      return true;
    },
  );
});

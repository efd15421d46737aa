import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { ExplainQuestion } from '../../src/flow/explain.ts';
import type { Router } from '../../src/flow/route.ts';
import { HOUR, MINUTE, OPTIONS, relay, World } from './world.ts';

const router: Router = {
  resolve: async (domain) => ({
    domain,
    route: domain.startsWith('silent')
      ? { kind: 'unknown', text: 'SERVFAIL' }
      : domain.startsWith('null')
        ? { kind: 'unroutable', code: 556, enhanced: '5.1.10', text: 'null MX' }
        : relay(`mx.${domain}`),
    ttlMs: HOUR,
  }),
};

const ask = (address: string, also: Partial<ExplainQuestion> = {}): ExplainQuestion => ({
  address,
  tenant: 'default',
  stream: 'default',
  campaign: '',
  pool: '',
  ...also,
});

test('explain: route, hosts, pool and lanes, and one sentence that says what would happen; nothing is sent', async () => {
  const target = { to: 'mx', tls: { level: 'none' } } as const;
  const rules = [
    { name: 'drop', domain: 'drop.example', target: { to: 'discard' } } as const,
    { name: 'all', domain: '*', target },
  ];
  const world = new World({ router, options: { ...OPTIONS, routes: { rules } } });
  await world.scheduler.start();
  const { operations } = world.scheduler;
  const verdict = async (address: string, also?: Partial<ExplainQuestion>): Promise<string> =>
    (await operations.explain(ask(address, also))).verdict;
  const found = await operations.explain(ask('a@x.example'));
  deepEqual(
    [found.route, found.hosts, found.pool, found.sources, found.provider, found.lanes],
    ['all', ['mx.x.example:25'], 'default', ['default'], undefined, []],
  );
  equal(found.verdict, 'it goes now, from default to mx.x.example:25, once its turn comes');
  equal(await verdict('a@silent.example'), 'it waits for DNS: SERVFAIL');
  equal(await verdict('a@null.example'), 'it fails at once: 556 5.1.10 null MX');
  equal(await verdict('a@drop.example'), 'it is thrown away by the route drop');
  equal(await verdict('a@x.example', { stream: 'gone' }), 'it is held, nobody knows stream gone');
  await operations.pause('campaign/default/spring', 'operator');
  equal(await verdict('a@x.example', { campaign: 'spring' }), 'it is held, paused: campaign/default/spring');
  world.accept(['x.example']);
  await world.clock.advance(1000);
  equal((await operations.explain(ask('a@x.example'))).lanes[0]?.name, 'default/mx.x.example');
  await operations.pauseLane('default/mx.x.example', undefined, 'operator');
  match(
    await verdict('a@x.example'),
    /^it is held, default\/mx\.x\.example until `postilion lane resume default\/mx\.x\.example`: by operator$/,
  );
  await operations.drain('default', 'operator');
  equal(await verdict('a@x.example'), 'it waits for a source: none of pool default may send');
  equal(world.wire.attempts, 1);
  await world.clock.advance(MINUTE);
  await world.end();
});

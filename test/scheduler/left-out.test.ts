// What is left out on a lane: told with the grant; a source that has nothing else begins nothing there.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionGrant } from '../../src/flow/attempt.ts';
import type { SchedulerOptions } from '../../src/scheduler/options.ts';
import type { Behaviour } from './fake-egress.ts';
import { MINUTE, OPTIONS, takesAll, World } from './world.ts';

const member = (source: string) => ({ source, weight: 1 });
const SIX: SchedulerOptions = {
  ...OPTIONS,
  sources: {
    four: { name: 'four', address: '192.0.2.1', ehlo: 'four.example' },
    six: { name: 'six', address: '2001:db8::1', ehlo: 'six.example' },
    any: { name: 'any', ehlo: 'any.example' },
  },
  pools: {
    default: { members: [member('four'), member('six'), member('any')] },
    six: { members: [member('six')] },
  },
  providers: { charter: { lanes: 'shared', ipv6: false } },
};

function noting(grants: SessionGrant[]): Behaviour {
  return {
    ...takesAll,
    connect: (grant) => {
      grants.push(grant);
      return takesAll.connect(grant);
    },
  };
}

test('left out: where a provider takes no IPv6 the grant says so, and a source of IPv6 alone sends nothing', async () => {
  const grants: SessionGrant[] = [];
  const world = new World({ options: SIX, behaviour: noting(grants) });
  await world.scheduler.start();
  for (let n = 0; n < 200; n++) world.accept([n % 2 === 0 ? 'charter.net' : 'example.net']);
  await world.clock.advance(MINUTE);
  equal(world.outcomes().filter(({ outcome }) => outcome === 'delivered').length, 200);
  const sources = (provider: string | undefined) =>
    [...new Set(grants.filter((one) => one.provider === provider).map(({ source }) => source.name))].toSorted();
  deepEqual(sources('charter'), ['any', 'four']);
  deepEqual(sources(undefined), ['any', 'four', 'six']);
  for (const { provider, without } of grants) deepEqual(without, provider === 'charter' ? ['ipv6'] : undefined);
  await world.end();
});

test('left out: a pool of IPv6 alone waits there, untouched, until a reload says otherwise', async () => {
  const world = new World({ options: SIX });
  await world.scheduler.start();
  world.accept(['charter.net'], { pool: 'six' });
  world.accept(['example.net'], { pool: 'six' });
  await world.clock.advance(10 * MINUTE);
  deepEqual(world.kinds(), ['delivered']);
  world.scheduler.reload({ ...SIX, providers: { charter: { lanes: 'shared' } } });
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(), ['delivered', 'delivered']);
  await world.end();
});

// Domains that do not exist: the first answer defers, the second one 15 minutes later fails, over restarts too.
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Router } from '../../src/flow/route.ts';
import type { MemorySpool } from '../../src/spool/memory-spool.ts';
import { HOUR, MINUTE, OPTIONS, relay, World } from './world.ts';

/** Says of every domain what `says` holds, and writes down when it was asked. */
class Dns implements Router {
  says: 'no-name' | 'trouble' | 'mx' = 'no-name';
  asked = 0;

  async resolve(domain: Parameters<Router['resolve']>[0]) {
    this.asked++;
    if (this.says === 'mx') return { domain, route: relay('mx'), ttlMs: MINUTE };
    if (this.says === 'no-name') return { domain, route: { kind: 'no-name' }, ttlMs: MINUTE } as const;
    return { domain, route: { kind: 'unknown', text: 'SERVFAIL' }, ttlMs: MINUTE } as const;
  }
}

const kinds = (world: World): readonly string[] =>
  world.outcomes().map(({ outcome, reply }) => (reply === undefined ? outcome : `${outcome} ${reply.enhanced}`));

/** Another life on the same spool, `awayMs` later. */
async function nextLife(before: World, spool: MemorySpool, router: Router, awayMs: number): Promise<World> {
  await before.end();
  const world = new World({ router, spool: () => spool });
  for (const [id, message] of before.wire.messages) world.wire.messages.set(id, message);
  await world.clock.advance(before.clock.monotonic() + awayMs);
  await world.scheduler.start();
  return world;
}

test('no names: a domain is asked again after 15 minutes, not before, and then all of its mail fails', async () => {
  const dns = new Dns();
  const world = new World({ router: dns });
  await world.scheduler.start();
  for (let n = 0; n < 3; n++) world.accept(['gone.example']);
  await world.clock.advance(14 * MINUTE);
  deepEqual(kinds(world), ['deferred']);
  equal(dns.asked, 1);
  await world.clock.advance(2 * MINUTE);
  equal(dns.asked, 2);
  deepEqual(kinds(world), ['deferred', 'failed 5.1.2', 'failed 5.1.2', 'failed 5.1.2']);
  world.accept(['gone.example']);
  await world.clock.advance(HOUR);
  equal(kinds(world).at(-1), 'failed 5.1.2', 'what comes within a day need not wait');
  await world.end();
});

test('no names: a domain that is there after all is delivered to, and the first answer is forgotten', async () => {
  const dns = new Dns();
  const world = new World({ router: dns });
  await world.scheduler.start();
  world.accept(['back.example']);
  await world.clock.advance(10 * MINUTE);
  dns.says = 'mx';
  await world.clock.advance(10 * MINUTE);
  deepEqual(kinds(world), ['deferred', 'delivered undefined']);
  deepEqual(world.spool.states('no-name/'), []);
  dns.says = 'no-name';
  world.accept(['back.example']);
  await world.clock.advance(5 * MINUTE);
  equal(kinds(world).at(-1), 'deferred');
  await world.end();
});

test('no names: an operator who asks earlier, and trouble in between, neither count nor clear', async () => {
  const dns = new Dns();
  const world = new World({ router: dns });
  await world.scheduler.start();
  const message = world.accept(['gone.example']);
  await world.clock.advance(MINUTE);
  await world.scheduler.operations.retry(message.id, 'operator');
  world.scheduler.reload(OPTIONS);
  await world.clock.advance(5 * MINUTE);
  equal(kinds(world).includes('failed 5.1.2'), false);
  dns.says = 'trouble';
  world.scheduler.reload(OPTIONS);
  await world.clock.advance(12 * MINUTE);
  dns.says = 'no-name';
  await world.clock.advance(6 * MINUTE);
  equal(kinds(world).at(-1), 'failed 5.1.2');
  await world.end();
});

test('no names: a restart keeps the first answer and does not take it for the second', async () => {
  const dns = new Dns();
  let world = new World({ router: dns });
  const { spool } = world;
  await world.scheduler.start();
  for (let n = 0; n < 2; n++) world.accept(['gone.example']);
  await world.clock.advance(4 * MINUTE);
  world = await nextLife(world, spool, dns, MINUTE);
  await world.clock.advance(7 * MINUTE);
  equal(spool.counts.deliveries, 2, 'it was too early');
  world = await nextLife(world, spool, dns, 5 * MINUTE);
  await world.clock.advance(MINUTE);
  equal(spool.counts.deliveries, 0, 'the first answer counts, so the next one fails');
  world = await nextLife(world, spool, dns, 25 * HOUR);
  deepEqual(spool.states('no-name/'), [], 'a day later it is forgotten');
  await world.end();
});

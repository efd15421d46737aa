// What `postilion queue` says of each provider: how much waits, for what, and when it will be gone.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { ProviderBacklog } from '../../src/flow/backlog.ts';
import type { Router } from '../../src/flow/route.ts';
import { DAY, PLAN, START, WarmWorld, warmOptions } from './warm-world.ts';
import { HOUR, MINUTE, OPTIONS, relay, World } from './world.ts';

const perMinute = (count: number) => ({ count, perMs: MINUTE });
const router: Router = {
  resolve: async (domain) => ({
    domain,
    route: domain.startsWith('silent')
      ? { kind: 'unknown', text: 'SERVFAIL' }
      : relay(domain.startsWith('own') ? 'mx.own.example' : `mx.${domain}`),
    ttlMs: HOUR,
  }),
};

async function started(rate = 30): Promise<World> {
  const world = new World({
    router,
    options: {
      ...OPTIONS,
      caps: { ...OPTIONS.caps, rates: [perMinute(rate)] },
      providers: { google: { lanes: 'shared' } },
    },
  });
  await world.scheduler.start();
  return world;
}

async function backlog(world: World, providersMax = 10): Promise<readonly ProviderBacklog[]> {
  return (await world.scheduler.operations.queue({ domainsMax: 0, providersMax })).providers;
}

test('backlog: a line for each provider, site and unknown host, most first; what is left out is summed up', async () => {
  const world = await started();
  for (let n = 0; n < 50; n++) world.accept([n % 2 === 0 ? 'gmail.com' : 'googlemail.com']);
  for (let n = 0; n < 10; n++) world.accept([`own${n % 3}.example`]);
  for (let n = 0; n < 5; n++) world.accept(['single.example']);
  for (let n = 0; n < 3; n++) world.accept(['silent.example']);
  await world.clock.advance(100);
  const all = await backlog(world);
  deepEqual(
    all.map(({ name, kind, domain, waiting }) => [name, kind, domain, waiting]),
    [
      ['google', 'provider', undefined, 50],
      ['mx.own.example', 'site', undefined, 10],
      ['mx.single.example', 'site', 'single.example', 5],
      ['silent.example', 'domain', 'silent.example', 3],
    ],
  );
  match(all[0]?.waits[0]?.text ?? '', /^the cap of lane default\/google: 30 in 1m$/);
  match(all[3]?.waits[0]?.text ?? '', /^DNS: SERVFAIL; asked again in \S+$/);
  const { providers, others } = await world.scheduler.operations.queue({ domainsMax: 0, providersMax: 1 });
  equal(providers.length, 1);
  deepEqual(others, { providers: 3, waiting: 18, inFlight: 0 });
  equal((await world.scheduler.operations.queue({ domainsMax: 0 })).providers.length, 0);
  await world.clock.advance(3 * MINUTE);
  await world.end();
});

test('backlog: it is empty about when it was said to be', async () => {
  const world = await started(30);
  for (let n = 0; n < 300; n++) world.accept(['gmail.com']);
  for (let n = 0; n < 20; n++) world.accept(['gmail.com'], { campaign: 'spring' });
  await world.scheduler.operations.pause('campaign/default/spring', 'operator');
  // Before anything came to an end the cap says how soon at best.
  await world.clock.advance(1);
  const first = (await backlog(world))[0];
  equal(first?.drain.is, 'not-before');
  await world.clock.advance(4 * MINUTE);
  const [google] = await backlog(world);
  deepEqual(
    google?.waits.map(({ deliveries, wait }) => [deliveries > 100 ? 'most' : deliveries, wait.for]),
    [
      ['most', 'cap'],
      [20, 'resume'],
    ],
  );
  ok(Math.abs((google?.perMinute ?? 0) - 30) <= 2, `${google?.perMinute}`);
  const said = google?.drain;
  if (said?.is !== 'empty-about') throw new Error(`${said?.is}`);
  equal(said.held, 20);
  match(google?.empties ?? '', /^about in \d+m$/);
  const at = Math.max(...world.outcomes().map((event) => event.at));
  await world.clock.advance(30 * MINUTE);
  const end = Math.max(...world.outcomes().map((event) => event.at));
  ok(end > at);
  ok(Math.abs(said.at - end) < MINUTE, `said ${said.at}, was ${end}`);
  const [left] = await backlog(world);
  deepEqual([left?.waiting, left?.empties, left?.drain.is], [20, 'never while held', 'never']);
  await world.end();
});

test('backlog: what is suspended empties not before that ends', async () => {
  const world = await started();
  for (let n = 0; n < 5; n++) world.accept(['gmail.com']);
  await world.scheduler.operations.pauseLane('default/google', 90 * MINUTE, 'operator');
  await world.clock.advance(1000);
  const [google] = await backlog(world);
  deepEqual(google?.drain, { is: 'not-before', at: world.clock.now() - 1000 + 90 * MINUTE, held: 0 });
  match(google?.empties ?? '', /^not before \d\d:\d\d UTC$/);
  match(google?.waits[0]?.text ?? '', /^default\/google: suspended, ends in 1h30m: by operator$/);
  await world.end();
});

test('backlog: where all sources warm up, it empties not before budgets let the last of it go', async () => {
  // 24 today, then 40, then 60 a day: of 80 the last go on the third day.
  const world = new WarmWorld(warmOptions({ ...PLAN, overflow: 'wait' }));
  await world.start();
  world.accept(80);
  await world.clock.advance(10 * MINUTE);
  const { providers } = await world.scheduler.operations.queue({ domainsMax: 0, providersMax: 1 });
  const [google] = providers;
  equal(google?.waits[0]?.wait.for, 'budget');
  const { drain } = google ?? {};
  if (drain?.is !== 'not-before') throw new Error(`${drain?.is}`);
  ok(drain.at >= START + 2 * DAY && drain.at < START + 3 * DAY, new Date(drain.at).toISOString());
  await world.clock.advance(drain.at - world.clock.now());
  ok(world.spool.counts.deliveries > 0, 'and not before');
  await world.clock.advance(DAY);
  equal(world.spool.counts.deliveries, 0);
  await world.stop();
});

// What replies do to the suppression list, with the shipped rules: at once, after several messages, lifted, over, kept
// through restarts, and not at all while a provider is in trouble.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Suppression } from '../../src/flow/suppression.ts';
import type { Router } from '../../src/flow/route.ts';
import type { MemorySpool } from '../../src/spool/memory-spool.ts';
import { HOUR, MINUTE, OPTIONS, relay, takesAll, World, type WorldOptions } from './world.ts';

const DAY = 24 * HOUR;
const UNKNOWN = '550 5.1.1 <r0@a.example>: Recipient address rejected: User unknown';
const FULL = '452 4.2.2 <r0@a.example>: mailbox is full';

/** A remote that says one thing at RCPT, until it is told to say another. */
class Remote {
  says = '250 ok';
  /** By mailbox; others hear `says`. */
  readonly to = new Map<string, string>();

  world(also: WorldOptions = {}): World {
    const world: World = new World({
      options: { ...OPTIONS, tenants: { ...OPTIONS.tenants, other: { weight: 1 } } },
      ...also,
      behaviour: {
        ...takesAll,
        transact: ({ messageId, indexes }) => {
          const paths = world.wire.messages.get(messageId)?.forwardPaths ?? [];
          const results = indexes.map((index) => {
            const text = this.to.get(paths[index]?.mailbox ?? '') ?? this.says;
            const [, code = '', enhanced, line = ''] = /^(\d+) (?:(\d\.\d\.\d+) )?(.*)$/.exec(text) ?? [];
            const reply = { code: Number(code), ...(enhanced === undefined ? {} : { enhanced }), lines: [line] };
            return { index, decidedAt: reply.code < 400 ? ('dot' as const) : ('rcpt' as const), reply };
          });
          return { ms: 10, results, taken: results.filter(({ reply }) => reply.code < 400).map(({ index }) => index) };
        },
      },
    });
    return world;
  }
}

const entriesOf = (world: World, address = 'r0@a.example'): Promise<readonly Suppression[]> =>
  world.scheduler.operations.suppressionsOf(address);

/** One message that ends after a day, and a little more time. */
async function send(
  world: World,
  also: Parameters<World['accept']>[1] = {},
  spool: MemorySpool = world.spool,
): Promise<string> {
  const { id } = world.accept(['a.example'], { lifetimeMs: DAY, ...also });
  await world.clock.advance(MINUTE);
  const outcomes = spool.journal.flatMap((event) =>
    event.type === 'outcome' && event.messageId === id ? [event.outcome] : [],
  );
  return outcomes.at(-1) ?? 'waits';
}

async function all(world: World): Promise<readonly Suppression[]> {
  const entries: Suppression[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const part = await world.scheduler.operations.suppressions(from, 1000, {});
    entries.push(...part.entries);
    from = part.next;
  }
  return entries;
}

/** Another scheduler on the same spool. */
async function nextLife(before: World, remote: Remote): Promise<World> {
  await before.end();
  const { spool } = before;
  const world = remote.world({ spool: () => spool, seed: 2 });
  for (const [id, message] of before.wire.messages) world.wire.messages.set(id, message);
  await world.clock.advance(before.clock.monotonic());
  await world.scheduler.start();
  return world;
}

test('suppression by reply: a mailbox that is not there gets no second message, with reply, message and rule as evidence', async () => {
  const remote = new Remote();
  const world = remote.world();
  await world.scheduler.start();
  remote.says = UNKNOWN;
  const first = world.accept(['a.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(first), ['failed']);
  remote.says = '250 ok';
  equal(await send(world), 'suppressed');
  equal(await send(world, { tenant: 'other' }), 'suppressed', 'global');
  const [entry, ...others] = await entriesOf(world);
  deepEqual(others, []);
  equal(entry?.reason, 'recipient-unknown');
  equal(entry?.messageId, first.id);
  equal(entry?.reply, UNKNOWN);
  equal(entry?.by, `rule ${world.outcomes(first)[0]?.rule}`);
  equal(entry?.until, undefined);
  await world.end();
});

test('suppression by reply: a full mailbox is suppressed after five messages in 14 days, a restart between, for 30 days', async () => {
  const remote = new Remote();
  remote.says = FULL;
  let world = remote.world();
  const { spool } = world;
  await world.scheduler.start();
  equal(await send(world), 'deferred');
  await world.clock.advance(2 * DAY);
  equal(world.outcomes().at(-1)?.outcome, 'expired', 'tried many times, one hit');
  equal(world.outcomes().at(-1)?.category, 'recipient-full');
  for (let n = 0; n < 2; n++) {
    await send(world);
    await world.clock.advance(2 * DAY);
  }
  world = await nextLife(world, remote);
  await send(world, {}, spool);
  await world.clock.advance(2 * DAY);
  deepEqual(await entriesOf(world), [], 'four');
  equal(await send(world, {}, spool), 'deferred');
  const [entry] = await entriesOf(world);
  equal(entry?.reason, 'recipient-full');
  equal(entry?.isSoft, true);
  equal(Math.floor(((entry?.until ?? 0) - (entry?.at ?? 0)) / DAY), 30);
  equal(await send(world, {}, spool), 'suppressed');
  await world.clock.advance(31 * DAY);
  remote.says = '250 ok';
  equal(await send(world, {}, spool), 'delivered');
  await world.end();
});

test('suppression by reply: a success begins the count anew, and lifts what was soft', async () => {
  const remote = new Remote();
  const world = remote.world();
  await world.scheduler.start();
  for (const last of [4, 3]) {
    remote.says = FULL;
    for (let n = 0; n < last; n++) await send(world);
    remote.says = '250 ok';
    await world.clock.advance(5 * HOUR);
    equal(await send(world), 'delivered');
  }
  equal(world.spool.states('suppress-hits/').length, 0, 'nothing is counted any more');
  // Soft, and of one tenant alone: it is lifted by that tenant's success, to a mailbox that has been written to before
  // the entry was made.
  const message = world.accept(['a.example', 'a.example'], { notBefore: world.clock.now() + HOUR });
  const entry = { address: 'r0@a.example', scope: 'tenant/default', reason: 'recipient-refused', at: 0, by: 'rule x' };
  const soft: Suppression = { ...entry, isSoft: true };
  await world.scheduler.operations.suppress([soft], 'rule x');
  equal(await send(world, { tenant: 'other' }), 'delivered');
  deepEqual(await entriesOf(world), [soft]);
  await world.clock.advance(2 * HOUR);
  deepEqual(world.kinds(message).toSorted(), ['delivered', 'suppressed']);
  await world.end();
});

test('suppression by reply: a 4xx that says user unknown is counted, three messages, and never for good', async () => {
  const remote = new Remote();
  remote.says = '450 4.1.1 <r0@a.example>: Recipient address rejected: User unknown in local recipient table';
  const world = remote.world();
  await world.scheduler.start();
  equal(await send(world), 'deferred');
  await world.clock.advance(20 * HOUR);
  equal(await send(world), 'deferred');
  deepEqual(await entriesOf(world), []);
  equal(await send(world), 'deferred');
  const [entry] = await entriesOf(world);
  equal(entry?.reason, 'recipient-unknown');
  equal(entry?.isSoft, true);
  ok(entry?.until !== undefined);
  await world.end();
});

test('suppression by reply: blocks, throttles, content and our own faults never suppress, however often', async () => {
  const remote = new Remote();
  const world = remote.world();
  await world.scheduler.start();
  for (const text of [
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org',
    '550 5.7.1 Message rejected as spam',
    '421 4.7.0 too many connections from your host',
    '450 4.7.1 rate limit exceeded',
    '552 5.3.4 message too large',
    '503 5.5.1 bad sequence of commands',
    '451 4.3.0 temporary failure',
  ]) {
    remote.says = text;
    for (let n = 0; n < 6; n++) await send(world, { lifetimeMs: 10 * MINUTE });
    await world.clock.advance(HOUR);
  }
  deepEqual(await all(world), []);
  equal(world.spool.states('suppress-hits/').length, 0);
  await world.end();
});

test('suppression by reply: while too many of a provider are unknown nobody is suppressed, and what it made us enter is taken back', async () => {
  const remote = new Remote();
  const world = remote.world();
  await world.scheduler.start();
  remote.says = UNKNOWN;
  const send20 = async (): Promise<void> => {
    for (let n = 0; n < 20; n++) {
      const path = { mailbox: `p${world.records.size}@a.example`, domain: 'a.example' };
      world.accept([], { forwardPaths: [path as never] });
    }
    await world.clock.advance(10_000);
  };
  await send20();
  equal((await all(world)).length, 20, 'too few to say');
  await send20();
  await send20();
  deepEqual(await all(world), []);
  const alarms = world.spool.alarms().filter(({ alarm }) => alarm === 'unknown-users');
  equal(alarms.length, 1);
  match(alarms[0]?.text ?? '', /^a\.example answered "user unknown" for 50 of 50 .* 49 entries/);
  // Another domain is not concerned.
  const elsewhere = world.accept(['b.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(elsewhere), ['failed']);
  equal((await entriesOf(world, 'r0@b.example')).length, 1);
  // Over: what is said now counts again.
  await world.clock.advance(10 * MINUTE);
  const later = world.accept(['a.example']);
  await world.clock.advance(MINUTE);
  deepEqual(world.kinds(later), ['failed']);
  equal((await entriesOf(world)).length, 1);
  await world.end();
});

test('suppression by reply: unknown users are counted over all sites of a provider, none of which has enough alone', async () => {
  const remote = new Remote();
  remote.says = UNKNOWN;
  const router: Router = {
    resolve: async (domain) => ({ domain, route: relay(`${domain.replace('.example', '')}.google.com`), ttlMs: HOUR }),
  };
  const world = remote.world({ router });
  await world.scheduler.start();
  for (let n = 0; n < 60; n++) {
    const path = { mailbox: `p${n}@s${n % 6}.example`, domain: `s${n % 6}.example` };
    world.accept([], { forwardPaths: [path as never] });
  }
  await world.clock.advance(MINUTE);
  deepEqual(await all(world), []);
  const [alarm, ...others] = world.spool.alarms().filter((one) => one.alarm === 'unknown-users');
  deepEqual(others, []);
  match(alarm?.text ?? '', /^google answered "user unknown" for 50 of 50 /);
  await world.end();
});

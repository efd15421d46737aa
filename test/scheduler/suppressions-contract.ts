// What the suppression list promises, whatever spool it stands in: once on the disk spool, where "again" is a new life
// after kill -9, and once on its memory twin, where it is another scheduler on the same memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/base/random.ts';
import type { JournalEvent } from '../../src/flow/event.ts';
import type { Domain, Mailbox, Message } from '../../src/flow/message.ts';
import type { Spool } from '../../src/flow/spool.ts';
import type { SuppressDecision, Suppression } from '../../src/flow/suppression.ts';
import { Suppressions } from '../../src/scheduler/suppressions.ts';
import { PAGES } from '../../src/policy/suppression-page.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { mail, outcome, T0 } from '../spool/mail.ts';

export interface SpoolOfList {
  readonly spool: Spool;
  readonly clock: FakeClock;
  accept(message: Message): Promise<void>;
  /** Ended without warning, and begun again. */
  again(): Promise<Spool>;
  close(): Promise<void>;
}

export const DAY = 86_400_000;

export const entry = (address: string, changes: Partial<Suppression> = {}): Suppression => ({
  address,
  scope: 'global',
  reason: 'recipient-unknown',
  at: T0,
  by: 'rule x',
  ...changes,
});

export function listOn(
  spool: Spool,
  clock: FakeClock,
  suppresses?: SuppressDecision,
  damages: string[] = [],
): Suppressions {
  const random = seededRandom(3);
  const list = new Suppressions({ spool, clock, random, suppresses, onAlarm: (_, text) => void damages.push(text) });
  list.load();
  return list;
}

const recipient = (address: string, tenant = 'acme', stream = 'bulk') => ({
  mailbox: address as Mailbox,
  domain: address.slice(address.lastIndexOf('@') + 1).toLowerCase() as Domain,
  tenant,
  stream,
});

/** Everything, in order of address and scope. */
export function all(list: Suppressions): readonly Suppression[] {
  const found: Suppression[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const part = list.list(from, 3, {});
    found.push(...part.entries);
    from = part.next;
    assert.ok(from === undefined || from <= PAGES);
  }
  return found.sort((a, b) => (`${a.address} ${a.scope}` < `${b.address} ${b.scope}` ? -1 : 1));
}

export function suppressionsContract(name: string, make: () => Promise<SpoolOfList>): void {
  const promise = (what: string, run: (on: SpoolOfList) => Promise<void>): void => {
    test(`suppressions on ${name}: ${what}`, async () => {
      const on = await make();
      try {
        await run(on);
      } finally {
        await on.close();
      }
    });
  };

  promise(
    'what is added is found in its scope, in any spelling, and after a new life',
    async ({ spool, clock, again }) => {
      const list = listOn(spool, clock);
      assert.equal(list.find(recipient('a@example.com')), undefined);
      const { events, added } = list.add(
        [entry('a@example.com'), entry('b@example.com', { scope: 'tenant/acme' })],
        'operator',
      );
      assert.equal(added, 2);
      spool.record(events);
      const next = listOn(await again(), clock);
      for (const each of [list, next]) {
        assert.deepEqual(each.find(recipient('A@EXAMPLE.com', 'other')), entry('a@example.com'));
        assert.equal(each.find(recipient('B@example.com'))?.scope, 'tenant/acme');
        assert.equal(each.find(recipient('b@example.com', 'other')), undefined);
        assert.equal(each.find(recipient('c@example.com')), undefined);
        assert.deepEqual(each.of('b@example.com'), [entry('b@example.com', { scope: 'tenant/acme' })]);
      }
    },
  );

  promise('many entries are listed once each, by filter, and what is over is not', async ({ spool, clock }) => {
    const list = listOn(spool, clock);
    const entries = Array.from({ length: 300 }, (_, n) =>
      entry(`r${n}@${n % 3 === 0 ? 'one' : 'two'}.example`, {
        scope: n % 2 === 0 ? 'global' : 'tenant/acme',
        reason: n % 5 === 0 ? 'complaint' : 'recipient-unknown',
        ...(n >= 290 ? { until: T0 + DAY } : {}),
      }),
    );
    spool.record(list.add(entries, 'operator').events);
    assert.equal(all(list).length, 300);
    assert.equal(new Set(all(list).map(({ address }) => address)).size, 300);
    const filtered = list.list(0, 1000, { domain: 'one.example', reason: 'complaint', scope: 'global' });
    // Some 300 pages are more than one part reads.
    assert.ok(filtered.next !== undefined);
    await clock.advance(DAY);
    assert.equal(all(list).length, 290);
    assert.equal(list.find(recipient('r299@two.example')), undefined);
  });

  promise(
    'an entry of an outcome stands ahead of it, once, and is written with it',
    async ({ spool, clock, accept, again }) => {
      const message = mail(['A@one.example', 'b@one.example']);
      await accept(message);
      const list = listOn(spool, clock, ({ category }) =>
        category === 'recipient-unknown' ? [{ scope: 'tenant', forMs: 30 * DAY, isSoft: false }] : [],
      );
      const reply = { code: 550, enhanced: '5.1.1', lines: ['no such user', 'x'.repeat(500)] };
      const outcomes = [
        outcome(message, 0, 'failed', { category: 'recipient-unknown', rule: 'r1', reply }),
        outcome(message, 1, 'failed', { category: 'spam-content' }),
      ];
      const ahead = list.follow(outcomes);
      const kinds = ahead.map((event) => (event.type === 'state' ? event.key.slice(0, 9) : event.type));
      assert.deepEqual(kinds, ['suppressi', 'suppress/', 'note']);
      spool.record([...ahead, ...outcomes]);
      const expected: Suppression = entry('a@one.example', {
        scope: 'tenant/acme',
        by: 'rule r1',
        at: T0 + 1000,
        until: T0 + 1000 + 30 * DAY,
        messageId: message.id,
        reply: `550 5.1.1 no such user ${'x'.repeat(177)}`,
      });
      assert.deepEqual(all(list), [expected]);
      const next = listOn(await again(), clock, () => [{ scope: 'tenant', forMs: DAY, isSoft: true }]);
      assert.deepEqual(all(next), [expected]);
      assert.deepEqual(next.follow(outcomes.slice(0, 1)), [], 'weaker than what is there');
    },
  );

  promise('several changes to one page in one write all count', async ({ spool, clock }) => {
    const list = listOn(spool, clock);
    const scopes = ['global', 'tenant/a', 'tenant/b', 'stream/a/b'];
    spool.record(
      list.add(
        scopes.map((scope) => entry('a@example.com', { scope })),
        'operator',
      ).events,
    );
    assert.deepEqual(
      all(list).map(({ scope }) => scope),
      scopes.toSorted(),
    );
  });

  promise(
    'a success that a remote told lifts what is soft, one of a route or of another tenant does not',
    async (on) => {
      const { spool, clock, accept, again } = on;
      const message = mail(['a@one.example']);
      const other = mail(['a@one.example'], { tenant: 'other' });
      await accept(message);
      await accept(other);
      const list = listOn(spool, clock);
      const soft = entry('a@one.example', { scope: 'tenant/acme', isSoft: true, reason: 'recipient-full' });
      const hard = entry('a@one.example', { scope: 'stream/acme/news' });
      spool.record(list.add([soft, hard], 'operator').events);
      const reply = { code: 250, lines: ['ok'] };
      assert.deepEqual(list.follow([outcome(message, 0, 'delivered')]), [], 'thrown away by a route');
      assert.deepEqual(list.follow([outcome(other, 0, 'delivered', { reply })]), []);
      const delivered: JournalEvent = outcome(message, 0, 'delivered', { reply });
      const ahead = list.follow([delivered]);
      assert.deepEqual(
        ahead.map((event) => (event.type === 'note' ? event.note : event.type)),
        ['state', 'suppression-lifted'],
      );
      spool.record([...ahead, delivered]);
      assert.deepEqual(all(list), [hard]);
      assert.deepEqual(all(listOn(await again(), clock)), [hard]);
    },
  );

  promise('what is removed is gone for good, of one scope or of all', async ({ spool, clock, again }) => {
    const list = listOn(spool, clock);
    assert.equal(list.remove('a@example.com', undefined, 'operator').removed, 0);
    const scopes = ['global', 'tenant/a', 'tenant/b'];
    spool.record(
      list.add(
        scopes.map((scope) => entry('a@example.com', { scope })),
        'operator',
      ).events,
    );
    const one = list.remove('a@example.com', 'tenant/a', 'operator');
    assert.equal(one.removed, 1);
    spool.record(one.events);
    assert.equal(list.remove('a@example.com', 'tenant/a', 'operator').removed, 0);
    const rest = list.remove('a@example.com', undefined, 'operator');
    assert.equal(rest.removed, 2);
    spool.record(rest.events);
    assert.deepEqual(all(list), []);
    const next = await again();
    assert.deepEqual(all(listOn(next, clock)), []);
    assert.deepEqual(next.states('suppress/'), [], 'an empty page takes no room');
  });

  promise('a damaged page holds nothing back, is told, and is never overwritten', async ({ spool, clock }) => {
    const list = listOn(spool, clock);
    spool.record(list.add([entry('a@example.com'), entry('b@example.com')], 'operator').events);
    const [{ key } = { key: '' }] = spool.states('suppress/');
    spool.record([{ type: 'state', at: T0, key, value: 'AAAA', by: 'bad luck' }]);
    const damages: string[] = [];
    const next = listOn(spool, clock, () => [{ scope: 'global', isSoft: false }], damages);
    const found = ['a@example.com', 'b@example.com'].filter((address) => next.find(recipient(address)) !== undefined);
    assert.equal(found.length, 1, 'the other page is read');
    assert.match(damages[0] ?? '', /suppress\/[0-9a-f]{4} .*spool rebuild/);
    const lost = found[0] === 'a@example.com' ? 'b@example.com' : 'a@example.com';
    assert.equal(next.isReadable(lost), false);
    assert.equal(next.add([entry(lost)], 'operator').added, 0);
    assert.deepEqual(next.follow([outcome(mail([lost]), 0, 'failed')]), []);
    assert.equal(spool.state(key), 'AAAA');
    assert.equal(next.list(0, 10, {}).entries.length, 1);
  });
}

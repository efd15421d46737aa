import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import { replyPattern } from '../../src/policy/reply-pattern.ts';
import { UNKNOWN_MAX, UnknownReplies } from '../../src/scheduler/unknown-replies.ts';
import { createMemorySpool } from '../../src/spool/memory-spool.ts';
import { mail, outcome, T0 } from '../spool/mail.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MINUTE, takesAll, World } from './world.ts';

const said = (line: string, also: Partial<OutcomeEvent> = {}): OutcomeEvent =>
  outcome(mail(['a@a.example']), 0, 'failed', {
    reply: { code: 550, lines: [line] },
    decidedAt: 'rcpt',
    rule: 'reply 550',
    category: 'undetermined',
    ...also,
  });

function lists() {
  const clock = new FakeClock(T0);
  const spool = createMemorySpool({ clock });
  const again = (): UnknownReplies => {
    const list = new UnknownReplies({ clock, spool });
    list.load();
    return list;
  };
  const list = again();
  const tell = (...events: OutcomeEvent[]): number => {
    const states = list.follow(events);
    spool.record(states);
    return states.length;
  };
  return { spool, list, tell, again };
}

test('unknown replies: those that say the same of different people are one, of each provider', () => {
  const { list, tell } = lists();
  tell(said('zzz <kim@a.example> 192.0.2.1 id q1w2e3r4'), said('zzz <lee@a.example> 192.0.2.77 id t5z6u7i8'));
  tell(said('zzz <kim@a.example> 192.0.2.1 id q1w2e3r4', { provider: 'google' }));
  deepEqual(
    list.list().map(({ provider, count, pattern }) => [provider, count, pattern]),
    [
      [undefined, 2, '550 zzz <…> IP id ID'],
      ['google', 1, '550 zzz <…> IP id ID'],
    ],
  );
  match(list.list()[0]?.sample ?? '', /kim@a\.example/);
});

test('unknown replies: what a text rule knows, what was delivered and what no remote said is not listed', () => {
  const { list, tell } = lists();
  tell(
    said('x', { rule: 'any-no-user' }),
    said('x', { rule: 'google-421-x' }),
    said('x', { outcome: 'delivered', rule: 'reply 250' }),
    said('x', { decidedAt: 'dns', rule: 'reply 550 at dns' }),
  );
  deepEqual(list.list(), []);
  tell(said('y', { rule: 'enhanced 5.7.1' }), said('z', { rule: 'reply 421 at greeting', outcome: 'deferred' }));
  equal(list.list().length, 2);
});

test('unknown replies: kept through a restart; a count is written when it doubles and at an orderly stop', () => {
  const { list, tell, again, spool } = lists();
  const written = Array.from({ length: 9 }, () => tell(said('zzz')));
  deepEqual(written, [1, 1, 0, 1, 0, 0, 0, 1, 0]);
  equal(again().list()[0]?.count, 8, 'killed');
  spool.record(list.rest());
  deepEqual(again().list(), list.list());
  deepEqual(list.rest(), []);
});

test('unknown replies: bounded; the one with the fewest replies, longest ago, goes', () => {
  const { list, tell, again } = lists();
  const word = (n: number): string => n.toString().replace(/\d/g, (digit) => 'abcdefghij'[Number(digit)] ?? '');
  tell(said('often'), said('often'));
  for (let n = 0; n < UNKNOWN_MAX + 20; n++) tell(said(`seldom ${word(n)}`, { at: T0 + n }));
  equal(list.list().length, UNKNOWN_MAX);
  equal(list.list()[0]?.pattern, '550 often');
  ok(!list.list().some(({ pattern }) => pattern === `550 seldom ${word(0)}`));
  equal(again().list().length, UNKNOWN_MAX);
});

test('unknown replies: a pattern of whatever a remote says is short and made in bounded work', () => {
  for (const text of [
    'a'.repeat(1_000_000),
    '<'.repeat(100_000),
    'a.'.repeat(100_000),
    'a1'.repeat(100_000),
    '\u0000\ud800',
  ]) {
    ok(replyPattern(`550 ${text}`).length <= 160);
  }
});

test('unknown replies: the running relay lists what it met', async () => {
  const world = new World({
    behaviour: {
      ...takesAll,
      transact: ({ indexes }) => ({
        ms: 10,
        results: indexes.map((index) => ({ index, decidedAt: 'rcpt' as const, reply: { code: 550, lines: ['qqq'] } })),
        taken: [],
      }),
    },
  });
  await world.scheduler.start();
  world.accept(['a.example', 'a.example']);
  await world.clock.advance(MINUTE);
  const [reply] = await world.scheduler.operations.unknownReplies();
  deepEqual([reply?.count, reply?.sample, reply?.domain, reply?.category], [2, '550 qqq', 'a.example', 'undetermined']);
  await world.end();
});

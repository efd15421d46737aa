import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { DrainForecast } from '../../src/flow/backlog.ts';
import type { SuspensionReport } from '../../src/flow/lanes.ts';
import type { Wait } from '../../src/flow/wait.ts';
import { endOf, sooner } from '../../src/flow/wait.ts';
import { drainText, waitClause, waitSentence, waitText } from '../../src/flow/wait-words.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const MINUTE = 60_000;
const suspension: SuspensionReport = {
  what: 'source+provider',
  name: 'out1/google',
  state: 'suspended',
  since: NOW,
  until: NOW + 120 * MINUTE,
  by: 'rule google-block',
  reply: '550 5.7.28 blocked',
};

const TABLE: readonly (readonly [wait: Wait, sentence: string, end: ReturnType<typeof endOf>])[] = [
  [{ for: 'turn' }, 'it waits for its turn', 'flows'],
  [{ for: 'resume', mark: 'all' }, 'it is held, paused: all', 'held'],
  [
    { for: 'resume', mark: 'campaign/acme/spring', why: '9 of 10 bounced' },
    'it is held, paused: campaign/acme/spring, since 9 of 10 bounced',
    'held',
  ],
  [{ for: 'name', name: 'stream gone' }, 'it is held, nobody knows stream gone', 'held'],
  [{ for: 'source', pool: 'bulk' }, 'it waits for a source: none of pool bulk may send', 'held'],
  [
    { for: 'suspension', suspension },
    'it waits for out1/google: suspended, ends in 2h: 550 5.7.28 blocked (rule google-block)',
    NOW + 120 * MINUTE,
  ],
  [
    { for: 'suspension', suspension: { ...suspension, state: 'held', what: 'campaign', name: 'acme/spring' } },
    'it is held, campaign acme/spring until `postilion campaign resume acme/spring`: 550 5.7.28 blocked (rule google-block)',
    'held',
  ],
  [
    { for: 'budget', source: 'out1', provider: 'google', used: 50, budget: 50, until: NOW + 90 * MINUTE },
    'it waits for the warm-up budget of out1 at google: 50 of 50 used today, the next in 1h30m',
    NOW + 90 * MINUTE,
  ],
  [
    { for: 'cap', by: 'source', name: 'out1', figure: { cap: 'new_connections', count: 60, perMs: MINUTE } },
    'it waits for the cap of source out1: 60 new connections in 1m',
    'flows',
  ],
  [
    {
      for: 'pace',
      lane: 'out1/google',
      part: 'rate',
      allowed: 7.25,
      isPinned: false,
      throttle: { at: NOW - 3 * MINUTE, by: 'rule google-rate', reply: '421 4.7.28 slow down' },
    },
    'it waits for the pace of out1/google: 7.3 a minute, lowered 3m ago: 421 4.7.28 slow down (rule google-rate)',
    'flows',
  ],
];

for (const [wait, sentence, end] of TABLE) {
  test(`wait words: ${sentence}`, () => {
    equal(waitSentence(wait, NOW), sentence);
    equal(endOf(wait), end);
  });
}

test('wait words: of several things mail could wait for, the one by which it goes first', () => {
  const [turn, held, , , , later] = TABLE.map(([wait]) => wait) as [Wait, Wait, Wait, Wait, Wait, Wait];
  equal(sooner(undefined, held), held);
  equal(sooner(held, later), later);
  equal(sooner(later, held), later);
  equal(sooner(later, turn), turn);
});

test('wait words: of many, and what is held is not waited for', () => {
  equal(waitClause(waitText({ for: 'dns' }, NOW), true), 'wait for an answer from DNS');
  equal(waitClause(waitText({ for: 'resume', mark: 'all' }, NOW), true), 'are held, paused: all');
});

test('wait words: when it will be gone', () => {
  const table: readonly (readonly [DrainForecast, string])[] = [
    [{ is: 'never', held: 1 }, 'never while held'],
    [{ is: 'unknown', held: 0 }, 'not known'],
    [{ is: 'empty-about', at: NOW + 500, held: 0 }, 'about in 1s'],
    [{ is: 'empty-about', at: NOW + 12 * MINUTE + 7000, held: 0 }, 'about in 12m'],
    [{ is: 'empty-about', at: NOW + 400 * MINUTE, held: 0 }, 'about in 7h'],
    [{ is: 'not-before', at: NOW + 12 * MINUTE + 7000, held: 0 }, 'in 12m or later'],
    [{ is: 'not-before', at: NOW + 356 * MINUTE, held: 0 }, 'not before 09:00 UTC'],
    [{ is: 'not-before', at: NOW + 3000 * MINUTE, held: 0 }, 'not before 2026-01-04 05:04 UTC'],
  ];
  for (const [forecast, text] of table) equal(drainText(forecast, NOW), text);
});

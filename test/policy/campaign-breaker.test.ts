import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import { type BreakerPolicy, countsAs, type Mishap, tripOf, Window } from '../../src/policy/campaign-breaker.ts';

const HOUR = 3_600_000;
const POLICY: BreakerPolicy = {
  isEnabled: true,
  windowMs: HOUR,
  sampleMin: 100,
  bounceShare: 0.1,
  spamShare: 0.05,
  blockShare: 0.2,
};

const event = (also: Partial<OutcomeEvent>) => also as OutcomeEvent;

test('campaign breaker: what is said of the mail, its recipients or its sender counts; what is said of neither does not', () => {
  const table: [Partial<OutcomeEvent>, ReturnType<typeof countsAs>][] = [
    [{ outcome: 'delivered', category: 'delivered', decidedAt: 'dot' }, 'neither'],
    [{ outcome: 'delivered', category: 'delivered' }, undefined],
    [{ outcome: 'failed', class: 'hard', category: 'recipient-unknown' }, 'bounces'],
    [{ outcome: 'deferred', class: 'hard', category: 'recipient-unknown' }, undefined],
    [{ outcome: 'failed', class: 'content', category: 'spam-content' }, 'spam'],
    [{ outcome: 'deferred', class: 'content', category: 'spam-content' }, 'spam'],
    [{ outcome: 'failed', class: 'content', category: 'too-large' }, 'neither'],
    [{ outcome: 'deferred', class: 'block', category: 'ip-block' }, 'blocks'],
    [{ outcome: 'failed', class: 'block', category: 'domain-block' }, 'blocks'],
    [{ outcome: 'deferred', class: 'throttle', category: 'rate-limit' }, undefined],
    [{ outcome: 'failed', class: 'soft', category: 'recipient-full' }, 'neither'],
    [{ outcome: 'expired', class: 'block', category: 'ip-block' }, undefined],
    [{ outcome: 'suppressed', category: 'suppressed' }, undefined],
  ];
  for (const [given, counts] of table) equal(countsAs(event(given)), counts, JSON.stringify(given));
});

test('campaign breaker: it trips at its share and not before its sample, and says the figures', () => {
  const figures = { answered: 99, bounces: 99, spam: 0, blocks: 0 };
  equal(tripOf(POLICY, figures), undefined);
  equal(tripOf(POLICY, { answered: 1000, bounces: 99, spam: 49, blocks: 199 }), undefined);
  deepEqual(tripOf(POLICY, { answered: 1000, bounces: 100, spam: 0, blocks: 0 }), {
    answered: 1000,
    bounces: 100,
    spam: 0,
    blocks: 0,
    what: 'bounces',
    share: 0.1,
    windowMs: HOUR,
  });
  equal(tripOf(POLICY, { answered: 1000, bounces: 0, spam: 50, blocks: 0 })?.what, 'spam');
  equal(tripOf(POLICY, { answered: 1000, bounces: 0, spam: 0, blocks: 200 })?.what, 'blocks');
  equal(tripOf({ ...POLICY, isEnabled: false }, { answered: 1000, bounces: 900, spam: 0, blocks: 0 }), undefined);
  equal(
    tripOf({ ...POLICY, spamShare: 0 }, { answered: 1000, bounces: 0, spam: 0, blocks: 0 }),
    undefined,
    '0% of none',
  );
});

test('campaign breaker: a window counts all of the last hour, nothing older than it and a twelfth, also in a later life', () => {
  const what = fc.constantFrom<Mishap | 'neither'>('bounces', 'spam', 'blocks', 'neither');
  const wait = fc.integer({ min: 0, max: HOUR / 3 });
  const steps = fc.array(fc.tuple(what, wait, fc.boolean(), wait), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (given) => {
      let window = new Window(HOUR);
      let now = 1_700_000_000_000;
      const seen: (readonly [Mishap | 'neither', number])[] = [];
      for (const [one, later, restarts, untilAsked] of given) {
        now += later;
        window.add(one, now);
        seen.push([one, now]);
        if (restarts) window = new Window(HOUR, JSON.parse(JSON.stringify(window)) as unknown);
        // Asked when nothing has come for a while too: what is old then was not swept by what came.
        now += untilAsked;
        const { answered, bounces, spam, blocks } = window.figures(now);
        const within = (ms: number, kind?: Mishap): number =>
          seen.filter(([which, at]) => at > now - ms && (kind === undefined || which === kind)).length;
        for (const [count, kind] of [[answered], [bounces, 'bounces'], [spam, 'spam'], [blocks, 'blocks']] as const) {
          if (count > within(HOUR, kind) || count < within((HOUR * 11) / 12, kind)) return false;
        }
      }
      return true;
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('campaign breaker: figures of another window, or damaged ones, are not taken up', () => {
  const kept = { windowMs: HOUR, slots: [[Math.floor(1_700_000_000_000 / (HOUR / 12)), 5, 1, 0, 0]] };
  equal(new Window(HOUR, kept).figures(1_700_000_000_000).answered, 5);
  for (const wrong of [
    { ...kept, windowMs: 1 },
    { windowMs: HOUR, slots: [['x']] },
    { windowMs: HOUR },
    7,
    undefined,
  ]) {
    equal(new Window(HOUR, wrong).figures(1_700_000_000_000).answered, 0);
  }
});

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { DrainForecast } from '../../src/flow/backlog.ts';
import { type Drain, drainForecast } from '../../src/policy/drain-forecast.ts';

const NOW = 1_000_000;
const MINUTE = 60_000;
const flows = (deliveries: number) => ({ deliveries, end: 'flows' }) as const;
const held = (deliveries: number) => ({ deliveries, end: 'held' }) as const;
const until = (deliveries: number, minutes: number) => ({ deliveries, end: NOW + minutes * MINUTE });

const TABLE: readonly (readonly [name: string, drain: Partial<Drain>, want: DrainForecast])[] = [
  ['all of it is held', { shares: [held(5)], perMinute: 10 }, { is: 'never', held: 5 }],
  [
    'by the rate of the last minutes',
    { shares: [flows(100)], perMinute: 10 },
    { is: 'empty-about', at: NOW + 10 * MINUTE, held: 0 },
  ],
  [
    'what is held does not count',
    { shares: [flows(100), held(1000)], perMinute: 10 },
    { is: 'empty-about', at: NOW + 10 * MINUTE, held: 1000 },
  ],
  [
    'a pace that has just been lowered counts more than what went before',
    { shares: [flows(100)], perMinute: 10, perMinuteMax: 2 },
    { is: 'empty-about', at: NOW + 50 * MINUTE, held: 0 },
  ],
  [
    'what may not go before an instant',
    { shares: [flows(10), until(5, 30)], perMinute: 10 },
    { is: 'not-before', at: NOW + 30 * MINUTE, held: 0 },
  ],
  [
    'all waits, so what went lately says nothing',
    { shares: [until(1000, 5), until(5, 30)], perMinute: 1 },
    { is: 'not-before', at: NOW + 30 * MINUTE, held: 0 },
  ],
  [
    'budgets have the last word',
    { shares: [flows(10)], perMinute: 10, budgetsUntil: (deliveries) => NOW + deliveries * 1000 * MINUTE },
    { is: 'not-before', at: NOW + 10_000 * MINUTE, held: 0 },
  ],
  [
    'budgets that never suffice',
    { shares: [flows(10)], perMinute: 10, budgetsUntil: () => Infinity },
    { is: 'unknown', held: 0 },
  ],
  ['nothing went lately and nothing is known', { shares: [flows(10)], perMinute: 0 }, { is: 'unknown', held: 0 }],
  [
    'nothing went lately: the caps tell how soon at best',
    { shares: [flows(10)], perMinute: 0, perMinuteMax: 1 },
    { is: 'not-before', at: NOW + 10 * MINUTE, held: 0 },
  ],
];

for (const [name, drain, want] of TABLE) {
  test(`drain forecast: ${name}`, () => {
    deepEqual(drainForecast({ now: NOW, shares: [], perMinute: 0, ...drain }), want);
  });
}

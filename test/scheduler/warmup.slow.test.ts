import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { killed, ramped } from './warm-kills.ts';

test('warm-up budgets: 40 seeds of kills, and none exceeds a budget by one recipient', async () => {
  for (let seed = 101; seed <= 140; seed++) await killed(seed);
});

test('warm-up budgets: 30 seeds of providers with a hidden ramp, under kills: every budget holds, and it ends warm', async () => {
  const seen = new Set<string>();
  for (let seed = 101; seed <= 130; seed++) for (const decision of await ramped(seed)) seen.add(decision);
  for (const want of ['repeated not-delivered', 'repeated little-used', 'stepped-back blocked', 'warm went-well']) {
    ok(seen.has(`warmup-${want}`), `${want} was not among ${[...seen].join(', ')}`);
  }
});

// When a deferred delivery is tried again. Pure: (plan, attempts so far, chance) → delay.
import { unreachable } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { RetryPlan } from '../flow/action.ts';

/** Each delay is drawn from ±25 % of the plan's: what was deferred together must not come back together. */
const JITTER = 0.25;

/** `attempts`: how many there were, at least 1. The last delay of the plan repeats. */
export function retryDelayMs(delaysMs: readonly number[], attempts: number, random: Random): number {
  const planned = delaysMs[Math.min(Math.max(attempts, 1), delaysMs.length) - 1];
  if (planned === undefined) throw new RangeError('a retry plan needs a delay');
  return Math.round(jittered(planned, random));
}

/** A full mailbox, or one that gets too much, is not emptier within minutes. */
const SLOW_MS = 4 * 3_600_000;
/** What greylisting servers ask for at most; a stream whose first delay is shorter wants it sooner. */
const GREYLIST_MS = 5 * 60_000;

/**
 * Delay by what the reply meant: normal, the stream's plan; soon, always its first delay; slow, at least 4 h;
 * greylist, 5 min or the plan's first delay, what is less, doubling up to the plan's longest. The least delays are never shortened by chance.
 */
export function plannedDelayMs(plan: RetryPlan, delaysMs: readonly number[], attempts: number, random: Random): number {
  switch (plan) {
    case 'normal':
      return retryDelayMs(delaysMs, attempts, random);
    case 'soon':
      return retryDelayMs(delaysMs, 1, random);
    case 'slow':
      return Math.max(retryDelayMs(delaysMs, attempts, random), lengthened(SLOW_MS, random));
    case 'greylist': {
      const first = Math.min(GREYLIST_MS, delaysMs[0] ?? GREYLIST_MS);
      const doubled = first * 2 ** Math.min(Math.max(attempts, 1) - 1, 20);
      return lengthened(Math.min(doubled, Math.max(first, ...delaysMs)), random);
    }
    default:
      return unreachable(plan);
  }
}

function lengthened(ms: number, random: Random): number {
  return Math.round(ms * (1 + JITTER * random.next()));
}

export function jittered(ms: number, random: Random): number {
  return ms * (1 - JITTER + 2 * JITTER * random.next());
}

/**
 * How long a lane, or the route of a domain, sleeps after `failures` (at least 1) in a row: a tenth of the first retry
 * delay, doubling up to that delay. Until then nobody else tries: 20,000 waiting deliveries make one connection.
 */
export function backOffMs(delaysMs: readonly number[], failures: number, random: Random): number {
  const first = delaysMs[0];
  if (first === undefined) throw new RangeError('a retry plan needs a delay');
  return Math.round(jittered(Math.min(first, (first / 10) * 2 ** Math.min(failures - 1, 20)), random));
}

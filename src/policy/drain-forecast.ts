// When what waits for a provider will be gone, if nothing more comes: by the rate of the last minutes, what caps and paces
// allow at most, what warm-up budgets leave, and the instants before which nothing goes. Pure; an estimate, never a promise.
import type { DrainForecast } from '../flow/backlog.ts';

export interface Drain {
  readonly now: number;
  /** Deliveries by when they go on (`endOf` of flow/wait.ts). */
  readonly shares: readonly { readonly deliveries: number; readonly end: number | 'flows' | 'held' }[];
  /** Came to an end, over the last minutes. */
  readonly perMinute: number;
  /** By caps and paces together; absent: no limit is known. */
  readonly perMinuteMax?: number;
  /** Budgets let the last of so many go not before; absent: no budget limits it. Infinity: never, as far as is known. */
  readonly budgetsUntil?: (deliveries: number) => number;
}

export function drainForecast({ now, shares, perMinute, perMinuteMax = Infinity, budgetsUntil }: Drain): DrainForecast {
  let held = 0;
  let rest = 0;
  let flowing = 0;
  let last = now;
  for (const { deliveries, end } of shares) {
    if (end === 'held') held += deliveries;
    else rest += deliveries;
    if (end === 'flows') flowing += deliveries;
    if (typeof end === 'number') last = Math.max(last, end);
  }
  if (rest === 0) return { is: 'never', held };
  const byBudget = budgetsUntil?.(rest) ?? now;
  if (byBudget === Infinity) return { is: 'unknown', held };
  const bound = Math.max(last, byBudget);
  const rate = Math.min(perMinute, perMinuteMax);
  // Nothing goes now, so what went lately says nothing.
  if (flowing === 0 && bound > now) return { is: 'not-before', at: bound, held };
  if (rate > 0) {
    const at = Math.round(now + (rest / rate) * 60_000);
    return at < bound ? { is: 'not-before', at: bound, held } : { is: 'empty-about', at, held };
  }
  // Nothing came to an end yet: the caps alone tell how soon at best.
  const atBest = perMinuteMax === Infinity ? bound : Math.max(bound, Math.round(now + (rest / perMinuteMax) * 60_000));
  return atBest > now ? { is: 'not-before', at: atBest, held } : { is: 'unknown', held };
}

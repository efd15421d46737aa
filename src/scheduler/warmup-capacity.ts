// How much mail the sources of a pool that warm up may hand to a provider in time, if every day goes well.
import { capacityUntil } from '../policy/warmup-forecast.ts';
import type { Budgets } from './budgets.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';

export interface CapacityDeps {
  readonly settings: Settings;
  readonly sources: Sources;
  readonly budgets: Budgets;
}

/** What waits for the same budgets. */
export interface BudgetShare {
  readonly pool: string;
  /** Or `other`. */
  readonly provider: string;
  readonly stream: string;
}

/** The most that the pool's sources may hand over within so long. Infinity: one of them is warm, or none may send at all. */
export function capacityWithin(deps: CapacityDeps, { pool, provider, stream }: BudgetShare, withinMs: number): number {
  const { settings, sources, budgets } = deps;
  const tiers = sources.tiers(pool);
  if (tiers.length === 0) return Infinity;
  let capacity = 0;
  for (const { source } of tiers.flat()) {
    const plan = settings.planOf(source.name);
    const day = budgets.dayOf(source.name);
    if (plan === undefined || day === undefined) return Infinity;
    const warming = budgets.find(source.name, provider);
    if (warming === undefined || warming.isWarm) return Infinity;
    if (plan.exceptStreams.includes(stream)) continue;
    capacity += capacityUntil(warming.ladder, day.calendar, warming.state, day.now() + withinMs);
  }
  return capacity;
}

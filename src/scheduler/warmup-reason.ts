// Why mail waits that could go but for budgets: whose they are, how much of them is used, and when there is room again.
import { OTHER } from '../flow/warmup.ts';
import type { Budgets } from './budgets.ts';
import type { DueTime } from './due-time.ts';
import type { Queue } from './queue.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';

export interface ReasonDeps {
  readonly time: DueTime;
  readonly settings: Settings;
  readonly sources: Sources;
  readonly budgets: Budgets;
}

/** undefined: a budget is not what it waits for. */
export function budgetReason(deps: ReasonDeps, { name, binding }: Queue): string | undefined {
  const { time, settings, sources, budgets } = deps;
  if (!settings.hasPlans) return undefined;
  const provider = binding.domain.provider ?? OTHER;
  let first: { readonly source: string; readonly until: number } | undefined;
  let keptOff: string | undefined;
  let hasWarm = false;
  let waits = false;
  for (const { source } of sources.tiers(settings.poolOf(name, binding.rule)).flat()) {
    if (!budgets.isWarming(source.name, provider)) {
      hasWarm = true;
      continue;
    }
    if (settings.planOf(source.name)?.exceptStreams.includes(name.stream) === true) {
      keptOff = source.name;
      continue;
    }
    const { recipients, until = 0 } = budgets.room(source.name, provider);
    if (recipients > 0) return undefined;
    if (settings.planOf(source.name)?.overflow === 'wait') waits = true;
    if (first === undefined || until < first.until) first = { source: source.name, until };
  }
  if (hasWarm && !waits) return undefined;
  if (first === undefined) {
    return keptOff && `a warm source: stream ${name.stream} is kept off ${keptOff} while it warms up`;
  }
  const { used, budget } = budgets.find(first.source, provider)?.state.day ?? { used: 0, budget: 0 };
  const seconds = first.until === Infinity ? 0 : Math.max(0, Math.ceil((first.until - time.now()) / 1000));
  return `the warm-up budget of ${first.source} at ${provider}: ${used} of ${budget} used today, the next in ${seconds} s`;
}

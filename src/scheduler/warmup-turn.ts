// Whose turn it is among the sources of a pool where some warm up: those with budget left now come first, warm ones take
// what is beyond it, unless a plan says that it waits. Streams that are kept off a new source pass it by.
import { OTHER } from '../flow/warmup.ts';
import type { Budgets } from './budgets.ts';
import type { PoolSource, Settings } from './settings.ts';

export interface Turn {
  /** They warm up and may send now. */
  readonly first: readonly PoolSource[];
  /** Warm: what the first have no room for. */
  readonly next: readonly PoolSource[];
  /** All that could send but for a budget, or a stream kept off, hand on to the overflow pool. */
  readonly isPassedOn: boolean;
}

export interface TurnDeps {
  readonly settings: Settings;
  readonly budgets: Budgets;
}

export function turnOf(
  { settings, budgets }: TurnDeps,
  members: readonly PoolSource[],
  provider: string | undefined = OTHER,
  stream: string,
): Turn {
  const first: PoolSource[] = [];
  const next: PoolSource[] = [];
  let waits = false;
  let isPassedOn = false;
  for (const member of members) {
    const { name } = member.source;
    const plan = settings.planOf(name);
    if (plan === undefined || !budgets.isWarming(name, provider)) {
      next.push(member);
      continue;
    }
    const isKeptOff = plan.exceptStreams.includes(stream);
    if (!isKeptOff && budgets.room(name, provider).recipients > 0) first.push(member);
    else if (plan.overflow === 'overflow-pool') isPassedOn = true;
    if (!isKeptOff && plan.overflow === 'wait') waits = true;
  }
  return waits ? { first, next: [], isPassedOn: false } : { first, next, isPassedOn };
}

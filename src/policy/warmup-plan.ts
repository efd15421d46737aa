// A warm-up plan: how many recipients a new source may send to a provider, day after day, and what a day must show before
// the next stage. Data; src/policy/warmup.ts decides by it.
import { IN_ALL } from '../flow/warmup.ts';

/** Spread over the window; a day has its date in the zone. */
export interface DayShape {
  /** 24 h follow the calendar of the zone; anything else counts from 1970 and is for trying a plan out. */
  readonly dayMs: number;
  /** From the day's start; what is left of the budget is spread over what is left of it. */
  readonly windowMs: number;
  /** After midnight. */
  readonly dayStartMs: number;
  readonly timeZone: string;
}

export interface Gates {
  /** Share of the budget that must have been used. */
  readonly used: number;
  /** Share delivered of what was finally answered. */
  readonly delivered: number;
  /** Share of complaints among the delivered above which the plan steps back … */
  readonly complaints: number;
  /** … when there were so many. */
  readonly complaintsMin: number;
  /** Answers under which a day is not judged. */
  readonly sample: number;
}

/** What holds for one provider. */
export interface Ladder {
  /** Recipients per day, rising. Never empty. */
  readonly stages: readonly number[];
  readonly gates: Gates;
  /** Stages. */
  readonly stepBack: number;
  readonly idle: Idle;
}

export interface Idle {
  /** Days without mail after which the reached volume begins to fall. */
  readonly days: number;
  /** Share it loses with each further day. */
  readonly decay: number;
}

export interface ProviderVariant {
  readonly stages?: readonly number[];
  readonly gates?: Partial<Gates>;
  readonly stepBack?: number;
}

/** What becomes of mail beyond the budget. */
export type Overflow =
  | 'pool' // the pool's other sources send it; it waits only when none of them may
  | 'overflow-pool' // then those of the overflow pool, too
  | 'wait'; // it waits, even where the pool has warm sources

export interface WarmupPlan extends DayShape {
  readonly stages: readonly number[];
  readonly providers: Readonly<Record<string, ProviderVariant>>;
  /** For all providers together; absent: not limited. */
  readonly total?: readonly number[];
  readonly gates: Gates;
  readonly stepBack: number;
  readonly idle: Idle;
  readonly overflow: Overflow;
  /** Streams kept off the source where it is not warm. */
  readonly exceptStreams: readonly string[];
}

export function ladderOf(plan: WarmupPlan, group: string): Ladder {
  const { gates, stepBack, idle } = plan;
  if (group === IN_ALL) return { stages: plan.total ?? plan.stages, gates, stepBack, idle };
  const variant = Object.hasOwn(plan.providers, group) ? plan.providers[group] : undefined;
  return {
    stages: variant?.stages ?? plan.stages,
    gates: { ...gates, ...variant?.gates },
    stepBack: variant?.stepBack ?? stepBack,
    idle,
  };
}

/** Where a volume fits: the highest stage that is not above it, else the first. */
export function stageOf({ stages }: Ladder, volume: number): number {
  let found = 0;
  for (let at = 0; at < stages.length && (stages[at] as number) <= volume; at++) found = at;
  return found;
}

export function budgetOf(ladder: Ladder, volume: number): number {
  return ladder.stages[stageOf(ladder, volume)] as number;
}

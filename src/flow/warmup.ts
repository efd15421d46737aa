// What an operator is told of warm-up, and the names of budgets that belong to no provider.

/** All sites without a provider share one budget. */
export const OTHER = 'other';
/** The budget of all providers together: no provider can be called so. */
export const IN_ALL = '*';

/** State keys: `warmup/SOURCE/PROVIDER` where a budget stands, `warmup-days/…` its last days, `warmup-start/SOURCE`. */
export const WARMUP = 'warmup/';
export const WARMUP_DAYS = 'warmup-days/';
export const WARMUP_START = 'warmup-start/';

export type WarmupDecision = 'advanced' | 'warm' | 'repeated' | 'stepped-back' | 'decayed';
export type WarmupReason =
  | 'went-well'
  | 'held'
  | 'little-used'
  | 'not-judged'
  | 'not-delivered'
  | 'blocked'
  | 'complaints'
  | 'idle'
  | 'operator';

/** A day that is over, and what followed. */
export interface WarmupDayReport {
  /** ms since 1970. */
  readonly from: number;
  readonly until: number;
  /** Absent: warm. */
  readonly budget?: number;
  readonly used: number;
  readonly delivered: number;
  readonly against: number;
  readonly blocks: number;
  readonly complaints: number;
  /** Recipients that there were for the provider, whichever source they went by, and what was left waiting. */
  readonly offered: number;
  readonly what?: WarmupDecision;
  readonly why?: WarmupReason;
  /** Budget of the next day. Absent: warm. */
  readonly to?: number;
}

/** One budget of a source. */
export interface WarmupReport {
  readonly source: string;
  readonly plan: string;
  /** A provider, `other`, or `*` for all together. */
  readonly provider: string;
  readonly state: 'warming' | 'warm';
  readonly isHeld: boolean;
  /** From 1. Absent: warm. */
  readonly stage?: number;
  readonly stages: number;
  /** Recipients per day that were reached. */
  readonly volume: number;
  readonly today: {
    readonly from: number;
    readonly until: number;
    readonly budget?: number;
    readonly used: number;
    readonly left?: number;
    readonly delivered: number;
    readonly against: number;
    readonly blocks: number;
    readonly complaints: number;
  };
  readonly gates: { readonly used: number; readonly delivered: number; readonly sample: number };
  readonly decision?: {
    readonly at: number;
    readonly what: WarmupDecision;
    readonly why: WarmupReason;
    readonly from?: number;
    readonly to?: number;
  };
  /** Recipients a day, of the last days; absent: nothing is known. */
  readonly offered?: number;
  readonly prospect: WarmupProspect;
}

/** warm-on: at the end of that day. stays: so much a day never carries it beyond this budget. */
export type WarmupProspect =
  | { readonly is: 'warm' }
  | { readonly is: 'warm-on'; readonly at: number; readonly days: number }
  | { readonly is: 'stays'; readonly budget: number; readonly needs: number }
  | { readonly is: 'unknown' };

export type WarmupChange =
  | { readonly do: 'set'; readonly volume: number }
  | { readonly do: 'advance' }
  | { readonly do: 'hold' }
  | { readonly do: 'resume' }
  | { readonly do: 'reset' };

/** `no`: one sentence, why not. */
export type WarmupAnswer = { readonly budgets: readonly WarmupReport[] } | { readonly no: string };
export type WarmupDays = { readonly days: readonly WarmupDayReport[] } | { readonly no: string };

// What one result of an attempt means. `postilion classify` and events show the same words.
import type { Action } from './action.ts';
import type { DeliveryResult, Report } from './attempt.ts';

export type Scope = 'recipient' | 'message' | 'source' | 'sending domain' | 'site' | 'provider';

/** `deferred` may be tried again; all others are terminal. */
export type OutcomeKind = 'delivered' | 'deferred' | 'failed' | 'expired' | 'suppressed' | 'cancelled' | 'unknown';
export type TerminalKind = Exclude<OutcomeKind, 'deferred'>;

export interface Verdict {
  readonly kind: 'delivered' | 'deferred' | 'failed';
  /** Name in the taxonomy. */
  readonly category: string;
  /** Absent: delivered. */
  readonly class?: string;
  readonly scope: Scope;
  /** The rule that decided. */
  readonly rule: string;
  /** What follows. Absent: nothing. */
  readonly actions?: readonly Action[];
}

/** Pure: what one result of a report means. `provider`: of the site that answered, when it is one we know. */
export type Judge = (result: DeliveryResult, report: Report, provider?: string) => Verdict;

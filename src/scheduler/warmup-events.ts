// What warm-up writes into the journal: where a budget stands, its last days, and a note for each decision.
import type { JournalEvent } from '../flow/event.ts';
import { WARMUP, WARMUP_DAYS, type WarmupDayReport } from '../flow/warmup.ts';
import type { Decision, WarmupDay } from '../policy/warmup.ts';
import type { Warming } from './warming.ts';

/** Days of each budget that are remembered: two months. */
const DAYS_KEPT = 60;

export interface Said {
  /** ms since 1970. */
  readonly at: number;
  readonly by: string;
}

export function stateEvent(warming: Warming, { at, by }: Said): JournalEvent {
  return { type: 'state', at, key: `${WARMUP}${warming.source}/${warming.provider}`, value: warming.kept, by };
}

/** Nothing unless something was decided since `before`. `day`: what it was decided by. */
export function decisionNotes(
  warming: Warming,
  before: Decision | undefined,
  { at, by }: Said,
  day?: WarmupDay,
): readonly JournalEvent[] {
  const { source, provider, state } = warming;
  if (state.decision === undefined || state.decision === before) return [];
  const { what, at: _at, ...figures } = state.decision;
  return [{ type: 'note', at, note: `warmup-${what}`, by, detail: { source, provider, ...day, ...figures } }];
}

/** A day is over; `warming` stands in the next one. */
export function dayEvents(
  warming: Warming,
  { day, decision }: { readonly day: WarmupDay; readonly decision?: Decision },
  offered: number,
  days: readonly WarmupDayReport[],
  said: Said,
): readonly JournalEvent[] {
  const isNew = warming.state.decision !== decision;
  // Days without mail leave no trace: what they do follows from the last one that had some.
  if (day.used === 0 && !isNew) return [];
  const { what, why, to } = (isNew && warming.state.decision) || {};
  const report: WarmupDayReport = {
    ...day,
    offered,
    ...(what !== undefined && why !== undefined && { what, why }),
    ...(to !== undefined && { to }),
  };
  const { source, provider } = warming;
  const { at, by } = said;
  const value = [...days, report].slice(-DAYS_KEPT);
  return [
    stateEvent(warming, said),
    { type: 'state', at, key: `${WARMUP_DAYS}${source}/${provider}`, value, by },
    ...decisionNotes(warming, decision, said, day),
  ];
}

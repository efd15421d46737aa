// What a plan will do with so much mail a day: day by day, for people who choose a plan, and when a source will be warm.
// Runs the same decisions as the relay, on days that go well.
import type { WarmupProspect } from '../flow/warmup.ts';
import { begin, type Decision, leftToday, turnDay, type WarmupState } from './warmup.ts';
import type { Calendar } from './warmup-calendar.ts';
import type { Ladder } from './warmup-plan.ts';

export interface ForecastDay {
  /** 1 is the first. */
  readonly number: number;
  /** ms since 1970. */
  readonly from: number;
  /** Absent: warm, no budget. */
  readonly budget?: number;
  /** Recipients there are for this provider. */
  readonly volume: number;
  /** Of these: sent by the source. */
  readonly sent: number;
  /** At its end. */
  readonly decision?: Decision;
}

export interface Weather {
  /** Recipients there are. */
  readonly volume: number;
  /** The provider blocks the source, at the end of the day. */
  readonly isBlocked?: boolean;
}

/** Beyond what the weather says all is well: everything is delivered. */
export function* forecast(
  ladder: Ladder,
  calendar: Calendar,
  state: WarmupState,
  weather: (day: number, from: number) => Weather,
): Generator<ForecastDay, never> {
  let now = state;
  for (let number = 1; ; number++) {
    const { from, budget, until } = now.day;
    const { volume, isBlocked } = weather(number, from);
    const sent = Math.min(volume, leftToday(ladder, now));
    const used = now.day.used + sent;
    const delivered = now.day.delivered + sent;
    const blocks = isBlocked === true ? 1 : 0;
    const next = turnDay(ladder, calendar, { ...now, day: { ...now.day, used, delivered, blocks } }, until);
    const decision = next.decision === now.decision ? undefined : next.decision;
    yield { number, from, ...(budget !== undefined && { budget }), volume, sent, ...(decision && { decision }) };
    now = next;
  }
}

export function firstDay(ladder: Ladder, calendar: Calendar, now: number): WarmupState {
  const { from } = calendar.day(now);
  return begin(ladder, calendar, from, {});
}

/** Longer than any plan: 100 stages, each of them repeated twice. */
const DAYS_MAX = 300;

/** When it is warm if every day is like the last ones. */
export function prospect(
  ladder: Ladder,
  calendar: Calendar,
  state: WarmupState,
  volume: number | undefined,
): WarmupProspect {
  if (state.at === 'warm') return { is: 'warm' };
  if (volume === undefined) return { is: 'unknown' };
  let stood = 0;
  let before: number | undefined;
  for (const { number, budget, decision } of forecast(ladder, calendar, state, () => ({ volume }))) {
    if (decision?.what === 'warm') return { is: 'warm-on', at: decision.at, days: number };
    stood = budget === before ? stood + 1 : 0;
    before = budget;
    if ((budget !== undefined && stood > 2) || number >= DAYS_MAX) break;
  }
  const budget = before ?? state.volume;
  return { is: 'stays', budget, needs: Math.ceil(Math.max(ladder.gates.used * budget, ladder.gates.sample)) };
}

/** The most that may be handed over before `at`, if every day goes well; Infinity once it is warm. */
export function capacityUntil(ladder: Ladder, calendar: Calendar, state: WarmupState, at: number): number {
  let capacity = 0;
  for (const { number, from, budget, sent } of forecast(ladder, calendar, state, () => ({ volume: Infinity }))) {
    if (from >= at || number >= DAYS_MAX) break;
    if (budget === undefined) return Infinity;
    capacity += sent;
  }
  return capacity;
}

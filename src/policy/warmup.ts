// Warm-up of one source at one provider: (ladder, state, now) → the day's budget, and at the day's end what it has shown.
// Pure; the state is plain JSON and stands in the journal.
//
// States: warming (a budget each day) and warm (none). Forward only by a day that was used and went well, one stage at a
// time; back by a block, by complaints, or by days without mail, which also make warm into warming again. What is kept is
// the volume reached, so that a plan may get other stages at any time.
import type { WarmupDecision, WarmupReason } from '../flow/warmup.ts';
import type { Calendar, DaySpan } from './warmup-calendar.ts';
import { budgetOf, type Ladder, stageOf } from './warmup-plan.ts';

/** What one day has seen so far. */
export interface WarmupDay {
  /** ms since 1970. */
  readonly from: number;
  readonly until: number;
  /** Recipients that may be handed over; absent: any number. */
  readonly budget?: number;
  /** Recipients handed over, retries included. In the journal: never less than were. */
  readonly used: number;
  readonly delivered: number;
  /** Throttled, blocked or refused for what was sent: answers that speak against the source. */
  readonly against: number;
  /** Of these: blocks of the source. */
  readonly blocks: number;
  readonly complaints: number;
  /** An operator placed it after mail was sent: the day does not lead on. */
  readonly isPlaced?: true;
}

export interface WarmupState {
  readonly at: 'warming' | 'warm';
  /** Recipients per day that were reached. */
  readonly volume: number;
  /** End of the last day that had mail, or the instant it began. */
  readonly usedUntil: number;
  /** An operator keeps it where it is. */
  readonly isHeld?: true;
  readonly day: WarmupDay;
  readonly decision?: Decision;
}

export interface Decision {
  /** ms since 1970. */
  readonly at: number;
  readonly what: WarmupDecision;
  readonly why: WarmupReason;
  /** Recipients per day before and after. `to` absent: warm. */
  readonly from?: number;
  readonly to?: number;
}

/** Where a source begins with a provider that it never wrote to. */
export interface Beginning {
  readonly volume?: number;
  readonly isHeld?: true;
}

const NOTHING = { used: 0, delivered: 0, against: 0, blocks: 0, complaints: 0 };

/** `volume` beyond the last stage is warm. */
export function begin(ladder: Ladder, calendar: Calendar, now: number, { volume, isHeld }: Beginning): WarmupState {
  const reached = volume ?? (ladder.stages[0] as number);
  const span = calendar.day(now);
  const last = ladder.stages.at(-1) as number;
  const state = { volume: reached, usedUntil: now, ...(isHeld && { isHeld }) };
  if (reached > last) return { at: 'warm', ...state, day: { ...span, ...NOTHING } };
  return { at: 'warming', ...state, day: { ...span, budget: budgetOf(ladder, reached), ...NOTHING } };
}

/** What may still be handed over today. From the first block on the day has the budget of where it steps back to. */
export function leftToday(ladder: Ladder, { volume, day, isHeld }: WarmupState): number {
  if (day.budget === undefined) return Infinity;
  const budget = isHeld !== true && isBlocked(ladder, day) ? steppedBack(ladder, volume) : day.budget;
  return Math.max(0, Math.min(budget, day.budget) - day.used);
}

/**
 * The day is over: what it has shown, and the day that `now` lies in. Called once however many days have passed; those
 * in between had no mail.
 */
export function turnDay(ladder: Ladder, calendar: Calendar, state: WarmupState, now: number): WarmupState {
  const { day } = state;
  const span = spanAfter(calendar, day, now);
  if (day.used > 0) return opened(ladder, { ...judge(ladder, state), usedUntil: day.until }, span);
  // Complaints come days after the mail: those of a day without any count with the next one that has some.
  const next = opened(ladder, state, span);
  return day.complaints === 0 ? next : { ...next, day: { ...next.day, complaints: day.complaints } };
}

/**
 * As it was found at a start. A clock that went back by a day since then leaves the day as it is: it ends when it was to
 * end. One that went back further was wrong before: what was used stays used, and the day ends by the clock there is.
 */
export function found(calendar: Calendar, state: WarmupState, now: number): WarmupState {
  const { from, until } = state.day;
  if (from - now <= 1.5 * (until - from)) return state;
  return { ...state, usedUntil: Math.min(state.usedUntil, now), day: { ...state.day, ...calendar.day(now) } };
}

/** An operator says where it stands; what was used today stays used. */
export function placed(ladder: Ladder, state: WarmupState, volume: number, now: number): WarmupState {
  const { budget, ...day } = state.day;
  const isWarm = volume > (ladder.stages.at(-1) as number);
  const to = isWarm ? undefined : budgetOf(ladder, volume);
  const decision: Decision = {
    at: now,
    what: isWarm ? 'warm' : (to as number) < (budget ?? Infinity) ? 'stepped-back' : 'advanced',
    why: 'operator',
    ...(budget !== undefined && { from: budget }),
    ...(to !== undefined && { to }),
  };
  return {
    ...state,
    at: isWarm ? 'warm' : 'warming',
    volume,
    usedUntil: Math.max(state.usedUntil, now),
    day: { ...day, ...(to !== undefined && { budget: to }), ...(day.used > 0 && { isPlaced: true }) },
    decision,
  };
}

/** The volume one stage on; beyond the last one it is warm. */
export function nextVolume(ladder: Ladder, volume: number): number {
  return ladder.stages[stageOf(ladder, volume) + 1] ?? (ladder.stages.at(-1) as number) + 1;
}

export function held(state: WarmupState, isHeld: boolean): WarmupState {
  const { isHeld: _before, ...rest } = state;
  return isHeld ? { ...rest, isHeld } : rest;
}

/** Days without mail, up to `from`. */
export function idleDays(calendar: Calendar, { usedUntil }: WarmupState, from: number): number {
  const { from: first, until } = calendar.day(usedUntil);
  return Math.max(0, Math.round((from - usedUntil) / (until - first)));
}

function opened(ladder: Ladder, state: WarmupState, { from, until, lengthMs }: Span): WarmupState {
  const { idle } = ladder;
  const days = Math.max(0, Math.round((from - state.usedUntil) / lengthMs));
  const beyond = state.isHeld === true ? 0 : days - idle.days;
  const volume = beyond <= 0 ? state.volume : state.volume * (1 - idle.decay) ** beyond;
  const last = ladder.stages.at(-1) as number;
  const before = state.day.budget;
  if (state.at === 'warm' && (beyond <= 0 || volume >= last)) {
    return { ...state, day: { from, until, ...NOTHING } };
  }
  const budget = budgetOf(ladder, volume);
  const day = { from, until, budget, ...NOTHING };
  // The volume itself stays until there is mail: the next day counts from it again.
  if (beyond <= 0 || budget === before) return { ...state, at: 'warming', day };
  const decision: Decision = {
    at: from,
    what: 'decayed',
    why: 'idle',
    ...(before !== undefined && { from: before }),
    to: budget,
  };
  return { ...state, at: 'warming', day, decision };
}

function judge(ladder: Ladder, state: WarmupState): WarmupState {
  const { day } = state;
  if (day.budget === undefined) return state;
  // Mail after days without: it goes on from where it had fallen to.
  const reached = budgetOf(ladder, state.volume) === day.budget ? state.volume : day.budget;
  const [what, why] = verdict(ladder, state);
  const decided = (volume: number, to?: number): WarmupState => ({
    ...state,
    at: to === undefined ? 'warm' : 'warming',
    volume,
    decision: { at: day.until, what, why, from: day.budget as number, ...(to !== undefined && { to }) },
  });
  if (what === 'repeated') return decided(reached, day.budget);
  if (what === 'stepped-back') {
    const volume = steppedBack(ladder, day.budget);
    return decided(volume, volume);
  }
  const next = ladder.stages[stageOf(ladder, day.budget) + 1];
  return next === undefined ? decided(day.budget) : decided(next, next);
}

function verdict(ladder: Ladder, { day, isHeld }: WarmupState): readonly [WarmupDecision, WarmupReason] {
  const { gates, stages } = ladder;
  if (isHeld === true) return ['repeated', 'held'];
  const back = day.budget === stages[0] ? 'repeated' : 'stepped-back';
  if (isBlocked(ladder, day)) return [back, 'blocked'];
  if (hasComplaints(ladder, day)) return [back, 'complaints'];
  if (day.used < gates.used * (day.budget ?? 0)) return ['repeated', 'little-used'];
  if (day.isPlaced === true) return ['repeated', 'operator'];
  const answered = day.delivered + day.against;
  if (answered < gates.sample) return ['repeated', 'not-judged'];
  if (day.delivered < gates.delivered * answered) return ['repeated', 'not-delivered'];
  return [day.budget === stages.at(-1) ? 'warm' : 'advanced', 'went-well'];
}

function isBlocked({ gates }: Ladder, { blocks, delivered, against }: WarmupDay): boolean {
  return blocks > 0 && delivered + against >= gates.sample;
}

function hasComplaints({ gates }: Ladder, { complaints, delivered }: WarmupDay): boolean {
  return complaints >= gates.complaintsMin && complaints > gates.complaints * delivered;
}

function steppedBack(ladder: Ladder, volume: number): number {
  return ladder.stages[Math.max(0, stageOf(ladder, volume) - ladder.stepBack)] as number;
}

interface Span extends DaySpan {
  /** Of the whole day, in the calendar. */
  readonly lengthMs: number;
}

/** The day that `now` lies in; never one that has begun before the last one ended. */
function spanAfter(calendar: Calendar, { until }: WarmupDay, now: number): Span {
  const span = calendar.day(Math.max(now, until));
  return { from: Math.max(span.from, until), until: span.until, lengthMs: span.until - span.from };
}

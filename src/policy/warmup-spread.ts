// A day's budget, spread over its window: what is left goes evenly over what is left of the time. Whoever comes late may
// use all of the budget, but never faster than the whole of it within a 24th of the window; and what nobody asked for
// in the meantime is kept up to a 24th of the budget, so that mail in small batches uses the day too.

const PART = 24;

/** May go at once. */
export function burstOf(budget: number): number {
  return Math.max(1, Math.ceil(budget / PART));
}

/** Reserved ahead in the journal, and lost at most by a crash, twice. */
export function blockOf(budget: number): number {
  return Math.max(1, Math.ceil(budget / 100));
}

export interface Spread {
  readonly budget: number;
  /** Of the budget. */
  readonly left: number;
  /** Of the day. */
  readonly from: number;
  readonly windowMs: number;
}

/** What may go now, in recipients; fractions fill up with time. */
export interface Allowance {
  readonly recipients: number;
  readonly at: number;
}

/** From one recipient to the next. */
export function intervalMs({ budget, left, from, windowMs }: Spread, now: number): number {
  return Math.max((from + windowMs - now) / (left + 1), windowMs / PART / budget);
}

/** At the first look of a day, or of a life, one may go. */
export function allowed(before: Allowance | undefined, spread: Spread, now: number): Allowance {
  if (before === undefined) return { recipients: 1, at: now };
  const more = Math.max(0, now - before.at) / intervalMs(spread, before.at);
  return { recipients: Math.min(burstOf(spread.budget), before.recipients + more), at: Math.max(now, before.at) };
}

/** When one may go. */
export function nextAt({ recipients, at }: Allowance, spread: Spread): number {
  return at + Math.max(0, 1 - recipients) * intervalMs(spread, at);
}

// Days of a warm-up plan: from when to when, in the plan's time zone, from its own start of the day. Days lie one behind
// the other without gap or overlap, whatever daylight saving does: one is then 23 or 25 hours long.
import type { DayShape } from './warmup-plan.ts';

export interface DaySpan {
  /** ms since 1970. */
  readonly from: number;
  readonly until: number;
}

export interface Calendar {
  /** The day that `at` lies in. */
  day(at: number): DaySpan;
}

const DAY_MS = 86_400_000;
/** No zone is further from UTC. */
const OFFSET_MS_MAX = 15 * 3_600_000;

export function calendarOf({ dayMs, dayStartMs, timeZone }: DayShape): Calendar {
  if (dayMs !== DAY_MS) {
    return {
      day: (at) => {
        const from = Math.floor((at - dayStartMs) / dayMs) * dayMs + dayStartMs;
        return { from, until: from + dayMs };
      },
    };
  }
  const localOf = zoneClock(timeZone);
  const startOf = (date: number): number => firstInstant(localOf, date * DAY_MS + dayStartMs);
  return {
    day: (at) => {
      let date = Math.floor((localOf(at) - dayStartMs) / DAY_MS);
      // Where clocks go back over the day's start it comes twice: the first counts.
      while (startOf(date + 1) <= at) date++;
      while (startOf(date) > at) date--;
      return { from: startOf(date), until: startOf(date + 1) };
    },
  };
}

/** What a clock on the wall shows at an instant, as if it were UTC. */
function zoneClock(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(at)) part[type] = Number(value);
    const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) + (at - Math.floor(at / 1000) * 1000);
  };
}

/** The first instant at which the clock shows `local`; one that it jumps over comes as long after the jump. */
function firstInstant(localOf: (at: number) => number, local: number): number {
  const before = localOf(local - OFFSET_MS_MAX) - (local - OFFSET_MS_MAX);
  const after = localOf(local + OFFSET_MS_MAX) - (local + OFFSET_MS_MAX);
  const early = local - Math.max(before, after);
  return localOf(early) === local ? early : local - Math.min(before, after);
}

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { calendarOf } from '../../src/policy/warmup-calendar.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Santiago'];

const calendar = (timeZone: string, dayStartMs = 0, dayMs = DAY) =>
  calendarOf({ dayMs, windowMs: dayMs, dayStartMs, timeZone });

test('warm-up calendar: days lie one behind the other in every zone, and each holds its instants', () => {
  const zone = fc.constantFrom(...ZONES);
  const start = fc.integer({ min: 0, max: 95 }).map((quarters) => (quarters * HOUR) / 4);
  const at = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2028, 0, 1) });
  fc.assert(
    fc.property(zone, start, at, fc.double({ min: 0, max: 1, noNaN: true }), (timeZone, dayStartMs, from, part) => {
      const days = calendar(timeZone, dayStartMs);
      for (let day = days.day(from), n = 0; n < 3; n++) {
        ok(day.from < day.until && day.until - day.from >= 22 * HOUR && day.until - day.from <= 26 * HOUR);
        const within = day.from + Math.floor(part * (day.until - day.from - 1));
        equal(days.day(within).from, day.from);
        const next = days.day(day.until);
        equal(next.from, day.until);
        day = next;
      }
    }),
    { numRuns: 300 },
  );
});

test('warm-up calendar: the days of daylight saving have 23 and 25 hours', () => {
  const days = calendar('Europe/Berlin', 6 * HOUR);
  const hours = (at: number): number => {
    const { from, until } = days.day(at);
    return (until - from) / HOUR;
  };
  equal(hours(Date.UTC(2026, 2, 28, 12)), 23);
  equal(hours(Date.UTC(2026, 9, 24, 12)), 25);
  equal(hours(Date.UTC(2026, 5, 1, 12)), 24);
  equal(days.day(Date.UTC(2026, 5, 1, 3, 59)).until, Date.UTC(2026, 5, 1, 4));
});

test('warm-up calendar: a start that the clocks jump over, or show twice, begins one day', () => {
  const days = calendar('Europe/Berlin', 2.5 * HOUR);
  equal(days.day(Date.UTC(2026, 2, 29, 12)).from, Date.UTC(2026, 2, 29, 1, 30));
  // 02:30 comes at 00:30 and at 01:30 UTC.
  const twice = days.day(Date.UTC(2026, 9, 25, 1));
  equal(twice.from, Date.UTC(2026, 9, 25, 0, 30));
  equal(days.day(Date.UTC(2026, 9, 25, 1, 40)).from, twice.from);
});

test('warm-up calendar: a day of another length follows no calendar', () => {
  const days = calendar('Europe/Berlin', 0, 60_000);
  const { from, until } = days.day(Date.UTC(2026, 2, 29, 0, 59, 30));
  equal(from, Date.UTC(2026, 2, 29, 0, 59));
  equal(until - from, 60_000);
});

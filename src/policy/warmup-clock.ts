// The clock of a warm-up plan's days. Within a life of the process a day lasts as long as the calendar said when it began,
// by the monotonic clock: a step of the wall clock neither ends a day nor gives it twice. At a day's end it is set anew.
import type { Calendar } from './warmup-calendar.ts';

export interface ClockFaces {
  readonly wall: number;
  readonly monotonic: number;
}

export class WarmupClock {
  readonly calendar: Calendar;
  #wall: number;
  #monotonic: number;

  constructor(calendar: Calendar, { wall, monotonic }: ClockFaces) {
    this.calendar = calendar;
    this.#wall = wall;
    this.#monotonic = monotonic;
  }

  /** A reload may bring another calendar; what time it is does not change. */
  withCalendar(calendar: Calendar): WarmupClock {
    return new WarmupClock(calendar, { wall: this.#wall, monotonic: this.#monotonic });
  }

  /** ms since 1970, but never stepping. */
  now({ monotonic }: ClockFaces): number {
    return this.#wall + (monotonic - this.#monotonic);
  }

  /** A day has ended. Set to the wall clock, unless that went back so far that the day would come again. */
  set(faces: ClockFaces): void {
    const now = this.now(faces);
    const { from, until } = this.calendar.day(now);
    this.#wall = faces.wall < now - (until - from) / 2 ? now : faces.wall;
    this.#monotonic = faces.monotonic;
  }
}

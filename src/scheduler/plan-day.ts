// The day of one warm-up plan, the same for all its sources: when it ends, and what there was for each provider in it,
// whichever source it went by.
import type { Clock } from '../base/clock.ts';
import { IN_ALL } from '../flow/warmup.ts';
import { type Calendar, calendarOf } from '../policy/warmup-calendar.ts';
import { WarmupClock } from '../policy/warmup-clock.ts';
import type { WarmupPlan } from '../policy/warmup-plan.ts';

export class PlanDay {
  readonly name: string;
  readonly #source: Clock;
  #clock: WarmupClock;
  /** On the plan's clock. */
  until: number;
  readonly #handed = new Map<string, number>();
  /** What waited for each provider when the day began. */
  #waited: ReadonlyMap<string, number> | undefined;

  constructor(name: string, plan: WarmupPlan, clock: Clock) {
    this.name = name;
    this.#source = clock;
    this.#clock = new WarmupClock(calendarOf(plan), { wall: clock.now(), monotonic: clock.monotonic() });
    this.until = this.calendar.day(this.now()).until;
  }

  get calendar(): Calendar {
    return this.#clock.calendar;
  }

  /** After a reload. */
  follow(plan: WarmupPlan): void {
    this.#clock = this.#clock.withCalendar(calendarOf(plan));
    this.until = this.calendar.day(this.now()).until;
  }

  now(): number {
    return this.#clock.now({ wall: this.#source.now(), monotonic: this.#source.monotonic() });
  }

  handed(provider: string, recipients: number): void {
    this.#handed.set(provider, (this.#handed.get(provider) ?? 0) + recipients);
  }

  /** What there was for a provider since the day began. */
  offered(provider: string, waiting: ReadonlyMap<string, number>): number {
    if (provider !== IN_ALL) {
      const grown = (waiting.get(provider) ?? 0) - (this.#waited?.get(provider) ?? 0);
      return (this.#handed.get(provider) ?? 0) + Math.max(0, grown);
    }
    let all = 0;
    for (const each of new Set([...waiting.keys(), ...this.#handed.keys()])) all += this.offered(each, waiting);
    return all;
  }

  /** The next day begins. When it does, on the plan's clock. */
  turn(waiting: ReadonlyMap<string, number>): number {
    const faces = { wall: this.#source.now(), monotonic: this.#source.monotonic() };
    const before = this.#clock.now(faces);
    this.#clock.set(faces);
    const now = Math.max(before, this.#clock.now(faces));
    this.until = this.calendar.day(now).until;
    this.#handed.clear();
    this.#waited = waiting;
    return now;
  }
}

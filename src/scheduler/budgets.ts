// The budgets of sources that warm up: how many recipients a source may hand to a provider now. Counted here alone, so
// exact over all processes; kept in the journal, so exact over restarts. A source without a plan has none.
import type { Clock } from '../base/clock.ts';
import type { Report } from '../flow/attempt.ts';
import type { JournalEvent, OutcomeEvent } from '../flow/event.ts';
import type { Spool } from '../flow/spool.ts';
import { IN_ALL, OTHER, WARMUP, WARMUP_DAYS, WARMUP_START, type WarmupDayReport } from '../flow/warmup.ts';
import { type Beginning, begin, found, turnDay, type WarmupState } from '../policy/warmup.ts';
import { answerOf } from '../policy/warmup-answer.ts';
import { ladderOf, type WarmupPlan } from '../policy/warmup-plan.ts';
import type { DueTime } from './due-time.ts';
import type { OpenAttempt } from './in-flight.ts';
import { PlanDay } from './plan-day.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import { Warming } from './warming.ts';
import type { Wakeable, Wakes } from './wakes.ts';
import { dayEvents, decisionNotes, stateEvent } from './warmup-events.ts';

export interface BudgetsDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly spool: Spool;
  readonly settings: Settings;
  readonly recorder: Recorder;
  readonly wakes: Wakes;
  /** Deliveries that wait, by provider. Looked at once a day. */
  readonly waiting: () => ReadonlyMap<string, number>;
  /** A budget at this provider may have room that it had not: lanes there are looked at. `*`: everywhere. */
  readonly onRoom: (provider: string) => void;
  /** This source has become warm there, or is not any more. `*`: everywhere. */
  readonly onWarmth: (source: string, provider: string) => void;
  /** Something was granted under a budget. */
  readonly onGranted: (attempt: OpenAttempt) => void;
}

/** So many recipients may be handed over now; 0: none before `until` in due time, and then lanes are looked at. */
export type BudgetRoom = { readonly recipients: number; readonly until?: number };

/** Where a budget stands. `budget` absent: warm. `until`: ms since 1970, when the next may go. */
export interface BudgetLook {
  /** A provider, `other`, or `*`. */
  readonly provider: string;
  readonly used: number;
  readonly budget?: number;
  readonly mayGo: boolean;
  readonly until?: number;
}

export class Budgets implements Wakeable {
  readonly #deps: BudgetsDeps;
  /** By `SOURCE/PROVIDER`. */
  readonly #budgets = new Map<string, Warming>();
  readonly #beginnings = new Map<string, Beginning>();
  /** By name of the plan. */
  readonly #days = new Map<string, PlanDay>();
  /** Attempts under a budget, and the days they count in. */
  readonly #granted = new WeakMap<OpenAttempt, readonly (readonly [Warming, from: number])[]>();
  readonly #onRoom = ({ provider }: Warming): void => this.#deps.onRoom(provider);
  wakeAt: number | undefined;

  constructor(deps: BudgetsDeps) {
    this.#deps = deps;
  }

  /** At a start, and after a reload: plans may be others, what was reached and used stays. */
  load(): void {
    const { spool, settings, clock } = this.#deps;
    const plans = settings.plansInUse;
    for (const name of this.#days.keys()) if (!plans.has(name)) this.#days.delete(name);
    for (const [name, plan] of plans) {
      const day = this.#days.get(name);
      if (day === undefined) this.#days.set(name, new PlanDay(name, plan, clock));
      else day.follow(plan);
    }
    for (const [key, warming] of this.#budgets) {
      const plan = settings.planOf(warming.source);
      const isThere = warming.provider !== IN_ALL || plan?.total !== undefined;
      if (plan !== undefined && isThere) warming.follow(plan, ladderOf(plan, warming.provider));
      else {
        this.#keep(warming);
        this.#budgets.delete(key);
      }
    }
    for (const { key, value } of spool.states(WARMUP_START)) {
      this.#beginnings.set(key.slice(WARMUP_START.length), value as Beginning);
    }
    for (const { key, value } of spool.states(WARMUP)) {
      const name = key.slice(WARMUP.length);
      const [source = '', provider = ''] = name.split('/');
      if (!this.#budgets.has(name)) this.#take(source, provider, value as WarmupState);
    }
    this.wake();
  }

  /** Whether a budget holds this source back there: it is not warm. */
  isWarming(source: string, provider: string): boolean {
    const plan = this.#deps.settings.planOf(source);
    if (plan === undefined) return false;
    return this.#of(source, provider, plan).some(({ isWarm }) => !isWarm);
  }

  room(source: string, provider: string): BudgetRoom {
    const plan = this.#deps.settings.planOf(source);
    if (plan === undefined) return { recipients: Infinity };
    let recipients = Infinity;
    let until = 0;
    for (const warming of this.#of(source, provider, plan)) {
      const now = this.#turned(warming);
      const room = warming.room(now);
      recipients = Math.min(recipients, room.recipients);
      if ('until' in room) {
        const at = this.#deps.time.now() + (room.until - now);
        this.#deps.wakes.set(warming, at);
        until = Math.max(until, at);
      } else if ('reserve' in room) {
        this.#reserve(warming, room.reserve);
        until = Infinity;
      }
    }
    return recipients > 0 ? { recipients } : { recipients: 0, until };
  }

  /** As `room`, for who only asks: no budget is begun or reserved, nobody is woken. Empty: no plan. */
  look(source: string, provider: string): readonly BudgetLook[] {
    const plan = this.#deps.settings.planOf(source);
    if (plan === undefined) return [];
    const names = plan.total === undefined || provider === IN_ALL ? [provider] : [provider, IN_ALL];
    return names.map((name) => {
      const warming = this.#budgets.get(`${source}/${name}`) ?? this.#made(source, name, plan);
      const now = this.#turned(warming);
      const { budget, used } = warming.state.day;
      const room = warming.room(now);
      const until = 'until' in room ? this.#deps.clock.now() + (room.until - now) : undefined;
      // What must be reserved first is reserved as soon as somebody wants it.
      const mayGo = room.recipients > 0 || 'reserve' in room;
      return {
        provider: name,
        used,
        ...(budget !== undefined && { budget }),
        mayGo,
        ...(until !== undefined && { until }),
      };
    });
  }

  granted(source: string, provider: string, attempt: OpenAttempt): void {
    const recipients = attempt.indexes.length;
    for (const day of this.#days.values()) day.handed(provider, recipients);
    const plan = this.#deps.settings.planOf(source);
    if (plan === undefined) return;
    this.#deps.onGranted(attempt);
    const budgets = this.#of(source, provider, plan);
    for (const warming of budgets) {
      this.#turned(warming);
      const isFirst = warming.state.day.used === 0;
      warming.granted(recipients);
      // Of a warm source the day alone is kept: that it had mail.
      if (warming.isWarm && isFirst) this.#keep(warming);
      const ahead = warming.ahead;
      if (ahead > 0) this.#reserve(warming, ahead);
    }
    this.#granted.set(
      attempt,
      budgets.map((warming) => [warming, warming.state.day.from]),
    );
  }

  /** Without a report: given back, not begun. What never came as far as MAIL was not handed over either. */
  over(attempt: OpenAttempt, report?: Report): void {
    const kept = this.#granted.get(attempt);
    if (kept === undefined) return;
    this.#granted.delete(attempt);
    const back = report === undefined ? attempt.indexes.length : report.results.filter(isBeforeMail).length;
    if (back === 0) return;
    for (const [warming, from] of kept) {
      // Yesterday's budget is nobody's any more.
      if (warming.state.day.from !== from) continue;
      const hadRoom = warming.room(this.#turned(warming)).recipients > 0;
      warming.returned(back);
      // Whoever found it spent meanwhile may go by it now.
      if (!hadRoom) warming.wake();
    }
  }

  /** Told each outcome once it is written. */
  count(event: OutcomeEvent): void {
    const { source, provider = OTHER } = event;
    if (source === undefined || this.#budgets.size === 0) return;
    const answer = answerOf(event);
    if (answer === undefined) return;
    for (const name of [provider, IN_ALL]) {
      const warming = this.#budgets.get(`${source}/${name}`);
      if (warming === undefined || warming.isWarm) continue;
      this.#turned(warming);
      warming.answered(answer);
      if (answer === 'block' || answer === 'complaint') this.#keep(warming);
    }
  }

  /** For operators: every budget there is of these sources, and of what they begin with. */
  all(source?: string): readonly Warming[] {
    const found = [...this.#budgets.values()].filter((each) => source === undefined || each.source === source);
    for (const each of found) this.#turned(each);
    return found;
  }

  find(source: string, provider: string): Warming | undefined {
    const plan = this.#deps.settings.planOf(source);
    return plan && this.#of(source, provider, plan).find((each) => each.provider === provider);
  }

  dayOf(source: string): PlanDay | undefined {
    return this.#days.get(this.#deps.settings.planNameOf(source) ?? '');
  }

  beginning(source: string): Beginning {
    return this.#beginnings.get(source) ?? {};
  }

  /** An operator changed it. */
  change(warming: Warming, state: WarmupState, by: string): void {
    const before = warming.state.decision;
    this.#become(warming, state);
    const said = { at: this.#deps.clock.now(), by };
    this.#deps.recorder.write([stateEvent(warming, said), ...decisionNotes(warming, before, said)]);
    warming.wake();
  }

  changeBeginning(source: string, beginning: Beginning, by: string): void {
    this.#beginnings.set(source, beginning);
    const { clock, recorder } = this.#deps;
    recorder.write([{ type: 'state', at: clock.now(), key: `${WARMUP_START}${source}`, value: beginning, by }]);
  }

  days(warming: { readonly source: string; readonly provider: string }): readonly WarmupDayReport[] {
    const kept = this.#deps.spool.state(`${WARMUP_DAYS}${warming.source}/${warming.provider}`);
    return Array.isArray(kept) ? (kept as readonly WarmupDayReport[]) : [];
  }

  wake(): void {
    let next = Infinity;
    for (const day of this.#days.values()) {
      if (day.now() >= day.until) this.#turn(day);
      next = Math.min(next, day.until - day.now());
    }
    if (next < Infinity) this.#deps.wakes.set(this, this.#deps.time.now() + next);
  }

  /** An orderly stop: what was reserved and not used is given back. */
  close(): void {
    for (const warming of this.#budgets.values()) {
      if (warming.reserved <= warming.state.day.used) continue;
      warming.reserved = warming.state.day.used;
      this.#keep(warming);
    }
  }

  /** Of the provider, and of all together where the plan limits them. */
  #of(source: string, provider: string, plan: WarmupPlan): readonly Warming[] {
    const own = this.#budgets.get(`${source}/${provider}`) ?? this.#begin(source, provider, plan);
    if (plan.total === undefined || provider === IN_ALL) return [own];
    return [own, this.#budgets.get(`${source}/${IN_ALL}`) ?? this.#begin(source, IN_ALL, plan)];
  }

  #begin(source: string, provider: string, plan: WarmupPlan): Warming {
    return this.#add(this.#made(source, provider, plan));
  }

  #made(source: string, provider: string, plan: WarmupPlan): Warming {
    const day = this.dayOf(source) as PlanDay;
    const { isHeld, volume } = this.beginning(source);
    const beginning = { ...(isHeld && { isHeld }), ...(provider !== IN_ALL && volume !== undefined && { volume }) };
    const state = begin(ladderOf(plan, provider), day.calendar, Math.floor(day.now()), beginning);
    return new Warming(source, provider, plan, ladderOf(plan, provider), state, this.#onRoom);
  }

  #take(source: string, provider: string, state: WarmupState): void {
    const day = this.dayOf(source);
    const plan = this.#deps.settings.planOf(source);
    if (plan === undefined || day === undefined || (provider === IN_ALL && plan.total === undefined)) return;
    const kept = found(day.calendar, state, day.now());
    this.#add(new Warming(source, provider, plan, ladderOf(plan, provider), kept, this.#onRoom));
  }

  #add(warming: Warming): Warming {
    this.#budgets.set(`${warming.source}/${warming.provider}`, warming);
    return warming;
  }

  /** The plan's clock; a day that is over has ended by now. */
  #turned(warming: Warming): number {
    const day = this.dayOf(warming.source) as PlanDay;
    if (day.now() >= day.until) this.#turn(day);
    const now = day.now();
    if (now >= warming.state.day.until) this.#record(this.#next(warming, now, 0));
    return now;
  }

  #turn(day: PlanDay): void {
    const { settings, waiting } = this.#deps;
    const before = day.now();
    const waits = waiting();
    const over = [...this.#budgets.values()].filter(
      (each) => settings.planNameOf(each.source) === day.name && each.state.day.until <= before,
    );
    const offered = over.map(({ provider }) => day.offered(provider, waits));
    const now = day.turn(waits);
    this.#record(over.flatMap((warming, at) => this.#next(warming, now, offered[at] as number)));
    for (const warming of over) warming.wake();
  }

  #next(warming: Warming, now: number, offered: number): readonly JournalEvent[] {
    const { state, source, ladder } = warming;
    const { calendar, name } = this.dayOf(source) as PlanDay;
    this.#become(warming, turnDay(ladder, calendar, state, now));
    const said = { at: this.#deps.clock.now(), by: `plan ${name}` };
    return dayEvents(warming, state, offered, this.days(warming), said);
  }

  #become(warming: Warming, state: WarmupState): void {
    const { isWarm, source, provider } = warming;
    warming.become(state);
    if (warming.isWarm !== isWarm) this.#deps.onWarmth(source, provider);
  }

  #reserve(warming: Warming, recipients: number): void {
    if (recipients <= warming.reserved) return;
    const { from } = warming.state.day;
    warming.reserved = recipients;
    const { recorder, clock } = this.#deps;
    recorder.write([stateEvent(warming, { at: clock.now(), by: 'scheduler' })]);
    recorder.afterSync(() => {
      if (warming.state.day.from !== from || warming.covered >= recipients) return;
      warming.covered = recipients;
      warming.wake();
    });
  }

  #keep(warming: Warming): void {
    this.#record([stateEvent(warming, { at: this.#deps.clock.now(), by: 'scheduler' })]);
  }

  #record(events: readonly JournalEvent[]): void {
    if (events.length > 0) this.#deps.recorder.add(events);
  }
}

function isBeforeMail({ decidedAt }: Report['results'][number]): boolean {
  return !['mail', 'rcpt', 'data', 'dot'].includes(decidedAt);
}

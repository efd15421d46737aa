// One budget of a source that warms up: what its day has seen, and how much of it stands in the journal. Recipients are
// reserved there, and synced, before they may be handed over: after a crash or a power cut what was reserved counts as
// used, so no day ever exceeds its budget, and a few recipients of the day are all that is lost.
import { leftToday, type WarmupDay, type WarmupState } from '../policy/warmup.ts';
import type { Ladder, WarmupPlan } from '../policy/warmup-plan.ts';
import { type Allowance, allowed, blockOf, burstOf, nextAt, type Spread } from '../policy/warmup-spread.ts';
import type { Wakeable } from './wakes.ts';

export type Room =
  | { readonly recipients: number }
  /** `until`: on the plan's clock. */
  | { readonly recipients: 0; readonly until: number }
  /** More must be reserved first. */
  | { readonly recipients: 0; readonly reserve: number };

export class Warming implements Wakeable {
  readonly source: string;
  /** A provider, `other`, or `*`. */
  readonly provider: string;
  ladder: Ladder;
  plan: WarmupPlan;
  state: WarmupState;
  /** In the journal as used today, or on its way there. */
  reserved: number;
  /** Of these: synced. */
  covered: number;
  #allowance: Allowance | undefined;
  wakeAt: number | undefined;
  readonly #onRoom: (warming: Warming) => void;

  constructor(
    source: string,
    provider: string,
    plan: WarmupPlan,
    ladder: Ladder,
    state: WarmupState,
    onRoom: (warming: Warming) => void,
  ) {
    this.source = source;
    this.provider = provider;
    this.plan = plan;
    this.ladder = ladder;
    this.state = state;
    this.#onRoom = onRoom;
    this.reserved = state.day.used;
    this.covered = state.day.used;
  }

  /** There may be room that there was not. */
  wake(): void {
    this.#onRoom(this);
  }

  get isWarm(): boolean {
    return this.state.day.budget === undefined;
  }

  /** A reload changed the plan: from the next day on, as far as the budget goes. */
  follow(plan: WarmupPlan, ladder: Ladder): void {
    this.plan = plan;
    this.ladder = ladder;
  }

  /** Another state of the same day, or another day. */
  become(state: WarmupState): void {
    if (state.day.from !== this.state.day.from) {
      this.reserved = state.day.used;
      this.covered = state.day.used;
      this.#allowance = undefined;
    }
    this.state = state;
  }

  /** How many recipients may be handed over now. */
  room(now: number): Room {
    const { day } = this.state;
    if (day.budget === undefined) return { recipients: Infinity };
    const left = leftToday(this.ladder, this.state);
    if (left <= 0 || now >= day.from + this.#windowMs) return { recipients: 0, until: day.until };
    const spread = this.#spread(day.budget, left);
    this.#allowance = allowed(this.#allowance, spread, now);
    // A timer may end a fraction early.
    const ripe = Math.floor(this.#allowance.recipients + 1e-6);
    if (ripe < 1) return { recipients: 0, until: Math.min(nextAt(this.#allowance, spread), day.until) };
    const recipients = Math.min(left, ripe, this.covered - day.used);
    return recipients > 0 ? { recipients } : { recipients: 0, reserve: this.#wanted(left) };
  }

  granted(recipients: number): void {
    this.#allow(-recipients);
    this.#see({ used: this.state.day.used + recipients });
  }

  /** Not handed over after all. */
  returned(recipients: number): void {
    this.#allow(recipients);
    this.#see({ used: Math.max(0, this.state.day.used - recipients) });
  }

  /** What is to be reserved ahead, so that nobody waits for a sync; 0: enough is. */
  get ahead(): number {
    const { day } = this.state;
    if (day.budget === undefined || this.reserved - day.used > blockOf(day.budget)) return 0;
    return this.#wanted(leftToday(this.ladder, this.state));
  }

  answered(what: 'delivered' | 'against' | 'block' | 'complaint'): void {
    const { delivered, against, blocks, complaints } = this.state.day;
    if (what === 'delivered') this.#see({ delivered: delivered + 1 });
    else if (what === 'complaint') this.#see({ complaints: complaints + 1 });
    else this.#see({ against: against + 1, blocks: blocks + (what === 'block' ? 1 : 0) });
  }

  /** As it is to stand in the journal. */
  get kept(): WarmupState {
    return { ...this.state, day: { ...this.state.day, used: Math.max(this.reserved, this.state.day.used) } };
  }

  #wanted(left: number): number {
    const { used, budget = 0 } = this.state.day;
    const more = Math.min(left, 2 * blockOf(budget));
    return used + more > this.reserved ? used + more : 0;
  }

  /** A day of daylight saving may be shorter than the window. */
  get #windowMs(): number {
    const { from, until } = this.state.day;
    return Math.min(this.plan.windowMs, until - from);
  }

  #spread(budget: number, left: number): Spread {
    return { budget, left, from: this.state.day.from, windowMs: this.#windowMs };
  }

  #allow(recipients: number): void {
    const { budget } = this.state.day;
    if (budget === undefined || this.#allowance === undefined) return;
    const { recipients: before, at } = this.#allowance;
    this.#allowance = { recipients: Math.min(burstOf(budget), before + recipients), at };
  }

  #see(change: Partial<WarmupDay>): void {
    this.state = { ...this.state, day: { ...this.state.day, ...change } };
  }
}

// How many reports each reverse-path had in its present period, and what of more is to be summed up. Stands in the
// journal as states `dsn-limit/REVERSE-PATH`, so that a restart changes nothing. Periods go by the wall clock.
import type { OutcomeEvent, StateEvent } from '../flow/event.ts';
import type { Spool } from '../flow/spool.ts';
import type { Rate } from './options.ts';
import { addTo, type Summary } from './summary.ts';

const PREFIX = 'dsn-limit/';
/** Who writes. */
export const BY = 'feedback';

export interface Period {
  readonly reversePath: string;
  /** ms since 1970: the first report. */
  readonly since: number;
  /** ms. */
  readonly lasts: number;
  readonly sent: number;
  /** What came beyond the limit. */
  readonly more?: Summary;
}

export class Limits {
  /** Oldest first, as long as the clock is not set back. */
  readonly #periods = new Map<string, Period>();

  /** At a start. */
  load(spool: Pick<Spool, 'states'>): void {
    const found = spool.states(PREFIX).map(({ key, value }) => ({ key, period: value as Period }));
    found.sort((a, b) => a.period.since - b.period.since);
    for (const { key, period } of found) this.#periods.set(key, period);
  }

  get size(): number {
    return this.#periods.size;
  }

  /** A period that is over and has nothing to sum up is none. */
  mayHave(reversePath: string, limit: Rate, now: number): boolean {
    const period = this.#periods.get(keyOf(reversePath));
    if (period === undefined) return true;
    return isOver(period, now) ? period.more === undefined : period.sent < limit.count;
  }

  /** A report was made: what is to be written. */
  sent(reversePath: string, limit: Rate, now: number): StateEvent {
    const known = this.#periods.get(keyOf(reversePath));
    const isGoing = known !== undefined && !(isOver(known, now) && known.more === undefined);
    const period: Period = isGoing
      ? { ...known, sent: known.sent + 1 }
      : { reversePath, since: now, lasts: limit.perMs, sent: 1 };
    if (!isGoing) this.#periods.delete(keyOf(reversePath));
    return this.#set(period, now);
  }

  /** Beyond the limit: what is to be written. */
  summedUp(reversePath: string, events: readonly OutcomeEvent[], limit: Rate, now: number): StateEvent {
    const known = this.#periods.get(keyOf(reversePath)) ?? { reversePath, since: now, lasts: limit.perMs, sent: 0 };
    return this.#set({ ...known, more: addTo(known.more, events) }, now);
  }

  /** Periods that are over, at most `limit`, oldest first. */
  over(now: number, limit: number): readonly Period[] {
    const found: Period[] = [];
    for (const period of this.#periods.values()) {
      if (!isOver(period, now)) break;
      found.push(period);
      if (found.length === limit) break;
    }
    return found;
  }

  /** ms since 1970 at which the first period ends. */
  firstEnd(): number | undefined {
    for (const { since, lasts } of this.#periods.values()) return since + lasts;
    return undefined;
  }

  forget({ reversePath }: Period, now: number): StateEvent {
    this.#periods.delete(keyOf(reversePath));
    return { type: 'state', at: now, key: keyOf(reversePath), by: BY };
  }

  #set(period: Period, now: number): StateEvent {
    const key = keyOf(period.reversePath);
    this.#periods.set(key, period);
    return { type: 'state', at: now, key, value: period, by: BY };
  }
}

/** Also one that begins tomorrow: the clock was set back. */
function isOver({ since, lasts }: Period, now: number): boolean {
  return now >= since + lasts || now < since;
}

/** Domains are the same in any case, and nobody tells mailboxes apart by it who sends so much. */
function keyOf(reversePath: string): string {
  return `${PREFIX}${reversePath.toLowerCase()}`;
}

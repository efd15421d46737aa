// Makes the reports that are due, some in each step: within the limits they become messages of ours, beyond them they are
// summed up. First what they speak of is synced, then the report is durable, then in the queue, then no longer owed.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { DsnOwed, JournalEvent, OutcomeEvent } from '../flow/event.ts';
import { dsnKey } from '../flow/feedback.ts';
import type { Accepted, Domain } from '../flow/message.ts';
import { type MessageReader, type MessageWriter, type Spool, SpoolFull } from '../flow/spool.ts';
import { parseAddress } from '../mail/address.ts';
import { TokenBucket } from '../policy/token-bucket.ts';
import { derivedId } from './derived-id.ts';
import { BY, type Limits, type Period } from './limits.ts';
import type { Moment, Moments } from './moments.ts';
import { digestOf, dsnOf, keyOf, type Notification, type Returned } from './notification.ts';
import type { FeedbackOptions } from './options.ts';
import { readReturned } from './returned.ts';
import type { Summary } from './summary.ts';

export interface MakerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly spool: Spool;
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  readonly accepted: (accepted: Accepted) => void;
  readonly moments: Moments;
  readonly limits: Limits;
  readonly options: () => FeedbackOptions;
}

/** more: there is more to do now. idle: nothing is due. A number: nothing can be made for so many ms. */
export type Made = 'more' | 'idle' | number;

/** Looked at in one step. */
const STEP_MAX = 100;
/** While there is no room on the disk, or in the queue. */
const NO_ROOM_MS = 10_000;
/** A tenth of a minute's reports at once. */
const BURST = 0.1;

type Owing = OutcomeEvent & { readonly dsn: DsnOwed };

export class Maker {
  readonly #deps: MakerDeps;
  #pace: { readonly bucket: TokenBucket; readonly of: string } | undefined;

  constructor(deps: MakerDeps) {
    this.#deps = deps;
  }

  /** Rejects only for what is wrong with us; then all is owed as before. */
  async step(): Promise<Made> {
    const { spool, moments, limits, clock } = this.#deps;
    if (spool.atReserve()) moments.releaseAll();
    const due = moments.takeDue(clock.monotonic(), STEP_MAX);
    const over = limits.over(clock.now(), STEP_MAX);
    if (due.length === 0 && over.length === 0) return 'idle';
    if (spool.atReserve() || spool.backlogged) return NO_ROOM_MS;
    // A report must not be there when what it speaks of is lost by a power cut.
    await spool.durable();
    try {
      for (const period of over) {
        const heldMs = await this.#endPeriod(period);
        if (heldMs > 0) return heldMs;
      }
      return await this.#makeAll(due);
    } catch (error) {
      if (error instanceof SpoolFull) return NO_ROOM_MS;
      throw error;
    }
  }

  async #makeAll(due: readonly Moment[]): Promise<Made> {
    const { spool, moments, limits, options } = this.#deps;
    /** Beyond the limit: one state for all of a reverse-path. */
    const beyond = new Map<string, Moment[]>();
    let heldMs = 0;
    for (const moment of due) {
      const { reversePath, id } = moment;
      const events = moments.events(moment) as Owing[];
      const [first] = events;
      if (first === undefined) moments.end(moment);
      else if (this.#isMade(id, first.user)) this.#written(moment, []);
      else if (!limits.mayHave(reversePath, options().perReversePath, this.#deps.clock.now())) {
        const others = beyond.get(reversePath);
        if (others === undefined) beyond.set(reversePath, [moment]);
        else others.push(moment);
      } else {
        heldMs = this.#paceMs();
        if (heldMs > 0) break;
        await this.#make(moment, [first, ...events.slice(1)]);
      }
      if (spool.atReserve()) break;
    }
    for (const [reversePath, many] of beyond) this.#sumUp(reversePath, many);
    return heldMs > 0 ? heldMs : 'more';
  }

  async #make(moment: Moment, events: readonly [Owing, ...Owing[]]): Promise<void> {
    const { clock, limits, options } = this.#deps;
    const domain = this.#domainOf(moment.reversePath);
    if (domain === undefined) return this.#written(moment, []);
    const back = await this.#returned(moment, events[0].dsn);
    await this.#keep(dsnOf(events, back, domain, options(), clock.now()), () => {
      this.#written(moment, [limits.sent(moment.reversePath, options().perReversePath, clock.now())]);
    });
  }

  /** Durable, then in the queue and no longer owed in one go. */
  async #keep({ message, content }: Notification, done: () => void): Promise<void> {
    const { writer, accepted } = this.#deps;
    const location = await writer.append(message, [content]);
    accepted({ message, location });
    done();
  }

  #returned(moment: Moment, dsn: DsnOwed): Promise<Returned> {
    if (moment.returned !== undefined) return moment.returned;
    const { reader, options } = this.#deps;
    // RFC 3461 section 4.3: RET is about failures; without it the header says enough.
    const isWholeAsked = dsn.kind === 'failed' && dsn.ret === 'full';
    const { messageId, location } = moment;
    return readReturned(reader, { messageId, location, isWholeAsked, octetsMax: options().returnOctetsMax });
  }

  #written(moment: Moment, also: readonly JournalEvent[]): void {
    const { spool, moments } = this.#deps;
    spool.record([...also, ...this.#noLongerOwed(moment)]);
    moments.end(moment);
  }

  #noLongerOwed(moment: Moment): readonly JournalEvent[] {
    const at = this.#deps.clock.now();
    return [...moment.indexes].map((index) => ({ type: 'state', at, key: dsnKey(moment.id, index), by: BY }));
  }

  /** The sum first: torn apart by a power cut, something is counted twice rather than not at all. */
  #sumUp(reversePath: string, many: readonly Moment[]): void {
    const { spool, moments, limits, options, clock } = this.#deps;
    const events = many.flatMap((moment) => moments.events(moment));
    const sum = limits.summedUp(reversePath, events, options().perReversePath, clock.now());
    spool.record([sum, ...many.flatMap((moment) => this.#noLongerOwed(moment))]);
    for (const moment of many) moments.end(moment);
  }

  /** ms to wait; 0: it is over and done with. */
  async #endPeriod(period: Period): Promise<number> {
    const { spool, limits, clock, options } = this.#deps;
    const { more, reversePath, since } = period;
    const forget = (): void => void spool.record([limits.forget(period, clock.now())]);
    const domain = more === undefined ? undefined : this.#domainOf(reversePath);
    if (more === undefined || domain === undefined) {
      forget();
      return 0;
    }
    const id = derivedId(since, ['digest', reversePath]);
    if (this.#isMade(id, more.user)) {
      forget();
      return 0;
    }
    const heldMs = this.#paceMs();
    if (heldMs > 0) return heldMs;
    const full: Period & { readonly more: Summary } = { ...period, more };
    await this.#keep(digestOf(id, full, domain, options(), clock.now()), forget);
    return 0;
  }

  /** By an earlier life, which ended before it could write so. */
  #isMade(id: Moment['id'], user: string): boolean {
    const { spool } = this.#deps;
    return spool.claim(user, keyOf(id)) !== undefined || spool.message(id) !== undefined;
  }

  #domainOf(reversePath: string): Domain | undefined {
    const address = parseAddress(reversePath, true);
    if (typeof address !== 'string') return address.domain;
    this.#deps.log.warn({ reversePath, fault: address }, 'no report: the reverse-path cannot be written to');
    return undefined;
  }

  /** 0: a report may be made now, and is counted. */
  #paceMs(): number {
    const { count, perMs } = this.#deps.options().total;
    const now = this.#deps.clock.monotonic();
    const of = `${count}/${perMs}`;
    if (this.#pace?.of !== of) {
      const burst = Math.max(1, (count / perMs) * 60_000 * BURST);
      this.#pace = { of, bucket: new TokenBucket(count, perMs, burst, now) };
    }
    return this.#pace.bucket.take(1, now);
  }
}

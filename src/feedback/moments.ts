// Reports that are owed, each for one moment: the outcomes of one kind that one message had within a minute. What they
// say stands in the journal; here is only which there are, and that the records they will quote are kept meanwhile.
import type { DsnKind, OutcomeEvent } from '../flow/event.ts';
import { DSN, dsnKey } from '../flow/feedback.ts';
import type { Location, Message, MessageId } from '../flow/message.ts';
import type { Spool } from '../flow/spool.ts';
import { derivedId } from './derived-id.ts';
import type { Returned } from './notification.ts';
import { MOMENT_MS } from './options.ts';

export interface Moment {
  readonly id: MessageId;
  readonly kind: DsnKind;
  readonly messageId: MessageId;
  readonly reversePath: string;
  /** ms since 1970. */
  readonly at: number;
  readonly location: Location;
  readonly indexes: Set<number>;
  /** Monotonic: the report can be made. */
  dueAt: number;
  isPinned: boolean;
  /** Of content that the spool removes with the message. */
  returned?: Promise<Returned>;
}

/** What is settled in one turn, and is all of a message, makes one report with little delay. */
const SOON_MS = 1000;

export class Moments {
  readonly #spool: Spool;
  readonly #all = new Map<MessageId, Moment>();
  /** By message and kind: the moment that further outcomes join. */
  readonly #open = new Map<string, Moment>();

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  get size(): number {
    return this.#all.size;
  }

  /** At a start, before the spool can remove what they quote. `now`: of the wall clock. */
  load(now: number, monotonic: number): void {
    for (const { value } of this.#spool.states(DSN)) {
      const { dsn, messageId, reversePath, index } = value as OutcomeEvent;
      if (dsn === undefined) continue;
      const { id, kind, momentAt: at, location } = dsn;
      const left = this.#spool.message(messageId) === undefined ? 0 : at + MOMENT_MS - now;
      const moment = this.#add({ id, kind, messageId, reversePath, at, location }, monotonic);
      moment.indexes.add(index);
      moment.dueAt = monotonic + Math.min(Math.max(left, SOON_MS), MOMENT_MS);
    }
  }

  /** The moment that an outcome of this message belongs to now; a new one when none is open. */
  of(message: Message, kind: DsnKind, location: Location, at: number, monotonic: number): Moment {
    const open = this.#open.get(nameOf(message.id, kind));
    if (open !== undefined && at >= open.at && at - open.at < MOMENT_MS && this.#all.has(open.id)) return open;
    const id = derivedId(at, [message.id, kind]);
    return this.#add({ id, kind, messageId: message.id, reversePath: message.reversePath, at, location }, monotonic);
  }

  #add(
    about: Pick<Moment, 'id' | 'kind' | 'messageId' | 'reversePath' | 'at' | 'location'>,
    monotonic: number,
  ): Moment {
    const known = this.#all.get(about.id);
    if (known !== undefined) return known;
    const moment: Moment = { ...about, indexes: new Set(), dueAt: monotonic + MOMENT_MS, isPinned: true };
    this.#spool.pin(about.location);
    this.#all.set(about.id, moment);
    this.#open.set(nameOf(about.messageId, about.kind), moment);
    return moment;
  }

  /** Nothing of its message waits: nothing can join. */
  closeSoon(moment: Moment, monotonic: number): void {
    moment.dueAt = Math.min(moment.dueAt, monotonic + SOON_MS);
  }

  /** Those that can be made, oldest first, at most `limit`. None of them is joined any more. */
  takeDue(monotonic: number, limit: number): readonly Moment[] {
    const due: Moment[] = [];
    for (const moment of this.#all.values()) {
      if (moment.dueAt > monotonic) continue;
      due.push(moment);
      const name = nameOf(moment.messageId, moment.kind);
      if (this.#open.get(name) === moment) this.#open.delete(name);
      if (due.length === limit) break;
    }
    return due;
  }

  /** Monotonic instant of the first that is due. */
  firstDue(): number | undefined {
    let first: number | undefined;
    for (const { dueAt } of this.#all.values()) if (first === undefined || dueAt < first) first = dueAt;
    return first;
  }

  /** What is owed of it, as it stands in the journal. */
  events(moment: Moment): OutcomeEvent[] {
    const found: OutcomeEvent[] = [];
    for (const index of [...moment.indexes].sort((a, b) => a - b)) {
      const event = this.#spool.state(dsnKey(moment.id, index));
      if (event !== undefined) found.push(event as OutcomeEvent);
    }
    return found;
  }

  /** It is made, or summed up, or was never written. */
  end(moment: Moment): void {
    this.#release(moment);
    this.#all.delete(moment.id);
    const name = nameOf(moment.messageId, moment.kind);
    if (this.#open.get(name) === moment) this.#open.delete(name);
  }

  /** The disk is at its reserve: better a report without a header than a disk that nothing can be removed from. */
  releaseAll(): void {
    for (const moment of this.#all.values()) this.#release(moment);
  }

  #release(moment: Moment): void {
    if (!moment.isPinned) return;
    moment.isPinned = false;
    this.#spool.unpin(moment.location);
  }
}

function nameOf(id: MessageId, kind: DsnKind): string {
  return `${id}/${kind}`;
}

// What is granted and not over: every open attempt, and for every delivery whether it is in one. Nothing is granted
// twice because nothing is granted that stands here.
import type { AttemptId } from '../flow/attempt.ts';
import { InvariantError } from '../base/errors.ts';
import type { DeliveryKey, MessageId } from '../flow/message.ts';
import type { QueuedMessage } from '../flow/spool.ts';
import type { Meter } from './meter.ts';
import type { Queue } from './queue.ts';
import type { Session } from './lane.ts';

export interface OpenAttempt {
  readonly id: AttemptId;
  readonly session: Session;
  readonly queue: Queue;
  /** As it was when the attempt was granted: only the scheduler changes it, and not while this is open. */
  readonly queued: QueuedMessage;
  readonly indexes: readonly number[];
  /** ms since 1970. */
  readonly grantedAt: number;
  /** The same by the monotonic clock. */
  readonly grantedMonotonic: number;
  /** Told when it is over: what has caps on what is sent. */
  readonly paced: readonly Meter[];
  /** An intent stands in the journal (`duplicates: never`). */
  readonly hasIntent: boolean;
  /** Reported, given back or lost: its session no longer counts it. */
  isOver: boolean;
  /** Egress was told of it. */
  isOrdered: boolean;
}

export class InFlight {
  readonly #attempts = new Map<AttemptId, OpenAttempt>();
  readonly #deliveries = new Map<MessageId, Set<number>>();
  #count = 0;

  /** Open attempts. */
  get attempts(): number {
    return this.#attempts.size;
  }

  /** Deliveries in flight. */
  get deliveries(): number {
    return this.#count;
  }

  /** Messages that have a delivery in flight. */
  get messages(): number {
    return this.#deliveries.size;
  }

  has(messageId: MessageId, index: number): boolean {
    return this.#deliveries.get(messageId)?.has(index) === true;
  }

  hasMessage(messageId: MessageId): boolean {
    return this.#deliveries.has(messageId);
  }

  /** Bound once: asked for every item of a head. */
  readonly isInFlight = (due: DeliveryKey): boolean => this.has(due.messageId, due.index);

  get open(): Iterable<OpenAttempt> {
    return this.#attempts.values();
  }

  find(id: AttemptId): OpenAttempt | undefined {
    return this.#attempts.get(id);
  }

  begin(attempt: OpenAttempt): void {
    const { id } = attempt.queued.message;
    this.#attempts.set(attempt.id, attempt);
    let indexes = this.#deliveries.get(id);
    if (indexes === undefined) {
      indexes = new Set();
      this.#deliveries.set(id, indexes);
    }
    for (const index of attempt.indexes) {
      if (indexes.has(index)) throw new InvariantError(`delivery ${id}/${index} was granted twice`);
      indexes.add(index);
    }
    this.#count += attempt.indexes.length;
    attempt.queue.inFlight += attempt.indexes.length;
  }

  /** The attempt is no longer open at egress; its deliveries stay in flight until `end`. */
  close(attempt: OpenAttempt): void {
    attempt.isOver = true;
    this.#attempts.delete(attempt.id);
  }

  /** Its outcomes are recorded, or it goes back. */
  end(attempt: OpenAttempt): void {
    const { id } = attempt.queued.message;
    const indexes = this.#deliveries.get(id);
    if (indexes === undefined) throw new InvariantError(`message ${id} is not in flight`);
    for (const index of attempt.indexes) indexes.delete(index);
    if (indexes.size === 0) this.#deliveries.delete(id);
    this.#count -= attempt.indexes.length;
    attempt.queue.inFlight -= attempt.indexes.length;
  }
}

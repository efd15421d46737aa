// The spool on plain Maps, for simulations and unit tests: same answers as the disk spool (test/spool/contract.ts),
// nothing durable. Its journal is an array that tests may read.
import type { Clock } from '../base/clock.ts';
import type { AlarmEvent, JournalEvent, OutcomeEvent, StateEvent } from '../flow/event.ts';
import { dsnKey, dsnState } from '../flow/feedback.ts';
import type { Accepted, Location, Message, MessageId } from '../flow/message.ts';
import { queueKey, queueOf } from '../flow/queue-name.ts';
import type {
  ClaimRecord,
  Due,
  QueuedMessage,
  QueueName,
  QueueSummary,
  Spool,
  WaitingDelivery,
} from '../flow/spool.ts';
import { DueOrder } from './due-order.ts';
import {
  ALARM_MS,
  ALARMS_MAX,
  claimIsOver,
  claimOf,
  deferredWaiting,
  expiresAt,
  firstWaiting,
  intentKey,
  laterClaim,
} from './reading.ts';

export interface MemorySpoolDeps {
  readonly clock: Clock;
  /** What `adopt` finds in the segment of a writer that ended; absent: nothing. */
  readonly tail?: (segment: string) => readonly Accepted[];
}

interface Held {
  readonly message: Message;
  readonly location: Location;
  readonly waiting: Map<number, WaitingDelivery>;
}

interface Queue {
  readonly name: QueueName;
  readonly order: DueOrder;
}

/** A spool that can be told to look full. */
export interface MemorySpool extends Spool {
  readonly journal: readonly JournalEvent[];
  setReserve(atReserve: boolean): void;
}

export function createMemorySpool(deps: MemorySpoolDeps): MemorySpool {
  return new Twin(deps);
}

class Twin implements MemorySpool {
  readonly journal: JournalEvent[] = [];
  readonly backlogged = false;
  unsynced = 0;
  readonly #deps: MemorySpoolDeps;
  readonly #held = new Map<MessageId, Held>();
  /** Every id ever taken: a record told twice is taken once, also when its message is over. */
  readonly #taken = new Set<MessageId>();
  readonly #queues = new Map<string, Queue>();
  readonly #expiry = new DueOrder();
  readonly #claims = new Map<string, ClaimRecord>();
  readonly #states = new Map<string, unknown>();
  #alarms: AlarmEvent[] = [];
  #deliveries = 0;
  #atReserve = false;

  constructor(deps: MemorySpoolDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {}

  accept({ message, location }: Accepted): void {
    if (this.#taken.has(message.id)) return;
    this.#taken.add(message.id);
    const held: Held = { message, location, waiting: new Map() };
    this.#held.set(message.id, held);
    this.#expiry.insert({ dueAt: expiresAt(message), messageId: message.id, index: 0 });
    for (const delivery of firstWaiting(message)) this.#wait(held, delivery);
    if (message.idempotencyKey !== undefined) {
      this.#claim(message.user, message.idempotencyKey, claimOf(message));
    }
  }

  record(events: readonly JournalEvent[]): readonly boolean[] {
    return events.map((event) => {
      if (event.type === 'outcome' && !this.#waits(event.messageId, event.index)) return false;
      this.journal.push(event);
      this.#apply(event);
      return true;
    });
  }

  #apply(event: JournalEvent): void {
    switch (event.type) {
      case 'outcome':
        this.unsynced++;
        this.#settle(event);
        break;
      case 'intent':
        for (const index of event.indexes) {
          if (this.#waits(event.messageId, index)) this.#states.set(intentKey(event.messageId, index), event.at);
        }
        break;
      case 'state':
        if (event.value === undefined) this.#states.delete(event.key);
        else this.#states.set(event.key, event.value);
        break;
      case 'key':
        this.#claim(event.user, event.key, event);
        break;
      case 'alarm':
        this.#alarms = [...this.#alarms, event].slice(-ALARMS_MAX);
        break;
      case 'note':
        break;
    }
  }

  #settle(event: OutcomeEvent): void {
    const held = this.#held.get(event.messageId) as Held;
    const before = held.waiting.get(event.index) as WaitingDelivery;
    const queue = this.#queue(held.message, event.index);
    queue.order.remove(before);
    if (queue.order.size === 0) this.#queues.delete(queueKey(queue.name));
    held.waiting.delete(event.index);
    this.#deliveries--;
    this.#states.delete(intentKey(event.messageId, event.index));
    if (event.dsn !== undefined) this.#states.set(dsnKey(event.dsn.id, event.index), dsnState(event));
    if (event.outcome === 'deferred') this.#wait(held, deferredWaiting(event));
    else if (held.waiting.size === 0) {
      this.#held.delete(event.messageId);
      this.#expiry.remove({ dueAt: expiresAt(held.message), messageId: event.messageId, index: 0 });
    }
  }

  #wait(held: Held, delivery: WaitingDelivery): void {
    held.waiting.set(delivery.index, delivery);
    const { messageId, index, dueAt } = delivery;
    this.#queue(held.message, index).order.insert({ dueAt, messageId, index });
    this.#deliveries++;
  }

  #queue(message: Message, index: number): Queue {
    const name = queueOf(message, index);
    const key = queueKey(name);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = { name, order: new DueOrder() };
      this.#queues.set(key, queue);
    }
    return queue;
  }

  #waits(id: MessageId, index: number): boolean {
    return this.#held.get(id)?.waiting.has(index) === true;
  }

  #claim(user: string, key: string, made: ClaimRecord): void {
    const name = `${user}\0${key}`;
    const { messageId, digest, at } = made;
    this.#claims.set(name, laterClaim(this.#claims.get(name), { messageId, digest, at }));
  }

  async durable(): Promise<void> {
    const before = this.unsynced;
    await Promise.resolve();
    this.unsynced = Math.max(0, this.unsynced - before);
  }

  due(queue: QueueName, limit: number, after?: Due): readonly Due[] {
    return this.#queues.get(queueKey(queue))?.order.slice(limit, after) ?? [];
  }

  *queues(): Iterable<QueueSummary> {
    for (const { name, order } of this.#queues.values()) {
      if (order.first !== undefined) yield { queue: name, waiting: order.size, firstDueAt: order.first.dueAt };
    }
  }

  message(id: MessageId): QueuedMessage | undefined {
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    const { message, location } = held;
    const waiting = [...held.waiting.values()].toSorted((a, b) => a.index - b.index);
    return { message, location, expiresAt: expiresAt(message), waiting };
  }

  expired(at: number, limit: number): readonly MessageId[] {
    const ids: MessageId[] = [];
    for (const due of this.#expiry.slice(limit)) {
      if (due.dueAt > at) break;
      ids.push(due.messageId);
    }
    return ids;
  }

  nextExpiry(): number | undefined {
    return this.#expiry.first?.dueAt;
  }

  ids(limit: number, after?: MessageId): readonly MessageId[] {
    const sorted = [...this.#held.keys()].toSorted();
    return sorted.filter((id) => after === undefined || id > after).slice(0, limit);
  }

  claim(user: string, key: string): ClaimRecord | undefined {
    const claim = this.#claims.get(`${user}\0${key}`);
    return claim === undefined || claimIsOver(claim, this.#deps.clock.now()) ? undefined : claim;
  }

  state(key: string): unknown {
    return this.#states.get(key);
  }

  states(prefix: string): readonly { readonly key: string; readonly value: unknown }[] {
    const found = [...this.#states].filter(([key]) => key.startsWith(prefix));
    return found.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }));
  }

  alarms(): readonly AlarmEvent[] {
    const now = this.#deps.clock.now();
    return this.#alarms.filter((alarm) => alarm.at + ALARM_MS > now);
  }

  async history(id: MessageId, limit: number): Promise<readonly OutcomeEvent[]> {
    const outcomes = this.journal.filter((event) => event.type === 'outcome' && event.messageId === id);
    return (outcomes as OutcomeEvent[]).slice(-limit);
  }

  async changes(name: string, limit: number): Promise<readonly StateEvent[]> {
    const changes = this.journal.filter((event) => event.type === 'state' && event.key.endsWith(`/${name}`));
    return (changes as StateEvent[]).slice(-limit);
  }

  get counts(): { readonly deliveries: number; readonly messages: number } {
    return { deliveries: this.#deliveries, messages: this.#held.size };
  }

  async adopt(segment: string): Promise<readonly Accepted[]> {
    const found = (this.#deps.tail?.(segment) ?? []).filter(({ message }) => !this.#taken.has(message.id));
    for (const accepted of found) this.accept(accepted);
    return found;
  }

  segmentClosed(): void {}

  atReserve(): boolean {
    return this.#atReserve;
  }

  setReserve(atReserve: boolean): void {
    this.#atReserve = atReserve;
  }

  async checkpoint(): Promise<void> {
    const now = this.#deps.clock.now();
    for (const [key, claim] of this.#claims) if (claimIsOver(claim, now)) this.#claims.delete(key);
  }

  pin(): void {}
  unpin(): void {}
  async close(): Promise<void> {}
}

// All that waits, seen as one: the rows of the index under two layers of changes in memory. `active` takes every
// change; when a checkpoint begins it becomes `committing` and is not changed any more, and lies over the rows until
// they have it. A message that comes and goes within one layer never touches the index.
import { InvariantError } from '../base/errors.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { Accepted, Location, Message, MessageId } from '../flow/message.ts';
import { queueOf } from '../flow/queue-name.ts';
import type { Due, QueuedMessage, QueueName, WaitingDelivery } from '../flow/spool.ts';
import type { IndexStore } from './index-store.ts';
import { LayeredOrder } from './layered-order.ts';
import { type Queue, QueueTable } from './queue-table.ts';
import { deferredWaiting, expiresAt, firstWaiting, hasOwnFile, intentKey } from './reading.ts';
import {
  type DeliveryRow,
  decodeDelivery,
  decodeLive,
  deliveryKey,
  idKey,
  idOf,
  type LiveRow,
  tableEnd,
  tableStart,
} from './rows.ts';
import { SegmentTable } from './segment-table.ts';
import { StateTable } from './state-table.ts';
import { type IndexedMessage, IndexedMessages, waitingOf } from './indexed-messages.ts';

/** What changed of one message within a layer. */
export interface Entry {
  /** It is in no layer below. */
  readonly isNew: boolean;
  /** When it is new. */
  readonly message: Message | undefined;
  /** undefined: over. */
  live: LiveRow | undefined;
  /** By index; null: ended; a hole: as below. */
  readonly deliveries: (DeliveryRow | null)[];
}

export type Layer = Map<MessageId, Entry>;

const DELIVERIES_MAX = 65_536;

export class Overlay {
  readonly segments: SegmentTable;
  readonly queues: QueueTable;
  readonly states: StateTable;
  readonly expiry: LayeredOrder;
  readonly #store: IndexStore;
  readonly #stored: IndexedMessages;
  #active: Layer = new Map();
  #committing: Layer | undefined;
  /** Ended since the last checkpoint began, with content in a file of its own. */
  #ownFilesEnded: MessageId[] = [];

  constructor(store: IndexStore) {
    this.#store = store;
    this.#stored = new IndexedMessages(store);
    this.segments = new SegmentTable(store);
    this.queues = new QueueTable(store);
    this.states = new StateTable(store);
    this.expiry = new LayeredOrder(store, tableStart('expiry'));
  }

  load(): void {
    this.#stored.clear();
    this.segments.load();
    this.queues.load();
    this.states.load();
  }

  /** Messages and states that differ from the index and no checkpoint is writing. */
  get changes(): number {
    return this.#active.size + this.states.size;
  }

  /** All that differs from the index. */
  get backlog(): number {
    return this.changes + (this.#committing?.size ?? 0);
  }

  /** A message that does not wait. `ownFile`: where it is known already. */
  add({ location, message }: Accepted, waiting = firstWaiting(message), ownFile?: boolean): void {
    const live: LiveRow = {
      left: waiting.length,
      expiresAt: expiresAt(message),
      location,
      ownFile: ownFile ?? hasOwnFile(message, location.length),
    };
    // What ended in a layer is known below it, and rows of it may have to be removed.
    const before = this.#active.get(message.id);
    const isNew = before === undefined && this.#committing?.has(message.id) !== true;
    const entry: Entry = { isNew, message, live, deliveries: before?.deliveries.slice() ?? [] };
    this.#active.set(message.id, entry);
    for (const delivery of waiting) this.#wait(entry, message, delivery);
    this.segments.enter(location);
    this.expiry.insert(expiryDue(message.id, live));
  }

  #wait(entry: Entry, message: Message, waiting: WaitingDelivery): void {
    const { messageId, index, dueAt, attempts, lastReply } = waiting;
    const queue = this.queues.of(queueOf(message, index));
    const row = { dueAt, attempts, queueId: queue.id };
    entry.deliveries[index] = lastReply === undefined ? row : { ...row, lastReply };
    this.queues.insert(queue, { dueAt, messageId, index });
  }

  waits(id: MessageId, index: number): boolean {
    return this.#delivery(id, index) !== undefined;
  }

  /** Applies the outcome; false, and nothing done, when its delivery does not wait. */
  settle(event: OutcomeEvent): boolean {
    const { messageId: id, index } = event;
    const row = this.#delivery(id, index);
    if (row === undefined) return false;
    const queue = this.#queue(row.queueId);
    this.queues.remove(queue, { dueAt: row.dueAt, messageId: id, index });
    this.states.endIntent(intentKey(id, index));
    const entry = this.#touch(id);
    if (event.outcome === 'deferred') {
      const { dueAt, attempts, lastReply } = deferredWaiting(event);
      const next = { dueAt, attempts, queueId: queue.id };
      entry.deliveries[index] = lastReply === undefined ? next : { ...next, lastReply };
      this.queues.insert(queue, { dueAt, messageId: id, index });
    } else {
      entry.deliveries[index] = null;
      this.#endOne(id, entry);
    }
    return true;
  }

  #endOne(id: MessageId, entry: Entry): void {
    const { live } = entry;
    if (live === undefined) throw new InvariantError(`message ${id} is over`);
    if (live.left > 1) {
      entry.live = { ...live, left: live.left - 1 };
      return;
    }
    entry.live = undefined;
    this.expiry.remove(expiryDue(id, live));
    this.segments.leave(live.location);
    if (live.ownFile) this.#ownFilesEnded.push(id);
    if (entry.isNew) this.#active.delete(id);
  }

  /** A copy of its record is durable elsewhere. False, and nothing done, when it is not at `from` any more. */
  move(id: MessageId, from: Location, to: Location): boolean {
    const live = this.live(id);
    if (live === undefined || live.location.segment !== from.segment || live.location.offset !== from.offset) {
      return false;
    }
    this.relocate(id, to);
    return true;
  }

  /** Of a message that waits. */
  relocate(id: MessageId, to: Location): void {
    const entry = this.#touch(id);
    const { live } = entry;
    if (live === undefined) return;
    this.segments.leave(live.location);
    this.segments.movedFrom(live.location.segment);
    this.segments.enter(to);
    entry.live = { ...live, location: to };
  }

  /** Replay of a copy: what waits is what waited when it was made. */
  restore(accepted: Accepted, waiting: WaitingDelivery[], ownFile: boolean): void {
    const { id } = accepted.message;
    for (const held of this.message(id)?.waiting ?? []) this.#drop(id, held.index);
    this.add(accepted, waiting, ownFile);
  }

  #drop(id: MessageId, index: number): void {
    const row = this.#delivery(id, index) as DeliveryRow;
    this.queues.remove(this.#queue(row.queueId), { dueAt: row.dueAt, messageId: id, index });
    const entry = this.#touch(id);
    entry.deliveries[index] = null;
    this.#endOne(id, entry);
  }

  live(id: MessageId): LiveRow | undefined {
    const entry = this.#active.get(id) ?? this.#committing?.get(id);
    if (entry !== undefined) return entry.live;
    const row = this.#store.get(idKey('live', id));
    return row === undefined ? undefined : decodeLive(row);
  }

  #delivery(id: MessageId, index: number): DeliveryRow | undefined {
    const held = this.#active.get(id)?.deliveries[index];
    if (held !== undefined) return held ?? undefined;
    const below = this.#committing?.get(id)?.deliveries[index];
    if (below !== undefined) return below ?? undefined;
    if (index >= DELIVERIES_MAX) return undefined;
    const row = this.#store.get(deliveryKey(id, index));
    return row === undefined ? undefined : decodeDelivery(row);
  }

  #queue(id: number): Queue {
    const queue = this.queues.get(id);
    if (queue === undefined) throw new InvariantError(`no queue ${id}`);
    return queue;
  }

  /** Its entry in the active layer, made when there is none. It waits. */
  #touch(id: MessageId): Entry {
    let entry = this.#active.get(id);
    if (entry === undefined) {
      entry = { isNew: false, message: undefined, live: this.live(id), deliveries: [] };
      this.#active.set(id, entry);
    }
    return entry;
  }

  message(id: MessageId): QueuedMessage | undefined {
    const live = this.live(id);
    if (live === undefined) return undefined;
    const active = this.#active.get(id);
    const committing = this.#committing?.get(id);
    const known = active?.message ?? committing?.message;
    // One that is new stands in its layer alone, and whole.
    const stored = known !== undefined && active?.isNew === true ? undefined : this.#stored.get(id, known);
    const message = known ?? (stored as IndexedMessage).message;
    const waiting: WaitingDelivery[] = [];
    for (let index = 0; index < message.forwardPaths.length; index++) {
      const held = active?.deliveries[index];
      const row = held === undefined ? committing?.deliveries[index] : held;
      if (row === null) continue;
      const delivery = row === undefined ? stored?.waiting.get(index) : waitingOf(id, index, row);
      if (delivery !== undefined) waiting.push(delivery);
    }
    return { message, location: live.location, expiresAt: live.expiresAt, waiting };
  }

  due(name: QueueName, limit: number, after?: Due): readonly Due[] {
    return this.queues.find(name)?.order.slice(limit, after) ?? [];
  }

  ids(limit: number, after?: MessageId): readonly MessageId[] {
    const found: MessageId[] = [];
    const layers = [...(this.#committing?.keys() ?? []), ...this.#active.keys()];
    const held = layers.filter((id) => after === undefined || id > after);
    let from = after === undefined ? tableStart('live') : Buffer.concat([idKey('live', after), Buffer.alloc(1)]);
    // Rows whose message is over in a layer are passed over: there are no more of them than entries.
    for (;;) {
      const rows = this.#store.keys(from, tableEnd('live'), limit);
      for (const key of rows) if (this.live(idOf(key)) !== undefined) found.push(idOf(key));
      const last = rows.at(-1);
      if (last === undefined || rows.length < limit || found.length >= limit) break;
      from = Buffer.concat([last, Buffer.alloc(1)]);
    }
    const all = new Set([...found, ...held.filter((id) => this.live(id) !== undefined)]);
    return [...all].sort().slice(0, limit);
  }

  /** A checkpoint begins: what it has to write of the messages. */
  begin(): { readonly layer: Layer; readonly ownFilesEnded: readonly MessageId[] } {
    const layer = this.#active;
    const ownFilesEnded = this.#ownFilesEnded;
    this.#committing = layer;
    this.#active = new Map();
    this.#ownFilesEnded = [];
    return { layer, ownFilesEnded };
  }

  /** The index has it. */
  end(): void {
    if (this.#committing !== undefined) this.#stored.committed(this.#committing);
    this.#committing = undefined;
    this.queues.end();
    this.expiry.end();
    this.segments.end();
    this.states.end();
  }
}

function expiryDue(messageId: MessageId, live: LiveRow): Due {
  return { dueAt: live.expiresAt, messageId, index: 0 };
}

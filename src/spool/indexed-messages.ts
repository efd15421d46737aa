// Messages as the index has them. One for several recipients is asked for once for each of its routing domains, by a
// list for a thousand; so such ones are kept as they were read, and follow the checkpoints. Without that each delivery
// of a list costs as much as the list is long.
import { InvariantError } from '../base/errors.ts';
import type { Message, MessageId } from '../flow/message.ts';
import type { WaitingDelivery } from '../flow/spool.ts';
import type { IndexStore } from './index-store.ts';
import type { Layer } from './overlay.ts';
import {
  afterPrefix,
  type DeliveryRow,
  decodeDelivery,
  decodeJson,
  deliveryKey,
  idKey,
  indexOfDelivery,
} from './rows.ts';

/** Recipients of all that are kept: a few MB. */
const RECIPIENTS_MAX = 20_000;
const DELIVERIES_MAX = 65_536;

export interface IndexedMessage {
  readonly message: Message;
  /** What waits, by index. */
  readonly waiting: ReadonlyMap<number, WaitingDelivery>;
}

interface Kept extends IndexedMessage {
  readonly waiting: Map<number, WaitingDelivery>;
}

export class IndexedMessages {
  readonly #store: IndexStore;
  readonly #recipientsMax: number;
  /** Asked for longest ago first. */
  readonly #kept = new Map<MessageId, Kept>();
  #recipients = 0;

  constructor(store: IndexStore, recipientsMax: number = RECIPIENTS_MAX) {
    this.#store = store;
    this.#recipientsMax = recipientsMax;
  }

  /** It has a row, or `known` is what stands in it. Good until the index changes. */
  get(id: MessageId, known?: Message): IndexedMessage {
    const kept = this.#kept.get(id);
    if (kept !== undefined) {
      this.#kept.delete(id);
      this.#kept.set(id, kept);
      return kept;
    }
    const message = known ?? this.#read(id);
    const read = { message, waiting: this.#waiting(message) };
    this.#keep(id, read);
    return read;
  }

  /** The index has this now. */
  committed(layer: Layer): void {
    if (this.#kept.size === 0) return;
    for (const [id, { live, message, deliveries }] of layer) {
      const kept = this.#kept.get(id);
      if (kept === undefined) continue;
      if (live === undefined || message !== undefined) this.#drop(id, kept);
      // forEach passes over the holes.
      else {
        deliveries.forEach((row, index) => {
          if (row === null) kept.waiting.delete(index);
          else kept.waiting.set(index, waitingOf(id, index, row));
        });
      }
    }
  }

  /** The index is another. */
  clear(): void {
    this.#kept.clear();
    this.#recipients = 0;
  }

  #keep(id: MessageId, read: Kept): void {
    const recipients = read.message.forwardPaths.length;
    if (recipients === 1 || recipients > this.#recipientsMax) return;
    this.#kept.set(id, read);
    this.#recipients += recipients;
    for (const [oldest, kept] of this.#kept) {
      if (this.#recipients <= this.#recipientsMax) break;
      this.#drop(oldest, kept);
    }
  }

  #drop(id: MessageId, { message }: Kept): void {
    this.#kept.delete(id);
    this.#recipients -= message.forwardPaths.length;
  }

  #read(id: MessageId): Message {
    const row = this.#store.get(idKey('message', id));
    if (row === undefined) throw new InvariantError(`message ${id} has no row`);
    return decodeJson(row) as Message;
  }

  #waiting({ id, forwardPaths }: Message): Map<number, WaitingDelivery> {
    const waiting = new Map<number, WaitingDelivery>();
    const take = (index: number, row: Buffer): void => {
      waiting.set(index, waitingOf(id, index, decodeDelivery(row)));
    };
    const first = deliveryKey(id, 0);
    if (forwardPaths.length === 1) {
      const only = this.#store.get(first);
      if (only !== undefined) take(0, only);
      return waiting;
    }
    const end = afterPrefix(deliveryKey(id, DELIVERIES_MAX - 1));
    for (const { key, value } of this.#store.range(first, end, DELIVERIES_MAX)) take(indexOfDelivery(key), value);
    return waiting;
  }
}

/** As the scheduler knows it. */
export function waitingOf(messageId: MessageId, index: number, row: DeliveryRow): WaitingDelivery {
  const { dueAt, attempts, lastReply } = row;
  const delivery = { messageId, index, dueAt, attempts };
  return lastReply === undefined ? delivery : { ...delivery, lastReply };
}

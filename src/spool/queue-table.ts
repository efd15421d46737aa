// Every queue that has something waiting: one small record each, in memory and in the index, however much waits.
import type { Due, QueueName, QueueSummary } from '../flow/spool.ts';
import { queueKey } from '../flow/queue-name.ts';
import type { ChangeBatch, IndexStore } from './index-store.ts';
import { LayeredOrder, type OrderChanges, putOrder } from './layered-order.ts';
import { decodeJson, encodeJson, orderPrefix, queueIdKey, queueIdOf, tableEnd, tableStart } from './rows.ts';

export interface Queue {
  readonly id: number;
  readonly name: QueueName;
  readonly order: LayeredOrder;
  waiting: number;
  /** Due instant of the first; undefined: must be looked up. */
  firstDueAt: number | undefined;
  /** Changed since the last checkpoint began. */
  isTouched: boolean;
  /** Stands in the index. */
  isStored: boolean;
}

/** What a checkpoint has to write of the queues. */
export interface QueueChanges {
  readonly queues: readonly { readonly queue: Queue; readonly waiting: number; readonly order: OrderChanges }[];
}

type QueueValue = readonly [
  pool: string,
  domain: string,
  stream: string,
  tenant: string,
  campaign: string,
  waiting: number,
  /** Absent for nearly all: see QueueName. */
  from?: string,
];

const QUEUES_AT_A_TIME = 1000;

export class QueueTable {
  readonly #store: IndexStore;
  readonly #byKey = new Map<string, Queue>();
  readonly #byId = new Map<number, Queue>();
  #touched: Queue[] = [];
  #committing: readonly Queue[] = [];
  #nextId = 1;
  deliveries = 0;

  constructor(store: IndexStore) {
    this.#store = store;
  }

  /** Reads all queues of the index. */
  load(): void {
    let from = tableStart('queue');
    for (;;) {
      const rows = this.#store.range(from, tableEnd('queue'), QUEUES_AT_A_TIME);
      for (const { key, value } of rows) {
        const [pool, domain, stream, tenant, campaign, waiting, from] = decodeJson(value) as QueueValue;
        const name = { pool, domain, stream, tenant, campaign, ...(from !== undefined && { from }) } as QueueName;
        this.#add(queueIdOf(key), name, waiting).isStored = true;
        this.deliveries += waiting;
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < QUEUES_AT_A_TIME) return;
      from = Buffer.concat([last.key, Buffer.alloc(1)]);
    }
  }

  #add(id: number, name: QueueName, waiting: number): Queue {
    const order = new LayeredOrder(this.#store, orderPrefix(id));
    const queue: Queue = { id, name, order, waiting, firstDueAt: undefined, isTouched: false, isStored: false };
    this.#byKey.set(queueKey(name), queue);
    this.#byId.set(id, queue);
    this.#nextId = Math.max(this.#nextId, id + 1);
    return queue;
  }

  find(name: QueueName): Queue | undefined {
    return this.#byKey.get(queueKey(name));
  }

  get(id: number): Queue | undefined {
    return this.#byId.get(id);
  }

  /** The queue of that name, made when it is new. */
  of(name: QueueName): Queue {
    return this.#byKey.get(queueKey(name)) ?? this.#add(this.#nextId, name, 0);
  }

  insert(queue: Queue, due: Due): void {
    queue.order.insert(due);
    if (queue.waiting === 0) queue.firstDueAt = due.dueAt;
    else if (queue.firstDueAt !== undefined && due.dueAt < queue.firstDueAt) queue.firstDueAt = due.dueAt;
    queue.waiting++;
    this.deliveries++;
    this.#touch(queue);
  }

  /** `due` waits in it. */
  remove(queue: Queue, due: Due): void {
    queue.order.remove(due);
    if (due.dueAt === queue.firstDueAt) queue.firstDueAt = undefined;
    queue.waiting--;
    this.deliveries--;
    this.#touch(queue);
  }

  #touch(queue: Queue): void {
    if (queue.isTouched) return;
    queue.isTouched = true;
    this.#touched.push(queue);
  }

  *summaries(): Iterable<QueueSummary> {
    for (const queue of this.#byKey.values()) {
      if (queue.waiting === 0) continue;
      queue.firstDueAt ??= queue.order.first()?.dueAt ?? 0;
      yield { queue: queue.name, waiting: queue.waiting, firstDueAt: queue.firstDueAt };
    }
  }

  begin(): QueueChanges {
    const touched = this.#touched;
    this.#touched = [];
    this.#committing = touched;
    for (const queue of touched) queue.isTouched = false;
    return { queues: touched.map((queue) => ({ queue, waiting: queue.waiting, order: queue.order.begin() })) };
  }

  end(): void {
    for (const queue of this.#committing) {
      queue.order.end();
      // Emptied, and nothing came since: gone from the index and from memory.
      if (queue.waiting > 0 || queue.isTouched) continue;
      this.#byKey.delete(queueKey(queue.name));
      this.#byId.delete(queue.id);
    }
    this.#committing = [];
  }
}

/** Yields now and then, so that the caller can let others run. */
export function* putQueues(batch: ChangeBatch, changes: QueueChanges): Generator<void> {
  for (const { queue, waiting, order } of changes.queues) {
    const { pool, domain, stream, tenant, campaign, from } = queue.name;
    const value: QueueValue =
      from === undefined
        ? [pool, domain, stream, tenant, campaign, waiting]
        : [pool, domain, stream, tenant, campaign, waiting, from];
    if (waiting > 0) {
      batch.put(queueIdKey(queue.id), encodeJson(value));
      queue.isStored = true;
    } else if (queue.isStored) {
      batch.remove(queueIdKey(queue.id));
      queue.isStored = false;
    }
    yield* putOrder(batch, order);
    yield;
  }
}

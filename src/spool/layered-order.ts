// One order of dues (a queue's, or that of expiry) seen as a whole: the rows of the index, less what was taken out
// since, plus what came. Two layers lie over the rows: changes that a checkpoint is writing now, and newer ones.
import type { Due } from '../flow/spool.ts';
import { compareDues, DueOrder } from './due-order.ts';
import type { ChangeBatch, IndexStore } from './index-store.ts';
import { afterPrefix, dueKey, dueOf } from './rows.ts';

const NO_VALUE = Buffer.alloc(0);
/** Rows read at a time; as many may be passed over because they are gone already. */
const ROWS_MAX = 256;

/** What a checkpoint has to write of one order. */
export interface OrderChanges {
  readonly prefix: Buffer;
  readonly added: readonly Due[];
  readonly removed: ReadonlyMap<string, Due>;
}

export class LayeredOrder {
  readonly prefix: Buffer;
  readonly #store: IndexStore;
  readonly #end: Buffer;
  /** Came since the last checkpoint began, and still waits. */
  #added = new DueOrder();
  /** Gone since then, of what lies below. */
  #removed = new Map<string, Due>();
  /** Of what the checkpoint in flight writes: what still waits, and what it takes out of the rows. */
  #committing = new DueOrder();
  #committingRemoved: ReadonlyMap<string, Due> | undefined;
  /** Every row up to here is gone: they need not be read again before the next commit. */
  #passed: Due | undefined;

  constructor(store: IndexStore, prefix: Buffer) {
    this.#store = store;
    this.prefix = prefix;
    this.#end = afterPrefix(prefix);
  }

  insert(due: Due): void {
    this.#added.insert(due);
  }

  /** `due` is in this order. */
  remove(due: Due): void {
    if (this.#added.remove(due)) return;
    this.#committing.remove(due);
    this.#removed.set(nameOf(due), due);
  }

  first(): Due | undefined {
    return this.slice(1)[0];
  }

  /** At most `limit`, strictly after `after` when given. */
  slice(limit: number, after?: Due): readonly Due[] {
    const added = this.#added.slice(limit, after);
    const committing = this.#committing.slice(limit, after);
    const rows = this.#rows(limit, after);
    if (added.length === 0 && committing.length === 0) return rows;
    const all = [...rows, ...committing, ...added].sort(compareDues);
    const merged: Due[] = [];
    for (const due of all) {
      const last = merged[merged.length - 1];
      // A row of the commit in flight may show already.
      if (last === undefined || compareDues(last, due) !== 0) merged.push(due);
      if (merged.length === limit) break;
    }
    return merged;
  }

  /** The rows that are not gone. */
  #rows(limit: number, after: Due | undefined): readonly Due[] {
    const found: Due[] = [];
    const passed = this.#passed;
    const isFromPassed = passed !== undefined && (after === undefined || compareDues(after, passed) <= 0);
    let last = isFromPassed ? passed : after;
    let isAllGone = after === undefined || isFromPassed;
    for (;;) {
      // The octet behind a key makes it the first key after it.
      const from = last === undefined ? this.prefix : afterKey(dueKey(this.prefix, last));
      const wanted = Math.min(ROWS_MAX, limit - found.length + this.#goneMax());
      const rows = this.#store.keys(from, this.#end, wanted);
      for (const key of rows) {
        const due = dueOf(this.prefix, key);
        if (this.#isGone(due)) {
          if (isAllGone) this.#passed = due;
        } else {
          isAllGone = false;
          found.push(due);
          if (found.length === limit) return found;
        }
        last = due;
      }
      if (rows.length < wanted) return found;
    }
  }

  #goneMax(): number {
    return this.#removed.size + (this.#committingRemoved?.size ?? 0);
  }

  #isGone(due: Due): boolean {
    if (this.#goneMax() === 0) return false;
    const name = nameOf(due);
    return this.#removed.has(name) || this.#committingRemoved?.has(name) === true;
  }

  /** A checkpoint begins: what it has to write. From here on new changes make a new layer. */
  begin(): OrderChanges {
    const added = this.#added.slice(this.#added.size);
    const removed = this.#removed;
    this.#committing = this.#added;
    this.#committingRemoved = removed;
    this.#added = new DueOrder();
    this.#removed = new Map();
    return { prefix: this.prefix, added, removed };
  }

  /** What the checkpoint wrote is in the rows now. */
  end(): void {
    this.#committing = new DueOrder();
    this.#committingRemoved = undefined;
    this.#passed = undefined;
  }
}

/** Order matters: a due may have been taken out and come back. Yields now and then, so that others can run. */
export function* putOrder(batch: ChangeBatch, { prefix, added, removed }: OrderChanges): Generator<void> {
  for (const due of removed.values()) {
    batch.remove(dueKey(prefix, due));
    yield;
  }
  for (const due of added) {
    batch.put(dueKey(prefix, due), NO_VALUE);
    yield;
  }
}

function nameOf({ dueAt, messageId, index }: Due): string {
  return `${dueAt} ${messageId} ${index}`;
}

function afterKey(key: Buffer): Buffer {
  return Buffer.concat([key, NUL]);
}

const NUL = Buffer.alloc(1);

// The index in memory, for tests of everything above it: what was committed survives `powerCut`, nothing else does.
import type { ChangeBatch, IndexStore, Row } from './index-store.ts';
import { changesOf } from './index-store.ts';

export interface MemoryIndex extends IndexStore {
  /** A commit in flight is kept whole or not at all; nothing of this index is used afterwards but by the next life. */
  powerCut(keepInFlight: boolean): MemoryIndex;
  /** Every row, for comparisons. */
  dump(): ReadonlyMap<string, string>;
}

/** `settle`: called by each commit before it counts; a test may hold it back or make it fail. */
export function createMemoryIndex(settle: () => Promise<void> = async () => {}): MemoryIndex {
  return new MemoryRows(new Map(), settle);
}

class MemoryRows implements MemoryIndex {
  readonly #settle: () => Promise<void>;
  /** Keys and values as latin1 text: compares like the octets. */
  #rows: Map<string, Buffer>;
  #sorted: string[] | undefined;
  #inFlight: Map<string, Buffer> | undefined;
  #isOver = false;

  constructor(rows: Map<string, Buffer>, settle: () => Promise<void>) {
    this.#rows = rows;
    this.#settle = settle;
  }

  async open(): Promise<void> {}

  get(key: Buffer): Buffer | undefined {
    return this.#rows.get(key.toString('latin1'));
  }

  range(from: Buffer, to: Buffer, limit: number): readonly Row[] {
    const [first, end] = [from.toString('latin1'), to.toString('latin1')];
    this.#sorted ??= [...this.#rows.keys()].sort();
    const rows: Row[] = [];
    for (let at = position(this.#sorted, first); rows.length < limit; at++) {
      const key = this.#sorted[at];
      if (key === undefined || key >= end) break;
      rows.push({ key: Buffer.from(key, 'latin1'), value: this.#rows.get(key) as Buffer });
    }
    return rows;
  }

  keys(from: Buffer, to: Buffer, limit: number): readonly Buffer[] {
    return this.range(from, to, limit).map(({ key }) => key);
  }

  async commit(batch: ChangeBatch): Promise<void> {
    const next = new Map(this.#rows);
    for (const { key, value } of changesOf(batch.chunks())) {
      if (value === undefined) next.delete(key.toString('latin1'));
      else next.set(key.toString('latin1'), Buffer.from(value));
    }
    this.#inFlight = next;
    await this.#settle();
    if (this.#isOver) return new Promise(() => {});
    this.#inFlight = undefined;
    this.#rows = next;
    this.#sorted = undefined;
  }

  async clear(): Promise<void> {
    this.#rows = new Map();
    this.#sorted = undefined;
  }

  async close(): Promise<void> {}

  discard(): Promise<void> {
    return this.clear();
  }

  powerCut(keepInFlight: boolean): MemoryIndex {
    this.#isOver = true;
    return new MemoryRows(keepInFlight && this.#inFlight !== undefined ? this.#inFlight : this.#rows, this.#settle);
  }

  dump(): ReadonlyMap<string, string> {
    return new Map([...this.#rows].map(([key, value]) => [key, value.toString('latin1')]));
  }
}

function position(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

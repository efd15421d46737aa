// The index on disk: LMDB, read by the thread that asks, written by a thread of its own, so that a commit of many
// thousand rows costs the event loop the encoding alone. The only file that imports lmdb. Reads are synchronous and
// never hold a transaction across an await: a pinned one makes the file grow without end.
import { rm } from 'node:fs/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Database, open, type RootDatabaseOptionsWithPath } from 'lmdb';
import { type ChangeBatch, changesOf, freeBatch, type IndexStore, type Row } from './index-store.ts';

/** What this file is started with in its second role. */
const ROLE = 'postilion-index-writer';

type Request = { readonly chunks: readonly Uint8Array[] } | 'clear' | 'close';
type Answer = { readonly error?: string; readonly chunks?: readonly Uint8Array[] };

type Rows = Database<Buffer, Buffer>;

/**
 * DESIGN section 3: safeRestore, since after a restored snapshot of a running machine the newest root may be one that
 * was never synced; no overlappingSync, so that a commit is durable when it returns.
 */
function openRows(path: string): Rows {
  // `safeRestore` is missing in the package's types.
  const options: RootDatabaseOptionsWithPath & { readonly safeRestore: boolean } = {
    path,
    safeRestore: true,
    overlappingSync: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    cache: false,
    maxDbs: 1,
    noMemInit: false,
  };
  return open<Buffer, Buffer>(options);
}

/** `folder`: of this index alone; made when absent. */
export function createLmdbIndex(folder: string): IndexStore {
  return new LmdbIndex(folder);
}

class LmdbIndex implements IndexStore {
  readonly #folder: string;
  #rows: Rows | undefined;
  #writer: Worker | undefined;
  /** One request at a time. */
  #answered: (answer: Answer) => void = () => {};
  /** Why nothing will be answered any more: the writer ended. */
  #ended: string | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async open(): Promise<void> {
    this.#rows = openRows(this.#folder);
    this.#writer = new Worker(new URL(import.meta.url), {
      workerData: { role: ROLE, folder: this.#folder },
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    this.#ended = undefined;
    const ended = (error: string): void => {
      this.#ended ??= error;
      this.#answered({ error: this.#ended });
    };
    this.#writer.on('message', (given: Answer) => this.#answered(given));
    this.#writer.on('error', (error) => ended(`the writer of the index failed: ${String(error)}`));
    this.#writer.on('exit', (code) => ended(`the writer of the index ended with ${code}`));
    this.#writer.unref();
  }

  get #open(): Rows {
    if (this.#rows === undefined) throw new Error('the index is not open');
    return this.#rows;
  }

  get(key: Buffer): Buffer | undefined {
    return this.#open.getBinary(key);
  }

  range(from: Buffer, to: Buffer, limit: number): readonly Row[] {
    const rows: Row[] = [];
    for (const { key, value } of this.#open.getRange({ start: from, end: to, limit, snapshot: false })) {
      rows.push({ key, value });
    }
    return rows;
  }

  keys(from: Buffer, to: Buffer, limit: number): readonly Buffer[] {
    const keys: Buffer[] = [];
    for (const key of this.#open.getKeys({ start: from, end: to, limit, snapshot: false })) keys.push(key);
    return keys;
  }

  async commit(batch: ChangeBatch): Promise<void> {
    const chunks = batch.chunks();
    await this.#ask(
      { chunks },
      chunks.map((chunk) => chunk.buffer as ArrayBuffer),
    );
  }

  async clear(): Promise<void> {
    await this.#ask('clear');
  }

  async #ask(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) throw new Error('the index is not open');
    if (this.#ended !== undefined) throw new Error(this.#ended);
    writer.ref();
    try {
      writer.postMessage(request, transfer);
      const answer = await new Promise<Answer>((resolve) => (this.#answered = resolve));
      freeBatch(answer.chunks ?? []);
      if (answer.error !== undefined) throw new Error(answer.error);
    } finally {
      writer.unref();
    }
    this.#rows?.resetReadTxn();
  }

  async close(): Promise<void> {
    if (this.#writer === undefined) return;
    const writer = this.#writer;
    const rows = this.#rows;
    try {
      // A writer that has ended has nothing left to close.
      if (this.#ended === undefined) await this.#ask('close');
    } finally {
      this.#writer = undefined;
      this.#rows = undefined;
      await writer.terminate();
      await rows?.close();
    }
  }

  async discard(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function serve(folder: string): void {
  const rows = openRows(folder);
  parentPort?.on('message', (request: Request) => {
    const chunks = typeof request === 'object' ? request.chunks : [];
    let answer: Answer = { chunks };
    try {
      if (request === 'clear') rows.clearSync();
      else if (request === 'close') void rows.close();
      else write(rows, chunks);
    } catch (error) {
      answer = { chunks, error: error instanceof Error ? error.message : String(error) };
    }
    parentPort?.postMessage(
      answer,
      chunks.map((chunk) => chunk.buffer as ArrayBuffer),
    );
  });
}

function write(rows: Rows, chunks: readonly Uint8Array[]): void {
  rows.transactionSync(() => {
    for (const { key, value } of changesOf(chunks)) {
      if (value === undefined) rows.removeSync(key);
      else rows.putSync(key, value);
    }
  });
}

if (!isMainThread && (workerData as { role?: string } | undefined)?.role === ROLE) {
  serve((workerData as { folder: string }).folder);
}

// The index as the spool uses it: rows by binary key in one order, changed by whole batches. What a batch changes is
// durable, all of it, when `commit` resolves; after a crash either all of it is there or nothing.

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface IndexStore {
  /** Opens what is there or makes a new one. */
  open(): Promise<void>;
  get(key: Buffer): Buffer | undefined;
  /** Rows from `from` (inclusive) to `to` (exclusive) in order of their keys, at most `limit`. */
  range(from: Buffer, to: Buffer, limit: number): readonly Row[];
  /** The same, keys alone. */
  keys(from: Buffer, to: Buffer, limit: number): readonly Buffer[];
  /** One transaction. One at a time. Rejects when nothing of it was kept. The batch is used up. */
  commit(batch: ChangeBatch): Promise<void>;
  /** Removes every row, durably. */
  clear(): Promise<void>;
  close(): Promise<void>;
  /** Removes it whole, also one that cannot be opened. It is not open. */
  discard(): Promise<void>;
}

const CHUNK_OCTETS = 256 * 1024;
const REMOVED = 0xffffffff;
/** Key length and value length. */
const PREFIX_OCTETS = 6;

/** Chunks that came back from a commit: memory outside the heap, which the collector is slow to see. */
const freeChunks: Buffer[] = [];
const FREE_CHUNKS_MAX = 64;

function newChunk(octets: number): Buffer {
  const free = octets <= CHUNK_OCTETS ? freeChunks.pop() : undefined;
  return free ?? Buffer.allocUnsafeSlow(Math.max(CHUNK_OCTETS, octets));
}

/** Chunks of a committed batch may be used again. */
export function freeBatch(chunks: readonly Uint8Array[]): void {
  for (const { buffer } of chunks) {
    if (buffer.byteLength !== CHUNK_OCTETS || freeChunks.length >= FREE_CHUNKS_MAX) continue;
    freeChunks.push(Buffer.from(buffer as ArrayBuffer));
  }
}

/** Changes in the order they were made, in a few large buffers, so that they can go to another thread as they are. */
export class ChangeBatch {
  readonly #chunks: Buffer[] = [];
  #current = newChunk(CHUNK_OCTETS);
  #used = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const at = this.#room(PREFIX_OCTETS + key.length + value.length);
    this.#current.writeUInt16LE(key.length, at);
    this.#current.writeUInt32LE(value.length, at + 2);
    this.#current.set(key, at + PREFIX_OCTETS);
    this.#current.set(value, at + PREFIX_OCTETS + key.length);
  }

  remove(key: Uint8Array): void {
    const at = this.#room(PREFIX_OCTETS + key.length);
    this.#current.writeUInt16LE(key.length, at);
    this.#current.writeUInt32LE(REMOVED, at + 2);
    this.#current.set(key, at + PREFIX_OCTETS);
  }

  #room(octets: number): number {
    if (this.#used + octets > this.#current.length) {
      this.#chunks.push(this.#current.subarray(0, this.#used));
      this.#current = newChunk(octets);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += octets;
    this.#count++;
    return at;
  }

  /** Each over an ArrayBuffer of its own. */
  chunks(): readonly Buffer[] {
    return [...this.#chunks, this.#current.subarray(0, this.#used)];
  }
}

/** The changes of a batch's chunks; `value` undefined: removed. Key and value are views. */
export function* changesOf(
  chunks: readonly Uint8Array[],
): Generator<{ readonly key: Buffer; readonly value: Buffer | undefined }> {
  for (const chunk of chunks) {
    const octets = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = 0; at < octets.length; ) {
      const keyEnd = at + PREFIX_OCTETS + octets.readUInt16LE(at);
      const valueOctets = octets.readUInt32LE(at + 2);
      const key = octets.subarray(at + PREFIX_OCTETS, keyEnd);
      at = valueOctets === REMOVED ? keyEnd : keyEnd + valueOctets;
      yield { key, value: valueOctets === REMOVED ? undefined : octets.subarray(keyEnd, at) };
    }
  }
}

// Segments open for reading: few descriptors, kept from one read to the next, never closed under a reader.
import type { Disk, DiskFile } from './disk.ts';
import { isScarce } from './disk.ts';
import { FIRST_BLOCK, decodeFileHead } from './file-head.ts';
import { DamagedRecord } from '../flow/spool.ts';

export interface OpenFile {
  readonly file: DiskFile;
  readonly salt: Uint8Array;
}

interface Entry {
  readonly opened: Promise<OpenFile>;
  uses: number;
}

export class OpenFiles {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #filesMax: number;
  /** Oldest use first. */
  readonly #entries = new Map<string, Entry>();

  constructor(disk: Disk, folder: string, filesMax: number) {
    this.#disk = disk;
    this.#folder = folder;
    this.#filesMax = filesMax;
  }

  /** Runs `read` with the file held open. */
  async use<T>(name: string, read: (file: OpenFile) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(name) ?? { opened: this.#opened(name), uses: 0 };
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    entry.uses++;
    try {
      return await read(await entry.opened);
    } catch (error) {
      // What could not be opened is tried anew the next time.
      if (this.#entries.get(name) === entry && (await failed(entry.opened))) this.#entries.delete(name);
      throw error;
    } finally {
      entry.uses--;
      this.#evict(this.#filesMax);
    }
  }

  close(): void {
    this.#evict(0);
  }

  async #opened(name: string): Promise<OpenFile> {
    const file = this.#openFile(`${this.#folder}/${name}`);
    try {
      const block = Buffer.alloc(FIRST_BLOCK);
      const octets = await file.read(block, 0);
      const head = decodeFileHead(block.subarray(0, octets));
      if (head === undefined) throw new DamagedRecord(`${name}: the first block does not hold`);
      return { file, salt: head.salt };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #openFile(path: string): DiskFile {
    try {
      return this.#disk.openRead(path);
    } catch (error) {
      if (!isScarce(error)) throw error;
      this.#evict(0);
      return this.#disk.openRead(path);
    }
  }

  #evict(keep: number): void {
    if (this.#entries.size <= keep) return;
    for (const [name, entry] of this.#entries) {
      if (this.#entries.size <= keep) return;
      if (entry.uses > 0) continue;
      this.#entries.delete(name);
      entry.opened.then(
        ({ file }) => file.close(),
        () => {},
      );
    }
  }
}

async function failed(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => false,
    () => true,
  );
}

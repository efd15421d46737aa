// Reads a file forward in large pieces. What it gives is a view that holds until the next call.
import type { DiskFile } from './disk.ts';

const WINDOW_OCTETS = 1024 * 1024;

export class FileWindow {
  readonly size: number;
  readonly #file: DiskFile;
  readonly #octets: number;
  #buffer: Buffer;
  #from = 0;
  #to = 0;

  constructor(file: DiskFile, size: number, octets = WINDOW_OCTETS) {
    this.#file = file;
    this.size = size;
    this.#octets = octets;
    this.#buffer = Buffer.allocUnsafe(Math.min(octets, Math.max(size, 1)));
  }

  /** `length` octets from `offset`, fewer at the end of the file; undefined when they must be loaded first. */
  peek(offset: number, length: number): Buffer | undefined {
    const to = Math.min(offset + length, this.size);
    if (offset >= to) return this.#buffer.subarray(0, 0);
    if (offset < this.#from || to > this.#to) return undefined;
    return this.#buffer.subarray(offset - this.#from, to - this.#from);
  }

  async load(offset: number, length: number): Promise<Buffer> {
    const held = this.peek(offset, length);
    if (held !== undefined) return held;
    const wanted = Math.min(Math.max(length, this.#octets), this.size - offset);
    if (this.#buffer.length < wanted) this.#buffer = Buffer.allocUnsafe(wanted);
    let got = 0;
    while (got < wanted) {
      const octets = await this.#file.read(this.#buffer.subarray(got, wanted), offset + got);
      if (octets === 0) break;
      got += octets;
    }
    this.#from = offset;
    this.#to = offset + got;
    return this.#buffer.subarray(0, Math.min(length, got));
  }

  /** First place at or after `from` where `needle` begins; undefined: none. */
  async find(needle: Buffer, from: number): Promise<number | undefined> {
    let offset = from;
    while (offset + needle.length <= this.size) {
      const piece = await this.load(offset, this.#octets);
      const at = piece.indexOf(needle);
      if (at >= 0) return offset + at;
      if (piece.length < needle.length) return undefined;
      offset += piece.length - needle.length + 1;
    }
    return undefined;
  }

  /** Is everything from `from` to the end zero? */
  async isZero(from: number): Promise<boolean> {
    for (let offset = from; offset < this.size; ) {
      const piece = await this.load(offset, this.#octets);
      if (piece.length === 0) return true;
      if (piece[0] !== 0 || piece.compare(piece, 0, piece.length - 1, 1) !== 0) return false;
      offset += piece.length;
    }
    return true;
  }
}

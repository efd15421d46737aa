// Collects the header section from pieces until the empty line that ends it, in time that grows with its size only.
import { beginsWithField } from '../mail/header-section.ts';

const CR = 13;
const LF = 10;
const END = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);
/** A first line this long without a colon is no field, whatever comes. */
const FIRST_LINE_OCTETS = 1000;

export interface GatheredHeader {
  /** Fields, each line with its CRLF; empty when the content has none. */
  readonly fields: Buffer;
  /** The empty line that ends them, or nothing: the data ended with them, or the content is all body. */
  readonly separator: Buffer;
  /** What came behind. */
  readonly rest: Buffer;
}

export class HeaderGather {
  #store = EMPTY;
  #used = 0;
  /** The first line is a field. */
  #isSection = false;

  add(piece: Buffer, octetsMax: number): GatheredHeader | 'too-large' | undefined {
    const before = this.#used;
    const all = before === 0 ? piece : this.#append(piece);
    const found = this.#find(all, before);
    if (found !== undefined) return found.fields.length > octetsMax ? 'too-large' : found;
    if (all.length > octetsMax) return 'too-large';
    if (before === 0) this.#append(piece);
    return undefined;
  }

  /** The data ended. */
  finish(): GatheredHeader {
    const all = this.#store.subarray(0, this.#used);
    return beginsWithField(all)
      ? { fields: all, separator: EMPTY, rest: EMPTY }
      : { fields: EMPTY, separator: EMPTY, rest: all };
  }

  #find(all: Buffer, before: number): GatheredHeader | undefined {
    if (!this.#isSection) {
      if (all.indexOf(LF) === -1 && all.length < FIRST_LINE_OCTETS) return undefined;
      if (all[0] === CR) return { fields: EMPTY, separator: all.subarray(0, 2), rest: all.subarray(2) };
      if (!beginsWithField(all)) return { fields: EMPTY, separator: EMPTY, rest: all };
      this.#isSection = true;
    }
    const end = all.indexOf(END, Math.max(0, before - 3));
    if (end === -1) return undefined;
    return { fields: all.subarray(0, end + 2), separator: all.subarray(end + 2, end + 4), rest: all.subarray(end + 4) };
  }

  #append(piece: Buffer): Buffer {
    const used = this.#used + piece.length;
    if (used > this.#store.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(used, 2 * this.#store.length, 4096));
      this.#store.copy(larger, 0, 0, this.#used);
      this.#store = larger;
    }
    piece.copy(this.#store, this.#used);
    this.#used = used;
    return this.#store.subarray(0, used);
  }
}

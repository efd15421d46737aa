// SHA-256 of a body in DKIM's relaxed canonical form (RFC 6376 section 3.4.4), fed in any cut: white space at line ends
// ignored, runs of it inside a line one space, empty lines at the end ignored. The body has no bare CR or LF.
import { createHash } from 'node:crypto';

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const RUN = Buffer.from('\r\n'.repeat(1024));

/** Looked at one by one from a space on, before the next space is searched for. */
const STRETCH_OCTETS = 512;

/** True when the relaxed form can differ from the simple one only in what trails the last line of text. */
export function isRelaxedAlready(body: Buffer): boolean {
  const { length } = body;
  const last = body[length - 1];
  if (last === CR || last === SPACE || body.includes(TAB)) return false;
  // Base64 has no spaces and text has so many that to search for each takes longer than to look at all octets. Of two
  // octets beside each other one stands at an odd place: only those are looked at.
  for (let at = body.indexOf(SPACE); at !== -1; at = body.indexOf(SPACE, at - 1)) {
    const end = Math.min(length, at + STRETCH_OCTETS);
    for (at |= 1; at < end; at += 2) {
      const octet = body[at] as number;
      if (octet > SPACE) continue;
      const before = body[at - 1];
      if (octet === CR) {
        if (before === SPACE) return false;
      } else if (octet === SPACE) {
        const next = body[at + 1];
        if (before === SPACE || next === SPACE || next === CR) return false;
      }
    }
  }
  return true;
}

export class RelaxedBodyHash {
  readonly #hash = createHash('sha256');
  /** Line ends seen and not yet hashed: they count only when something follows. */
  #lineEnds = 0;
  /** White space seen in this line and not yet hashed: it counts only when something follows in the line. */
  #space = false;
  /** A CR at the end of the last chunk. */
  #cr = false;
  #any = false;

  update(chunk: Buffer): void {
    if (!this.#cr && !this.#space && isRelaxedAlready(chunk)) this.#plain(chunk);
    else this.#reduce(chunk);
  }

  /** Most bodies: whole lines go as they are. */
  #plain(chunk: Buffer): void {
    let text = chunk.length;
    while (text > 0 && (chunk[text - 1] === LF || chunk[text - 1] === CR)) text--;
    if (text > 0) {
      this.#release();
      this.#hash.update(text === chunk.length ? chunk : chunk.subarray(0, text));
      this.#any = true;
    }
    this.#lineEnds += (chunk.length - text) / 2;
  }

  #reduce(chunk: Buffer): void {
    const out = Buffer.allocUnsafe(chunk.length + 4);
    const { length } = chunk;
    let at = 0;
    let space = this.#space;
    let lineEnds = 0;
    let isFirst = true;
    /** Something comes before the next text. */
    let isPending = true;
    for (let i = 0; i < length; i++) {
      const octet = chunk[i] as number;
      if (octet > SPACE || (octet !== SPACE && octet !== TAB && octet !== LF && octet !== CR)) {
        if (isPending) {
          if (isFirst) {
            this.#release();
            isFirst = false;
            this.#any = true;
          }
          for (; lineEnds > 0; lineEnds--) {
            out[at++] = CR;
            out[at++] = LF;
          }
          if (space) out[at++] = SPACE;
          space = false;
          isPending = false;
        }
        out[at++] = octet;
      } else if (octet === LF) {
        space = false;
        lineEnds++;
        isPending = true;
      } else if (octet !== CR) {
        space = true;
        isPending = true;
      }
    }
    this.#lineEnds += lineEnds;
    this.#space = space;
    this.#cr = length > 0 ? chunk[length - 1] === CR : this.#cr;
    if (at > 0) this.#hash.update(out.subarray(0, at));
  }

  #release(): void {
    for (let octets = 2 * this.#lineEnds; octets > 0; octets -= RUN.length) {
      this.#hash.update(RUN.subarray(0, Math.min(octets, RUN.length)));
    }
    this.#lineEnds = 0;
  }

  /** Base64. Nothing may be fed after it. */
  digest(): string {
    // A body that is not empty ends in one CRLF, whether it was there or not.
    if (this.#any) this.#hash.update(RUN.subarray(0, 2));
    return this.#hash.digest('base64');
  }
}

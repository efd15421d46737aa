// sha256 of a body in DKIM's simple canonical form: as it is, with every empty line at its end taken away and one CRLF
// there. In pieces of any size. RFC 6376 section 3.4.3. The body must be canonical: no bare CR or LF.
import { createHash, type Hash } from 'node:crypto';

const CR = 13;
const LF = 10;
const CRLF = '\r\n';
const RUN = Buffer.from(CRLF.repeat(1024));

/** Octets of `piece` before the run of CR and LF it ends with. */
function textLength(piece: Buffer): number {
  let length = piece.length;
  while (length > 0 && (piece[length - 1] === LF || piece[length - 1] === CR)) length--;
  return length;
}

/** The whole body at once, as long as it needs to be for hashing: up to its last text, then one CRLF. */
export function simpleBody(body: Buffer): Buffer {
  const text = textLength(body);
  return body.length >= text + 2
    ? body.subarray(0, text + 2)
    : Buffer.concat([body.subarray(0, text), RUN.subarray(0, 2)]);
}

export class BodyHash {
  readonly #hash: Hash = createHash('sha256');
  /** CR and LF octets that wait: at the end they fall away, before more text they belong to the body. */
  #held = 0;

  update(piece: Buffer): void {
    const text = textLength(piece);
    if (text > 0) {
      this.#release();
      this.#hash.update(piece.subarray(0, text));
    }
    this.#held += piece.length - text;
  }

  /** base64. */
  digest(): string {
    return this.#hash.update(CRLF).digest('base64');
  }

  /** A run always begins with CR, also when its CRLFs came in different pieces. */
  #release(): void {
    for (; this.#held > 0; this.#held -= Math.min(this.#held, RUN.length)) {
      this.#hash.update(RUN.subarray(0, Math.min(this.#held, RUN.length)));
    }
  }
}

// Finds the end of data and undoes dot-stuffing, on the octets as they come in any segmentation. Only CRLF.CRLF ends a
// message, a dot is taken away only after CRLF, and a bare CR, a bare LF or a NUL refuses it: what another program
// could take for a line end never gets past here (SMTP smuggling). RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2.

export type DataFault = 'bare-cr' | 'bare-lf' | 'nul';

/** RFC 5322 section 2.1.1, without CRLF. */
const LINE_OCTETS_MAX = 998;
const CR = 13;
const LF = 10;
const DOT = 46;
const CRLF = Buffer.from('\r\n');

/**
 * Where the octets seen so far end. What `cr`, `dot` and `dot-cr` hold is not given on before the next octet tells
 * what it was.
 */
type Position = 'line-start' | 'in-line' | 'cr' | 'dot' | 'dot-cr' | 'ended';

export class DataScanner {
  /** DATA begins at the start of a line: `.` CRLF right away is an empty message. */
  #position: Position = 'line-start';
  /** Octets of the present line that came in earlier chunks. */
  #lineBefore = 0;
  /** Lines over 998 octets so far. */
  longLines = 0;

  /**
   * Gives the content of `chunk` to `take` in order. Returns the number of octets used when the end of data is among
   * them, -1 when all were used and more must come, or the fault. After a fault or the end the scanner is spent.
   */
  feed(chunk: Buffer, take: (piece: Buffer) => void): number | DataFault {
    const pieces: Buffer[] = [];
    const at = this.#resume(chunk, pieces);
    if (typeof at === 'string') return at;
    const end = this.#position === 'ended' ? at : at === chunk.length ? -1 : this.#scan(chunk, at, pieces);
    if (typeof end === 'string') return end;
    const nul = chunk.indexOf(0);
    if (nul !== -1 && (end === -1 || nul < end)) return 'nul';
    for (const piece of pieces) take(piece);
    return end;
  }

  /** Decides what the last octets of the chunk before were. Returns where the scan of lines goes on. */
  #resume(chunk: Buffer, pieces: Buffer[]): number | DataFault {
    for (let at = 0; at < chunk.length; at++) {
      const octet = chunk[at];
      switch (this.#position) {
        case 'ended':
        case 'in-line':
          return at;
        case 'cr':
          if (octet !== LF) return 'bare-cr';
          pieces.push(CRLF);
          this.#endLine(this.#lineBefore);
          this.#position = 'line-start';
          break;
        case 'line-start':
          this.#position = octet === DOT ? 'dot' : 'in-line';
          if (octet !== DOT) return at;
          break;
        case 'dot':
          // A stuffed dot; whatever follows it is content.
          this.#position = octet === CR ? 'dot-cr' : 'in-line';
          if (octet !== CR) return at;
          break;
        case 'dot-cr':
          if (octet !== LF) return 'bare-cr';
          this.#position = 'ended';
          return at + 1;
      }
    }
    return chunk.length;
  }

  /** Line by line from `at`, which is inside a line or at its first octet of content. */
  #scan(chunk: Buffer, at: number, pieces: Buffer[]): number | DataFault {
    const length = chunk.length;
    let from = at;
    let next = at;
    let lineStart = at - this.#lineBefore;
    for (;;) {
      const cr = chunk.indexOf(CR, next);
      const lf = chunk.indexOf(LF, next);
      if (lf !== -1 && (cr === -1 || lf < cr)) return 'bare-lf';
      if (cr === -1) return this.#pause('in-line', chunk, from, length, length - lineStart, pieces);
      if (lf !== cr + 1) {
        return cr === length - 1 ? this.#pause('cr', chunk, from, cr, cr - lineStart, pieces) : 'bare-cr';
      }
      this.#endLine(cr - lineStart);
      lineStart = next = lf + 1;
      if (next === length) return this.#pause('line-start', chunk, from, length, 0, pieces);
      if (chunk[next] !== DOT) continue;
      if (next + 1 === length) return this.#pause('dot', chunk, from, next, 0, pieces);
      if (chunk[next + 1] === CR) {
        const position = this.#pause('dot-cr', chunk, from, next, 0, pieces);
        if (next + 2 === length) return position;
        this.#position = 'ended';
        return chunk[next + 2] === LF ? next + 3 : 'bare-cr';
      }
      pieces.push(chunk.subarray(from, next));
      from = lineStart = next = next + 1;
    }
  }

  #pause(position: Position, chunk: Buffer, from: number, to: number, lineBefore: number, pieces: Buffer[]): -1 {
    if (to > from) pieces.push(chunk.subarray(from, to));
    this.#position = position;
    this.#lineBefore = lineBefore;
    return -1;
  }

  #endLine(octets: number): void {
    if (octets > LINE_OCTETS_MAX) this.longLines++;
    this.#lineBefore = 0;
  }
}

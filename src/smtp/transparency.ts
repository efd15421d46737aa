// Transparency of the final dot (RFC 5321 section 4.5.2): a dot before every line that begins with one. Works on
// canonical CRLF content in chunks of any cut; content without such a line passes as it is, without a copy.

/** Where in a line the last octet left us. */
export type LineState = 'start' | 'cr' | 'middle';

export interface Stuffed {
  readonly octets: Buffer;
  readonly state: LineState;
}

const DOT = 46;
const CR = 13;
const LF = 10;
const LINE_THEN_DOT = Buffer.from('\r\n.');
/** Finds by search up to this many; then octet by octet, so that a storm of dots costs no more than its length. */
const SEARCHES_MAX = 64;

export function stuff(content: Buffer, from: LineState): Stuffed {
  if (content.length === 0) return { octets: content, state: from };
  const state = lineState(content, from);
  const dots = leading(content, from);
  for (let at = 0; ; ) {
    const found = content.indexOf(LINE_THEN_DOT, at);
    if (found === -1) break;
    dots.push(found + 2);
    at = found + 3;
    if (dots.length >= SEARCHES_MAX) return { octets: storm(content, dots), state };
  }
  return { octets: dots.length === 0 ? content : insert(content, dots, content.length), state };
}

/** What ends the content, the final dot included. */
export function finalDot(state: LineState): string {
  return state === 'start' ? '.\r\n' : '\r\n.\r\n';
}

function lineState(content: Buffer, from: LineState): LineState {
  const last = content[content.length - 1];
  if (last === CR) return 'cr';
  if (last !== LF) return 'middle';
  const before = content.length > 1 ? content[content.length - 2] === CR : from === 'cr';
  return before ? 'start' : 'middle';
}

/** A dot whose line began in an earlier chunk. */
function leading(content: Buffer, from: LineState): number[] {
  if (from === 'start' && content[0] === DOT) return [0];
  if (from === 'cr' && content[0] === LF && content[1] === DOT) return [1];
  return [];
}

function insert(content: Buffer, dots: readonly number[], end: number): Buffer {
  const out = Buffer.allocUnsafe(end + dots.length);
  let from = 0;
  let to = 0;
  for (const dot of dots) {
    content.copy(out, to, from, dot);
    to += dot - from;
    out[to++] = DOT;
    from = dot;
  }
  content.copy(out, to, from, end);
  return out;
}

/** `dots`: the first ones, already found. */
function storm(content: Buffer, dots: readonly number[]): Buffer {
  const split = (dots[dots.length - 1] ?? 0) + 1;
  const head = insert(content, dots, split);
  const out = Buffer.allocUnsafe(head.length + Math.ceil(((content.length - split) * 4) / 3) + 1);
  let to = head.copy(out);
  let before = 0; // the two octets before, newest low: the octet at `split - 1` is a dot
  for (let at = split; at < content.length; at++) {
    const octet = content[at] as number;
    if (octet === DOT && before === ((CR << 8) | LF)) out[to++] = DOT;
    out[to++] = octet;
    before = ((before << 8) | octet) & 0xffff;
  }
  return out.subarray(0, to);
}

// Replies out of octets (RFC 5321 section 4.2), however they were cut on the way. Holds at most one reply's octets;
// what goes over a bound, or is not a reply, ends the parser with a reason. Text is made harmless here, once.
import type { Reply } from '../flow/reply.ts';

export interface ReplyLimits {
  /** Lines of one reply. */
  readonly linesMax: number;
  /** Octets of one reply, line ends included. A single line may use all of them: some servers ignore 512. */
  readonly octetsMax: number;
  /** Characters of a line that are kept. */
  readonly textMax: number;
}

export const REPLY_LIMITS: ReplyLimits = { linesMax: 100, octetsMax: 64 * 1024, textMax: 512 };

const LF = 10;
const CR = 13;
const HYPHEN = 45;
const SPACE = 32;
const FULL_STOP = 46;
// C0, DEL, C1, line and paragraph separators, marks that turn the direction of text: none may shape a log or a screen.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3}$/;
const NOTHING = Buffer.alloc(0);

export interface Fed {
  readonly replies: readonly Reply[];
  /** The peer does not speak SMTP, or says too much: nothing more is read. */
  readonly trouble?: string;
}

export class ReplyParser {
  readonly #limits: ReplyLimits;
  /** Octets of a line whose end has not come. */
  #rest: Buffer = NOTHING;
  /** Octets of the present reply in whole lines. */
  #octets = 0;
  #lines: string[] = [];
  #count = 0;
  #enhanced: string | undefined;
  #trouble: string | undefined;

  constructor(limits: ReplyLimits = REPLY_LIMITS) {
    this.#limits = limits;
  }

  /** True when part of a reply is held. */
  get partial(): boolean {
    return this.#rest.length > 0 || this.#count > 0;
  }

  /** `chunk` is not kept: the caller may use its memory again. */
  feed(chunk: Buffer): Fed {
    const replies: Reply[] = [];
    if (this.#trouble !== undefined) return { replies, trouble: this.#trouble };
    const octets = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let searched = this.#rest.length;
    let start = 0;
    for (;;) {
      const end = octets.indexOf(LF, Math.max(start, searched));
      searched = 0;
      if (this.#octets + (end === -1 ? octets.length : end + 1) - start > this.#limits.octetsMax) {
        return this.#fail(replies, `a reply of more than ${this.#limits.octetsMax} octets`);
      }
      if (end === -1) break;
      const trouble = this.#line(octets, start, end, replies);
      if (trouble !== undefined) return this.#fail(replies, trouble);
      start = end + 1;
    }
    this.#rest = start === octets.length ? NOTHING : Buffer.from(octets.subarray(start));
    return { replies };
  }

  #fail(replies: Reply[], trouble: string): Fed {
    this.#trouble = trouble;
    this.#rest = NOTHING;
    this.#lines = [];
    return { replies, trouble };
  }

  /** One line without its LF, at [start, end). A bare LF ends a line too: some servers send it. */
  #line(octets: Buffer, start: number, end: number, replies: Reply[]): string | undefined {
    const stop = end > start && octets[end - 1] === CR ? end - 1 : end;
    const first = digit(octets[start]);
    const second = digit(octets[start + 1]);
    const third = digit(octets[start + 2]);
    const separator = stop === start + 3 ? SPACE : octets[start + 3];
    const isReply = stop >= start + 3 && first >= 2 && first <= 5 && second >= 0 && third >= 0;
    if (!isReply || (separator !== SPACE && separator !== HYPHEN)) {
      return `not an SMTP reply: ${harmless(octets.toString('utf8', start, Math.min(stop, start + 60)))}`;
    }
    if (++this.#count > this.#limits.linesMax) return `a reply of more than ${this.#limits.linesMax} lines`;
    this.#octets += end + 1 - start;
    this.#text(octets, start + 4, stop);
    if (separator === HYPHEN) return undefined;
    const enhanced = this.#enhanced;
    // The code of the last line counts, should they differ.
    const code = first * 100 + second * 10 + third;
    const lines = this.#lines;
    replies.push(enhanced === undefined ? { code, lines } : { code, enhanced, lines });
    this.#lines = [];
    this.#count = 0;
    this.#octets = 0;
    this.#enhanced = undefined;
    return undefined;
  }

  #text(octets: Buffer, start: number, stop: number): void {
    const { textMax } = this.#limits;
    // 4 octets a character at most; one character cut in two becomes a replacement character at the very end.
    let text = start >= stop ? '' : octets.toString('utf8', start, Math.min(stop, start + 4 * textMax));
    if (text.charCodeAt(1) === FULL_STOP) {
      const space = text.indexOf(' ');
      const word = space === -1 ? text : text.slice(0, space);
      if (ENHANCED.test(word)) {
        this.#enhanced ??= word;
        text = text.slice(word.length + 1);
      }
    }
    if (text.length > textMax) text = text.slice(0, textMax);
    this.#lines.push(harmless(text));
  }
}

function digit(octet: number | undefined): number {
  return octet !== undefined && octet >= 48 && octet <= 57 ? octet - 48 : -1;
}

/** For everything a peer said that goes into a record. */
export function harmless(text: string): string {
  return text.replace(UNSAFE, '?');
}

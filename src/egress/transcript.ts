// What was said on a connection, for people who ask why. While it goes on only references are kept; lines are made when
// somebody will read them: after a deferral, a failure, and one delivery in so many. Never holds content, which does not
// pass here, nor secrets: whoever sends one says so.
import type { Clock } from '../base/clock.ts';
import type { Reply } from '../flow/reply.ts';

export interface TranscriptBounds {
  /** Lines of one conversation; what is over is left out of its middle. */
  readonly linesMax: number;
  /** Characters of one line. */
  readonly charsMax: number;
}

/** A refused transaction of one recipient is about 20 lines with its opening; this is 8 KB at most. */
export const TRANSCRIPT_BOUNDS: TranscriptBounds = { linesMax: 40, charsMax: 200 };

/** A peer that talks without end must not fill the memory before its transaction is over. */
const ENTRIES_MAX = 300;

interface Entry {
  /** ms, monotonic. */
  readonly at: number;
  readonly who: 'C' | 'S' | '*';
  readonly what: string | Reply;
}

export class Transcript {
  readonly #clock: Clock;
  readonly #bounds: TranscriptBounds;
  #entries: Entry[] = [];
  #hasBegun = false;

  constructor(clock: Clock, bounds: TranscriptBounds = TRANSCRIPT_BOUNDS) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** A transaction begins. The first of a connection keeps what its opening said; a later one begins anew. */
  begin(): void {
    if (this.#hasBegun) this.#entries = [];
    this.#hasBegun = true;
  }

  /** One or more commands with their line ends. */
  sent(text: string, isSecret: boolean): void {
    this.#add('C', isSecret ? hidden(text) : text);
  }

  heard(reply: Reply): void {
    this.#add('S', reply);
  }

  /** What happened and was not said. */
  noted(text: string): void {
    this.#add('*', text);
  }

  /** `12 C: MAIL FROM:<a@example.com>`: ms since the first line; C is us, S the server, * what was not said. */
  lines(): readonly string[] {
    const { linesMax } = this.#bounds;
    const first = this.#entries[0]?.at ?? 0;
    const lines = this.#entries.flatMap(({ at, who, what }) =>
      textsOf(what).map((text) => this.#cut(`${Math.round(at - first)} ${who}: ${text}`)),
    );
    if (lines.length <= linesMax) return lines;
    const head = Math.ceil(linesMax / 2);
    const tail = linesMax - head - 1;
    return [...lines.slice(0, head), `… ${lines.length - head - tail} lines`, ...lines.slice(lines.length - tail)];
  }

  #add(who: Entry['who'], what: Entry['what']): void {
    if (this.#entries.length < ENTRIES_MAX) this.#entries.push({ at: this.#clock.monotonic(), who, what });
  }

  #cut(line: string): string {
    const { charsMax } = this.#bounds;
    return line.length <= charsMax ? line : `${line.slice(0, charsMax - 1)}…`;
  }
}

/** The lines of a reply stand in one, as it was one thing that was said. */
function textsOf(what: string | Reply): readonly string[] {
  if (typeof what === 'string') return what.trimEnd().split('\r\n');
  return [[what.code, what.enhanced, what.lines.join(' / ')].filter((part) => part !== undefined).join(' ')];
}

/** `AUTH PLAIN …`: of a command its words, of an answer to 334 nothing. */
function hidden(text: string): string {
  const [verb = '', mechanism = ''] = text.trimEnd().split(' ');
  return verb === 'AUTH' ? `AUTH ${mechanism} (hidden)` : '(hidden)';
}

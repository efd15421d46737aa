// Records between two processes over one connection: told (one way) and asked (with an answer), in order. Everything
// sent in one turn of the event loop leaves as one frame. Knows no socket: `link` is what carries the octets.
//
// States: open -> closed, never back. A broken connection loses what was not yet carried; who needs more keeps it and
// says it again after the next hello.
import { InvariantError } from '../base/errors.ts';
import { encodeFrames, FrameError, FrameReader } from './frame.ts';

/** The connection is gone: the answer will not come. What was asked may have been done. */
export class ChannelClosed extends Error {
  override readonly name = 'ChannelClosed';
}

/** The other side was asked and failed; its own log says how. */
export class ChannelFailure extends Error {
  override readonly name = 'ChannelFailure';
}

export interface Link {
  /** False: no more until `drained` is called (it was taken all the same). */
  write(frame: Buffer): boolean;
  /** Closes once what was written has left. */
  end(): void;
  /** Closes now. Both are idempotent. */
  destroy(): void;
}

export interface ChannelHandlers {
  told(body: unknown): void;
  asked(body: unknown): Promise<unknown>;
  /** All records of a frame have been handed out. */
  frameRead?(): void;
  /** Once. `why` is for the log. */
  closed(why: string): void;
}

export interface ChannelOptions {
  /** Records that wait for a peer who does not read; beyond it the channel is closed. */
  readonly waitingMax?: number;
  /** Runs its argument at the end of this turn. A test's own; else setImmediate. */
  readonly defer?: (run: () => void) => void;
}

const WAITING_MAX = 200_000;
const ENDED = 'ended';
const TELL = 0;
const ASK = 1;
const ANSWER = 2;
const FAILURE = 3;

type Wire =
  | readonly [typeof TELL, unknown]
  | readonly [typeof ASK, number, unknown]
  | readonly [typeof ANSWER, number, unknown]
  | readonly [typeof FAILURE, number, string];

interface Asked {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Channel {
  readonly #link: Link;
  readonly #handlers: ChannelHandlers;
  readonly #waitingMax: number;
  readonly #defer: (run: () => void) => void;
  readonly #reader = new FrameReader();
  readonly #asked = new Map<number, Asked>();
  #waiting: Wire[] = [];
  #flushing = false;
  #congested = false;
  #closed = false;
  #asks = 0;

  constructor(link: Link, handlers: ChannelHandlers, options: ChannelOptions = {}) {
    this.#link = link;
    this.#handlers = handlers;
    this.#waitingMax = options.waitingMax ?? WAITING_MAX;
    this.#defer = options.defer ?? ((run) => void setImmediate(run));
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The peer reads more slowly than we write. */
  get isCongested(): boolean {
    return this.#congested;
  }

  /** Lost silently when the channel is closed. */
  tell(body: unknown): void {
    this.#send([TELL, body]);
  }

  /** Rejects with ChannelClosed or ChannelFailure. */
  ask(body: unknown): Promise<unknown> {
    if (this.#closed) return Promise.reject(new ChannelClosed('the channel is closed'));
    const id = ++this.#asks;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#send([ASK, id, body]);
    });
  }

  /** Sends what waits without waiting for the end of the turn. */
  flush(): void {
    this.#flush();
  }

  /** Sends what waits, then closes: the peer reads it all. */
  end(): void {
    this.#congested = false;
    this.#flush();
    this.#link.end();
    this.#close(ENDED);
  }

  // ── called by who holds the link ────────────────────────────────────────────────────────────────────────────────

  received(chunk: Buffer): void {
    if (this.#closed) return;
    let frames: readonly (readonly unknown[])[];
    try {
      frames = this.#reader.read(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#close(error.message);
      return;
    }
    for (const frame of frames) {
      for (const record of frame) {
        if (this.#closed) return;
        this.#take(record as Wire);
      }
      if (!this.#closed) this.#handlers.frameRead?.();
    }
  }

  drained(): void {
    this.#congested = false;
    this.#flush();
  }

  linkClosed(why: string): void {
    this.#close(why);
  }

  // ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #send(record: Wire): void {
    if (this.#closed) return;
    if (this.#waiting.length >= this.#waitingMax) {
      this.#close('the peer does not read');
      return;
    }
    this.#waiting.push(record);
    if (this.#flushing || this.#congested) return;
    this.#flushing = true;
    this.#defer(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed || this.#congested || this.#waiting.length === 0) return;
    const records = this.#waiting;
    this.#waiting = [];
    for (const frame of encodeFrames(records)) {
      // Frames of one burst are written even when the first one fills the link: they are made already.
      if (!this.#link.write(frame)) this.#congested = true;
    }
  }

  #take(record: Wire): void {
    if (!Array.isArray(record)) return this.#close('a record is not ours');
    switch (record[0]) {
      case TELL:
        return this.#handlers.told(record[1]);
      case ASK:
        return this.#answer(record[1], record[2]);
      case ANSWER:
        // JSON has no undefined.
        return this.#settle(record[1])?.resolve(record[2] ?? undefined);
      case FAILURE:
        return this.#settle(record[1])?.reject(new ChannelFailure(record[2]));
      default:
        return this.#close('a record is not ours');
    }
  }

  #answer(id: number, body: unknown): void {
    this.#handlers.asked(body).then(
      (answer) => this.#send([ANSWER, id, answer]),
      (error: unknown) => {
        // Nobody catches a broken promise of our own but `main`.
        if (error instanceof InvariantError) queueMicrotask(() => raise(error));
        this.#send([FAILURE, id, error instanceof Error ? error.message : String(error)]);
      },
    );
  }

  #settle(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }

  #close(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    if (why !== ENDED) this.#link.destroy();
    for (const { reject } of asked) reject(new ChannelClosed(why));
    this.#handlers.closed(why);
  }
}

function raise(error: Error): never {
  throw error;
}

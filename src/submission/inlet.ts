// Chunks of a socket on their way into a session, one at a time and in order. A stream of Node does the same, at a price
// that is as high as that of the commands: most chunks are one command that is answered at once, and here such a chunk
// is one call. What makes the client wait is only what the session waits for.

export interface InletEnd {
  /** Takes one chunk; the next comes when its promise has settled. */
  take(chunk: Buffer): void | Promise<void>;
  failed(error: unknown): void;
  /** All that came was taken, and no more comes. */
  ended(): void;
  /** After a `write` that said false: the session is at rest again. */
  free(): void;
}

export class Inlet {
  readonly #end: InletEnd;
  /** What the session is at, and all that waits behind it. Never rejects. */
  #working: Promise<void> | undefined;

  constructor(end: InletEnd) {
    this.#end = end;
  }

  /** False: the session takes its time, and the socket should wait for `free`. What comes all the same is kept. */
  write(chunk: Buffer): boolean {
    const before = this.#working;
    const working = before === undefined ? this.#take(chunk) : before.then(() => this.#take(chunk));
    if (working !== undefined) this.#work(working);
    return this.#working === undefined;
  }

  end(): void {
    if (this.#working === undefined) this.#end.ended();
    else void this.#working.then(() => this.#end.ended());
  }

  #take(chunk: Buffer): void | Promise<void> {
    try {
      return this.#end.take(chunk)?.catch((error: unknown) => this.#end.failed(error));
    } catch (error) {
      this.#end.failed(error);
      return undefined;
    }
  }

  #work(working: Promise<void>): void {
    const all = working.then(() => {
      if (this.#working !== all) return;
      this.#working = undefined;
      this.#end.free();
    });
    this.#working = all;
  }
}

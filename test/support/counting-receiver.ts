// A server on every address of 127.0.0.0/8 at one port that takes all mail and counts, by client address and its own
// address: connections until the client's FIN, connections made, final dots. What caps speak of, seen from outside.
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface Seen {
  /** Address of the client, and the one it came to. */
  readonly client: string;
  readonly host: string;
}

export interface Dot extends Seen {
  /** Monotonic, ms. */
  readonly at: number;
}

export interface Opened extends Seen {
  readonly at: number;
  /**
   * When every end that came before it has been heard of: we may hear of a connection first, and of the end that made way
   * for it in the next round of the event loop.
   */
  openFrom: number;
  /** undefined: it is open. */
  endedAt: number | undefined;
}

export interface ReceiverOptions {
  /** From the final dot to its reply, by address. */
  readonly dotMs?: (host: string) => number;
  readonly now: () => number;
}

export class CountingReceiver {
  readonly dots: Dot[] = [];
  readonly opened: Opened[] = [];
  readonly #options: ReceiverOptions;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '0.0.0.0', 4096, resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Most connections that were open at one instant, by what `key` says of them. */
  mostOpen(key: (seen: Seen) => string | undefined): ReadonlyMap<string, number> {
    const steps = this.opened.flatMap((one) => [
      { at: Math.min(one.openFrom, one.endedAt ?? Infinity), by: 1, key: key(one) },
      { at: one.endedAt ?? Infinity, by: -1, key: key(one) },
    ]);
    const open = new Map<string, number>();
    const most = new Map<string, number>();
    for (const { key: name, by } of steps.toSorted((a, b) => a.at - b.at || a.by - b.by)) {
      if (name === undefined) continue;
      const count = (open.get(name) ?? 0) + by;
      open.set(name, count);
      most.set(name, Math.max(most.get(name) ?? 0, count));
    }
    return most;
  }

  #serve(socket: Socket): void {
    const seen = { client: socket.remoteAddress ?? '', host: socket.localAddress ?? '' };
    const at = this.#options.now();
    const opened: Opened = { ...seen, at, openFrom: at, endedAt: undefined };
    afterNextRound(() => {
      opened.openFrom = this.#options.now();
    });
    this.opened.push(opened);
    this.#sockets.add(socket);
    const ended = (): void => {
      opened.endedAt ??= this.#options.now();
    };
    const say = (text: string): void => void (socket.writable && socket.write(`${text}\r\n`));
    let rest = '';
    let inContent = false;
    socket.setNoDelay(true);
    socket.on('error', ended);
    socket.on('end', () => {
      ended();
      socket.end();
    });
    socket.on('close', () => {
      ended();
      this.#sockets.delete(socket);
    });
    socket.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (inContent) {
          if (line !== '.') continue;
          inContent = false;
          this.dots.push({ ...seen, at: this.#options.now() });
          const ms = this.#options.dotMs?.(seen.host) ?? 0;
          if (ms === 0) say('250 2.0.0 ok');
          else setTimeout(say, ms, '250 2.0.0 ok');
        } else if (line.startsWith('EHLO')) say('250-sink.test\r\n250 8BITMIME');
        else if (line === 'DATA') {
          inContent = true;
          say('354 go on');
        } else if (line === 'QUIT') {
          say('221 bye');
          socket.end();
        } else say('250 ok');
      }
    });
    say('220 sink.test ESMTP');
  }
}

/** Whatever had come over the network when this was called has been heard of. */
function afterNextRound(run: () => void): void {
  setImmediate(() => setImmediate(run));
}

/** Most that lies within any `perMs`; `at` ascending. */
export function mostWithin(at: readonly number[], perMs: number): number {
  let most = 0;
  for (let first = 0, last = 0; last < at.length; last++) {
    while ((at[last] as number) - (at[first] as number) >= perMs) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

// A channel over a Unix socket: the listening side and the calling side, which calls again until it is closed.
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import { listenUnix } from '../control/unix-socket.ts';
import { Channel, type ChannelHandlers, type ChannelOptions } from './channel.ts';

/** Joins a connected socket and a channel. The handlers may answer at once: nothing is read before this returns. */
export function channelOver(
  socket: Socket,
  handlers: (channel: () => Channel) => ChannelHandlers,
  options?: ChannelOptions,
): Channel {
  const link = {
    write: (frame: Buffer) => socket.write(frame),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
  const channel: Channel = new Channel(
    link,
    handlers(() => channel),
    options,
  );
  let why = 'the peer closed';
  socket.on('data', (chunk: Buffer) => channel.received(chunk));
  socket.on('drain', () => channel.drained());
  socket.on('error', (error) => {
    why = error.message;
  });
  // An ended socket may still take what we wrote, but the peer's half is over: nothing is answered any more.
  socket.on('end', () => channel.linkClosed(why));
  socket.on('close', () => channel.linkClosed(why));
  return channel;
}

export interface Listening {
  /** Also closes every connection. */
  close(): Promise<void>;
}

/** Listens at `path`, mode 0600; a stale socket is replaced. Throws OperatorError. */
export async function listenChannels(path: string, connected: (socket: Socket) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    connected(socket);
  });
  await listenUnix(server, path, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export interface CallerOptions {
  readonly path: string;
  readonly clock: Clock;
  /** A channel is open. Tell the hello first. */
  readonly opened: (channel: Channel) => Omit<ChannelHandlers, 'closed'>;
  /** It is closed; another will be tried. Not called for attempts that never connected. */
  readonly lost: (why: string) => void;
}

/** The scheduler of a running relay is back in well under a second; what asks waits 5 s. */
const CALL_AGAIN_MS = [10, 20, 50, 100, 200] as const;

/** Keeps one channel to `path` open. */
export class Caller {
  readonly #options: CallerOptions;
  #socket: Socket | undefined;
  #channel: Channel | undefined;
  #timer: Timer | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#call();
  }

  /** The open channel, if there is one. */
  get channel(): Channel | undefined {
    return this.#channel;
  }

  /** What was told before leaves first. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    if (this.#channel === undefined) this.#socket?.destroy();
    else this.#channel.end();
  }

  #call(): void {
    const socket = connect(this.#options.path);
    this.#socket = socket;
    const failed = (): void => this.#again();
    socket.once('error', failed);
    socket.once('connect', () => {
      socket.off('error', failed);
      if (this.#closed) return void socket.destroy();
      this.#failures = 0;
      const deferred: { handlers?: Omit<ChannelHandlers, 'closed'> } = {};
      const channel = channelOver(socket, () => ({
        told: (body) => deferred.handlers?.told(body),
        asked: (body) => deferred.handlers?.asked(body) ?? Promise.reject(new Error('not open')),
        frameRead: () => deferred.handlers?.frameRead?.(),
        closed: (why) => {
          this.#channel = undefined;
          if (deferred.handlers !== undefined) this.#options.lost(why);
          this.#again();
        },
      }));
      this.#channel = channel;
      deferred.handlers = this.#options.opened(channel);
    });
  }

  #again(): void {
    if (this.#closed) return;
    const delay = CALL_AGAIN_MS[Math.min(this.#failures, CALL_AGAIN_MS.length - 1)] ?? 200;
    this.#failures++;
    this.#timer = this.#options.clock.after(delay, () => this.#call());
  }
}

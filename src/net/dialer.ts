// Opens connections to addresses, from a local address when one is given. The only outgoing TCP sockets of mail.
// Every socket has setNoDelay: Nagle's algorithm with delayed acknowledgement costs 40 ms a message.
import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../base/clock.ts';
import type { AttemptError } from '../flow/attempt.ts';
import { TlsClient, type TlsClientOptions, tlsFacts } from './tls-client.ts';
import type { Dialer, Target, Wire, WireListener } from './wire.ts';

/** Replies are short: one small buffer a connection instead of a new one of 64 KiB a read. */
const READ_OCTETS = 4096;
/** Up to this size parts are copied into one write: cheaper than a writev of several. */
const COPY_OCTETS_MAX = 32 * 1024;
/** Where they are copied to: used again as long as the kernel takes every write at once, as it nearly always does. */
let scratch = Buffer.allocUnsafeSlow(COPY_OCTETS_MAX);

export function createDialer(clock: Clock, options: TlsClientOptions = {}): Dialer {
  const tls = new TlsClient(options);
  return { dial: (target, listener) => new SocketWire(target, listener, clock, tls) };
}

const ERRORS: Readonly<Record<string, AttemptError['kind']>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  ETIMEDOUT: 'timeout',
};
/** No route, no address to send from, or no such family in this kernel. */
const NO_ROUTE: ReadonlySet<string> = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

function attemptError(error: NodeJS.ErrnoException, isConnected: boolean): AttemptError {
  const code = error.code ?? '';
  const known = ERRORS[code];
  // A reset is a refusal as long as nothing was said.
  const kind = known === 'closed' && !isConnected ? 'refused' : (known ?? (isConnected ? 'closed' : 'unreachable'));
  const noRoute = !isConnected && NO_ROUTE.has(code);
  if (noRoute) return { kind, text: error.message, noRoute };
  return { kind, text: isConnected ? `the connection broke: ${code || error.message}` : error.message };
}

class SocketWire implements Wire {
  readonly #target: Target;
  readonly #listener: WireListener;
  readonly #tls: TlsClient;
  #socket: Socket | TLSSocket;
  readonly #timer: Timer;
  #mode: 'connecting' | 'open' | 'handshake' | 'closed' = 'connecting';
  #error: AttemptError | undefined;
  #isTls = false;

  constructor(target: Target, listener: WireListener, clock: Clock, tls: TlsClient) {
    this.#target = target;
    this.#listener = listener;
    this.#tls = tls;
    const { address, port, localAddress, connectMs } = target;
    const socket = connect({
      host: address,
      port,
      ...(localAddress !== undefined && { localAddress }),
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_OCTETS),
        callback: (length, buffer) => {
          this.#octets(length === buffer.length ? (buffer as Buffer) : (buffer as Buffer).subarray(0, length));
          return true;
        },
      },
    });
    this.#socket = socket;
    this.#timer = clock.after(connectMs, () => {
      this.#error = { kind: 'timeout', text: `no connection after ${connectMs} ms` };
      socket.destroy();
    });
    socket.once('connect', () => this.#connected());
    socket.on('error', (error) => this.#failed(error));
    socket.on('end', () => this.#ended(socket));
    socket.on('drain', () => this.#listener.drained());
    socket.once('close', () => this.#closed(socket));
  }

  #connected(): void {
    this.#timer.cancel();
    this.#mode = 'open';
    if (this.#target.isImplicitTls) this.secure();
    this.#listener.connected();
  }

  #octets(octets: Buffer): void {
    if (this.#mode === 'open') this.#listener.octets(octets);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#mode === 'handshake') {
      this.#tls.forget(this.#target.host, this.#target.port);
      this.#error ??= { kind: 'tls', text: `the TLS handshake failed: ${error.code ?? error.message}` };
    } else this.#error ??= attemptError(error, this.#mode !== 'connecting');
  }

  #ended(socket: Socket): void {
    if (socket !== this.#socket) return;
    if (this.#mode === 'handshake') {
      this.#error ??= { kind: 'tls', text: 'the peer closed in the TLS handshake' };
      socket.destroy();
    } else if (this.#mode === 'open') this.#listener.ended();
  }

  #closed(socket: Socket): void {
    // The plain socket under a TLS one closes first; the TLS socket's own close is the end.
    if (socket !== this.#socket || this.#mode === 'closed') return;
    this.#timer.cancel();
    if (this.#mode === 'handshake') this.#error ??= { kind: 'tls', text: 'the peer closed in the TLS handshake' };
    this.#mode = 'closed';
    this.#listener.closed(this.#error);
  }

  send(text: string): void {
    if (this.#mode === 'open') this.#socket.write(text, 'utf8');
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#mode !== 'open') return true;
    const [only] = chunks;
    if (only !== undefined && chunks.length === 1) return this.#socket.write(only);
    let total = 0;
    for (const chunk of chunks) total += chunk.length;
    if (total <= COPY_OCTETS_MAX) {
      // TLS takes its time with every write: memory of its own each.
      return this.#isTls ? this.#socket.write(Buffer.concat(chunks, total)) : this.#writeCopy(chunks, total);
    }
    this.#socket.cork();
    let isFree = true;
    for (const chunk of chunks) isFree = this.#socket.write(chunk);
    this.#socket.uncork();
    return isFree;
  }

  #writeCopy(chunks: readonly Uint8Array[], total: number): boolean {
    let at = 0;
    for (const chunk of chunks) {
      scratch.set(chunk, at);
      at += chunk.length;
    }
    const isFree = this.#socket.write(scratch.subarray(0, total));
    // Not all of it is with the kernel: the memory belongs to the socket now.
    if (this.#socket.writableLength > 0) scratch = Buffer.allocUnsafeSlow(COPY_OCTETS_MAX);
    return isFree;
  }

  secure(): void {
    const plain = this.#socket;
    this.#mode = 'handshake';
    this.#isTls = true;
    const socket = this.#tls.connect(plain, this.#target.host, this.#target.port);
    this.#socket = socket;
    socket.once('secureConnect', () => {
      this.#mode = 'open';
      this.#listener.secured(tlsFacts(socket));
    });
    socket.on('data', (octets: Buffer) => this.#octets(octets));
    socket.on('error', (error) => this.#failed(error));
    socket.on('end', () => this.#ended(socket));
    socket.on('drain', () => this.#listener.drained());
    socket.once('close', () => this.#closed(socket));
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

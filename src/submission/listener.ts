// The way of a connection to its session: PROXY header where one is due, caps, TLS where it is implicit. Keeps the
// sessions of one listener, so that a stop finds them.
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Admission } from './admission.ts';
import { ListenerState } from './listener-state.ts';
import { isLoopback, plainAddress } from './networks.ts';
import type { ListenerOptions } from './options.ts';
import { PROXY_FIXED_OCTETS, proxyAddress, proxyRestLength } from './proxy-header.ts';
import type { Session } from './session.ts';
import type { Shared } from './shared.ts';
import { REPLY, renderReply, type SmtpReply } from './smtp-reply.ts';
import { TlsBase } from './smtp-server.ts';

const ignore = (): void => {};
/** Out of descriptors, every connection that comes fails: one line in so many ms is enough to know. */
const FAILURE_LINE_MS = 10_000;

/** Throws Error when the certificate does not fit its key, RangeError when a network is none. */
export function checkListener(options: ListenerOptions): void {
  void new ListenerState(options);
  if (options.tls !== undefined) createSecureContext({ cert: options.tls.cert, key: options.tls.key });
}

export class Listener {
  readonly #shared: Shared;
  readonly #state: ListenerState;
  readonly #base: TlsBase;
  readonly #admission: Admission;
  readonly #sessions = new Set<Session>();
  /** Connections that have no session yet. */
  readonly #early = new Set<Socket>();
  #onIdle: (() => void) | undefined;
  #failureTold = Number.NEGATIVE_INFINITY;

  constructor(shared: Shared, options: ListenerOptions, admission: Admission, prefix: string) {
    this.#shared = shared;
    checkListener(options);
    this.#state = new ListenerState(options);
    this.#base = new TlsBase(shared, this.#state, prefix);
    this.#admission = admission;
  }

  accept(socket: Socket): void {
    this.#shared.counts.connections++;
    const address = plainAddress(socket.remoteAddress ?? '');
    // Gone before we looked.
    if (address === '') return void socket.destroy();
    socket.on('error', ignore);
    // A client may close its side with its last command and still wants the replies.
    socket.allowHalfOpen = true;
    if (!this.#state.isProxy(address)) return this.#admit(socket, address);
    this.#early.add(socket);
    this.#readProxyHeader(socket, (client) => {
      this.#early.delete(socket);
      if (client === undefined) {
        this.#shared.counts.brokenHandshakes++;
        socket.destroy();
      } else this.#admit(socket, client === 'local' ? address : client);
    });
  }

  /** The listening socket could not accept; it goes on trying. */
  failed(error: Error): void {
    const now = this.#shared.clock.monotonic();
    if (now - this.#failureTold < FAILURE_LINE_MS) return;
    this.#failureTold = now;
    this.#shared.log.error({ listener: this.#state.options.name, error }, 'connections cannot be accepted');
  }

  reload(options: ListenerOptions): void {
    this.#state.update(options);
    if (options.tls !== undefined) this.#base.useCertificate(options.tls);
  }

  /** Resolves when no session is left; the last content has `stopMs`, the last close `lingerMs`. */
  async stop(): Promise<void> {
    this.#base.abortHandshakes();
    for (const socket of this.#early) socket.destroy();
    for (const session of this.#sessions) if (!session.isReceiving) session.dismiss(REPLY.stopping);
    const { stopMs } = this.#shared.options.deadlines;
    const late = this.#shared.clock.after(stopMs, () => {
      for (const session of this.#sessions) session.dismiss(REPLY.stopping);
    });
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    late.cancel();
  }

  #admit(socket: Socket, address: string): void {
    const { options, counts } = this.#shared;
    if (this.#shared.stopping) return this.#refuse(socket, REPLY.stopping);
    const exempt = isLoopback(address) || this.#state.trustedUser(address) !== undefined;
    const place = this.#admission.enter(address, exempt, options.limits);
    if (place !== 'in') {
      counts.capped++;
      return this.#refuse(socket, place === 'full' ? REPLY.tooManySessions : REPLY.tooManySessionsHere);
    }
    if (this.#state.options.kind !== 'implicit') return this.#begin(socket, address);
    this.#base.handshake(socket, options.deadlines.handshakeMs, (secure) => {
      if (secure !== undefined) return this.#begin(secure, address);
      counts.brokenHandshakes++;
      this.#admission.leave(address);
    });
  }

  #begin(socket: Socket, address: string): void {
    // Named before it can be gone: a connection may be closed by the time it is set up.
    const entry: { session?: Session; gone: boolean } = { gone: false };
    const session = this.#base.begin(socket, address, () => {
      entry.gone = true;
      this.#admission.leave(address);
      if (entry.session !== undefined) this.#sessions.delete(entry.session);
      if (this.#sessions.size === 0) this.#onIdle?.();
    });
    entry.session = session;
    if (!entry.gone) this.#sessions.add(session);
  }

  /** In words where words can be read: before a TLS handshake they cannot. */
  #refuse(socket: Socket, reply: SmtpReply): void {
    if (this.#state.options.kind === 'implicit') return void socket.destroy();
    socket.end(renderReply(reply));
    socket.resume();
    const linger = this.#shared.clock.after(this.#shared.options.deadlines.lingerMs, () => socket.destroy());
    socket.once('close', () => linger.cancel());
  }

  #readProxyHeader(socket: Socket, done: (address: string | undefined) => void): void {
    let fixed: Buffer | undefined;
    const finish = (address: string | undefined): void => {
      late.cancel();
      socket.off('readable', read).off('close', gone).off('end', gone);
      done(address);
    };
    const gone = (): void => finish(undefined);
    const read = (): void => {
      fixed ??= (socket.read(PROXY_FIXED_OCTETS) as Buffer | null) ?? undefined;
      if (fixed === undefined) return;
      const length = fixed.length === PROXY_FIXED_OCTETS ? proxyRestLength(fixed) : undefined;
      if (length === undefined) return finish(undefined);
      const rest = length === 0 ? Buffer.alloc(0) : (socket.read(length) as Buffer | null);
      if (rest === null) return;
      finish(rest.length === length ? proxyAddress(fixed, rest) : undefined);
    };
    const late = this.#shared.clock.after(this.#shared.options.deadlines.handshakeMs, gone);
    socket.on('readable', read).once('close', gone).once('end', gone);
  }
}

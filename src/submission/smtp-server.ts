// The package smtp-server, and all that is ours in its place: TLS (implicit and STARTTLS) and the AUTH exchange are
// its; greeting, command loop, DATA, time-outs, replies and logging are not. It relies on members that its types show
// but its manual does not, so its version is pinned and test/submission holds what we need of them.
import type { Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import { Inlet } from './inlet.ts';
import type { ListenerState } from './listener-state.ts';
import type { ListenerTls } from './options.ts';
import type { Peer } from './peer.ts';
import { Session } from './session.ts';
import type { Shared } from './shared.ts';
import type { SmtpReply } from './smtp-reply.ts';

const QUEUED_OCTETS_MAX = 64 * 1024;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** RFC 4954 section 4: `=` is an initial response of no octets, `*` ends the exchange. */
const isToken = (text: string): boolean => text === '*' || text === '=' || BASE64.test(text);
/** For replies of the package's own making, which are those of the AUTH exchange. */
const ENHANCED: Readonly<Record<number, string>> = { 235: '2.7.0', 454: '4.7.0', 501: '5.5.2', 535: '5.7.8' };
const BAD_TOKEN: SmtpReply = { code: 501, enhanced: '5.5.2', text: 'Not base64' };

/** What comes from the socket. The package pipes into a Writable, of which only what `pipe` calls is left: see Inlet. */
class Input extends SMTPStream {
  readonly #inlet: Inlet;

  constructor(connection: Connection) {
    super();
    this.#inlet = new Inlet({
      take: (chunk) => (this.isClosed ? undefined : connection.input(chunk)),
      failed: (error) => connection.fail(error),
      ended: () => (this.isClosed ? undefined : connection.end()),
      free: () => void this.emit('drain'),
    });
  }

  override write(chunk: Buffer): boolean {
    return this.#inlet.write(chunk);
  }

  override end(): this {
    this.#inlet.end();
    return this;
  }
}

class Connection extends SMTPConnection implements Peer {
  readonly address: string;
  readonly client: Session;
  readonly #shared: Shared;
  readonly #onGone: () => void;
  #queued = '';
  /** The session is at what came, within this very call. */
  #isTaking = false;
  #isOver = false;
  #isGone = false;

  constructor(base: TlsBase, socket: Socket, address: string, onGone: () => void) {
    super(base, socket, { id: base.nextId(), remoteAddress: address });
    this.address = address;
    this.#shared = base.shared;
    this.#onGone = onGone;
    this.client = new Session(base.shared, base.listener, this);
  }

  get isSecure(): boolean {
    return this.secure;
  }

  // ── Peer ──

  /** Replies to what can be answered at once leave together when all of it was read (RFC 2920 section 3.2). */
  input(chunk: Buffer): void | Promise<void> {
    this.#isTaking = true;
    try {
      return this.client.input(chunk);
    } finally {
      this.#isTaking = false;
      this.flush();
    }
  }

  /** Replies of one turn of the event loop leave in one write. */
  write(text: string): void {
    if (this.#isOver) return;
    if (this.#queued === '' && !this.#isTaking) process.nextTick(() => this.flush());
    this.#queued += text;
    if (this.#queued.length > QUEUED_OCTETS_MAX) this.flush();
  }

  flush(): void {
    const text = this.#queued;
    this.#queued = '';
    // While a handshake runs on top of the socket nothing may be written to it in plain.
    if (text !== '' && !this._upgrading && this._socket.writable) this._socket.write(text, 'latin1');
  }

  end(): void {
    if (this.#isOver) return;
    this.flush();
    this.#isOver = true;
    if (this._upgrading) return this.destroy();
    if (this._parser !== false) {
      this._parser.isClosed = true;
      this._socket.unpipe(this._parser);
    }
    this._socket.end();
    // What still comes is read and dropped: unread octets would turn our close into a reset that eats the last reply.
    this._socket.on('data', () => undefined).resume();
    const linger = this.#shared.clock.after(this.#shared.options.deadlines.lingerMs, () => this.destroy());
    this._socket.once('close', () => linger.cancel());
  }

  destroy(): void {
    this.#isOver = true;
    this._socket.destroy();
  }

  get mustDrain(): boolean {
    return this._socket.writableNeedDrain;
  }

  drained(): Promise<void> {
    const socket = this._socket;
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.once('drain', done).once('close', done);
    });
  }

  yield(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  startTls(): void {
    this.flush();
    this.upgrade(() => undefined);
  }

  get awaitsAuthLine(): boolean {
    return this._nextHandler !== false;
  }

  abortAuth(): void {
    this._nextHandler = false;
  }

  authenticate(line: string): Promise<void> {
    const command = Buffer.from(line);
    const next = this._nextHandler;
    this._nextHandler = false;
    const token = next === false ? line.split(/ +/)[2] : line;
    if (token !== undefined && !isToken(token)) {
      this.client.dialogue.answerAuth(BAD_TOKEN);
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      if (next === false) this.handler_AUTH(command, resolve);
      else next.call(this, command, resolve);
    });
  }

  // ── in the package's place ──

  override init(): void {
    this._setListeners(() => this.client.open());
  }

  override _createParser(): SMTPStream {
    return new Input(this);
  }

  /** Time-outs are the session's. */
  override _armTimeout(): void {}

  override _resetSession(): void {}

  override send(code: number, data?: string | string[] | null): void {
    const text = typeof data === 'string' ? data : '';
    // 220 is the package's answer to a STARTTLS it never sees.
    const enhanced = ENHANCED[code];
    this.client.dialogue.answerAuth({ code, text, ...(enhanced !== undefined && { enhanced }) });
  }

  override close(): void {
    this.end();
  }

  /** A broken connection or handshake: the client is gone, whatever the reason. */
  override _onError(): void {
    this.destroy();
  }

  override _onClose(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#isOver = true;
    super._onClose();
    this.client.closed();
    this.#onGone();
  }

  fail(error: unknown): void {
    this.#shared.log.error({ session: this.id, error }, 'session failed');
    this.destroy();
  }
}

function contextOptions({ cert, key, minVersion = '1.2' }: ListenerTls) {
  return { cert, key, minVersion: `TLSv${minVersion}` } as const;
}

/** TLS contexts and SASL of one listener. Its own net.Server never listens. */
export class TlsBase extends SMTPServer {
  readonly shared: Shared;
  readonly listener: ListenerState;
  readonly #prefix: string;
  readonly #clients = new WeakMap<object, Connection>();
  #count = 0;

  constructor(shared: Shared, listener: ListenerState, prefix: string) {
    const { kind, tls } = listener.options;
    super({
      logger: false,
      disableReverseLookup: true,
      authMethods: ['PLAIN', 'LOGIN'],
      allowInsecureAuth: true,
      secure: kind === 'implicit',
      socketTimeout: shared.options.deadlines.handshakeMs,
      ...(tls && contextOptions(tls)),
    });
    this.shared = shared;
    this.listener = listener;
    this.#prefix = prefix;
  }

  nextId(): string {
    this.#count++;
    return `${this.#prefix}-${this.#count.toString(36)}`;
  }

  /** `socket` is ready to speak: plain, or with its TLS handshake done. */
  begin(socket: Socket, address: string, onGone: () => void): Session {
    const connection = new Connection(this, socket, address, onGone);
    this.connections.add(connection);
    this.#clients.set(connection.session, connection);
    connection.init();
    return connection.client;
  }

  /** Implicit TLS. Calls back once, with undefined when the handshake failed; the socket is closed then. */
  handshake(socket: Socket, deadlineMs: number, done: (secure: Socket | undefined) => void): void {
    this._pendingSockets.set(socket, socket);
    // Only the topmost socket may be destroyed while a handshake runs on it.
    const late = this.shared.clock.after(deadlineMs, () => this._pendingSockets.get(socket)?.destroy());
    this._upgrade(socket, (error, secure) => {
      late.cancel();
      this._pendingSockets.delete(socket);
      if (error) socket.destroy();
      done(error ? undefined : secure);
    });
  }

  abortHandshakes(): void {
    for (const socket of this._pendingSockets.values()) socket.destroy();
  }

  /** New handshakes use it, and none of the tickets given before. */
  useCertificate(tls: ListenerTls): void {
    this.updateSecureContext(contextOptions(tls));
  }

  override onAuth(...[auth, session, callback]: Parameters<SMTPServer['onAuth']>): void {
    const connection = this.#clients.get(session);
    const { username, password } = auth;
    if (connection === undefined) return callback(null, {});
    connection.client.dialogue.login(username ?? '', password ?? '').then(
      (result) => {
        if ('user' in result) return callback(null, { user: result.user });
        callback(null, { responseCode: result.refused.code, message: result.refused.text });
        if (result.last !== undefined) connection.client.reply(result.last);
      },
      (error: unknown) => connection.fail(error),
    );
  }

  override onSecure(...[, session, callback]: Parameters<SMTPServer['onSecure']>): void {
    this.#clients.get(session)?.client.secured();
    callback();
  }

  override onClose(): void {}

  /** Without a certificate there is no context at all: the package's built-in key is public. */
  override updateSecureContext(options?: Parameters<SMTPServer['updateSecureContext']>[0]): void {
    Object.assign(this.options, options);
    if (this.options.cert === undefined) this.secureContext = new Map();
    else super.updateSecureContext();
  }

  /** A bad TLS record is the client's affair; without this handler it would end the process. */
  override _onError(): void {}
}

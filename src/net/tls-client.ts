// TLS towards receivers: one context for all, session tickets kept per host, certificates looked at but not required
// (opportunistic TLS, RFC 7435): whoever needs a verified one reads `isVerified`.
import { type ConnectionOptions, connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { isIP, type Socket } from 'node:net';
import type { WireTls } from './wire.ts';

export interface TlsClientOptions {
  /** PEM of authorities trusted besides Node's own. */
  readonly authorities?: readonly string[];
  /** Hosts whose tickets are kept. */
  readonly ticketsMax?: number;
}

export class TlsClient {
  readonly #context: SecureContext;
  readonly #tickets = new Map<string, Buffer>();
  readonly #ticketsMax: number;

  constructor(options: TlsClientOptions = {}) {
    const { authorities } = options;
    this.#context = createSecureContext({
      ...(authorities !== undefined && { ca: [...authorities] }),
      // Old servers are better reached by old TLS than by none; whoever requires more says REQUIRETLS.
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    this.#ticketsMax = options.ticketsMax ?? 5_000;
  }

  /** `socket`: connected; it belongs to the TLS socket from here on. */
  connect(socket: Socket, host: string, port: number): TLSSocket {
    const key = `${host}:${port}`;
    const session = this.#tickets.get(key);
    const options: ConnectionOptions = {
      socket,
      secureContext: this.#context,
      rejectUnauthorized: false,
      // Not connected to: the name that the certificate is compared with.
      host: host.replace(/\.$/, ''),
      ...(isIP(host) === 0 && { servername: host.replace(/\.$/, '') }),
      ...(session !== undefined && { session }),
    };
    const secured = connect(options);
    secured.on('session', (ticket) => this.#keep(key, ticket));
    return secured;
  }

  /** A ticket that a handshake failed with is not tried again. */
  forget(host: string, port: number): void {
    this.#tickets.delete(`${host}:${port}`);
  }

  #keep(key: string, ticket: Buffer): void {
    this.#tickets.delete(key);
    this.#tickets.set(key, ticket);
    if (this.#tickets.size <= this.#ticketsMax) return;
    for (const oldest of this.#tickets.keys()) {
      this.#tickets.delete(oldest);
      break;
    }
  }
}

export function tlsFacts(socket: TLSSocket): WireTls {
  return {
    version: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    reused: socket.isSessionReused(),
    isVerified: socket.authorized,
  };
}

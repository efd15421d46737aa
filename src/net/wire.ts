// One outgoing connection as egress sees it: octets out, octets in, TLS in the middle of it, and an end.
import type { AttemptError, TlsFacts } from '../flow/attempt.ts';

export interface WireTls extends TlsFacts {
  /** The certificate chain holds and names the host. */
  readonly isVerified: boolean;
}

/** Called by the wire, never from inside a call to it. After `closed` nothing more comes. */
export interface WireListener {
  connected(): void;
  /** `octets` may be used until this returns: their memory is used again. */
  octets(octets: Buffer): void;
  secured(facts: WireTls): void;
  /** What was written has gone to the kernel. Only after a write that returned false. */
  drained(): void;
  /** The peer's close was seen. Our side is still open. */
  ended(): void;
  /** Once. With an error: no connection was made, or it broke, or the handshake failed (kind 'tls'). */
  closed(error?: AttemptError): void;
}

export interface Wire {
  send(text: string): void;
  /** One write for all of them. False: wait for `drained` before the next. */
  write(chunks: readonly Uint8Array[]): boolean;
  /** Begins TLS; what was read before must have been used up. */
  secure(): void;
  /** Closes our side (FIN); `closed` comes when the peer has closed too. */
  end(): void;
  /** Closes at once. `closed` still comes. */
  destroy(): void;
}

export interface Target {
  /** Host name: of the certificate, and of the memory of tickets. */
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly localAddress?: string;
  /** TLS from the first octet. */
  readonly isImplicitTls: boolean;
  readonly connectMs: number;
}

export interface Dialer {
  dial(target: Target, listener: WireListener): Wire;
}

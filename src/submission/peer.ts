// What a session may do to its connection. The connection knows sockets and TLS and nothing of mail; the session the
// other way round.

export interface Peer {
  /** Unique in this process. */
  readonly id: string;
  /** Of the client, as the socket or the PROXY header says. */
  readonly address: string;
  readonly isSecure: boolean;
  /** Queues octets of replies; what is written in one turn leaves in one piece. */
  write(text: string): void;
  /** What is queued leaves now. */
  flush(): void;
  /** Sends what is queued, then closes our side, and after the linger time the other. */
  end(): void;
  /** Closes at once, without a word. */
  destroy(): void;
  /** The client does not read its replies. */
  readonly mustDrain: boolean;
  drained(): Promise<void>;
  /** Lets other sessions run. */
  yield(): Promise<void>;
  /** After the 220: everything that came in plain behind STARTTLS is thrown away. */
  startTls(): void;
  /** An AUTH exchange waits for its next line. */
  readonly awaitsAuthLine: boolean;
  /** AUTH with its mechanism, or the next line of the exchange; replies go through `Dialogue.reply`. */
  authenticate(line: string): Promise<void>;
  abortAuth(): void;
}

// What submission is told: plain typed data. The configuration makes it, a reload replaces it as a whole; nothing in
// here is changed in place. Every limit has its default and its reason beside it.

import type { SigningTable } from '../mail/signing-table.ts';

export interface ListenerTls {
  /** PEM: the certificate and its chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** Absent: TLS 1.2. */
  readonly minVersion?: '1.2' | '1.3';
}

/** Clients of this network need no AUTH and act as `user`. */
export interface TrustedNetwork {
  /** CIDR or one address. */
  readonly network: string;
  readonly user: string;
}

export interface ListenerOptions {
  /** Names the listener in logs, and finds it again at a reload. */
  readonly name: string;
  /** starttls: plain until STARTTLS (587) · implicit: TLS from the first octet (465) · plain: no TLS at all. */
  readonly kind: 'starttls' | 'implicit' | 'plain';
  /** Needed by `starttls` and `implicit`. Session tickets hold for one listener, never for another. */
  readonly tls?: ListenerTls;
  readonly trusted: readonly TrustedNetwork[];
  /** CIDRs or addresses of load balancers: their connections must begin with a PROXY v2 header, nobody else's may. */
  readonly proxyHosts: readonly string[];
}

export interface SubmissionLimits {
  /** Sessions of one address at once; loopback and trusted networks are exempt. */
  readonly sessionsPerAddress: number;
  /** Sessions of this process at once. */
  readonly sessions: number;
  readonly recipients: number;
  /** Octets of the content as the client sends it, dot-stuffing undone. */
  readonly sizeMax: number;
  /** Octets of the header section: a mail has 2-20 KB; what is larger is an attack on whoever parses it. */
  readonly headerMax: number;
  /** `Received` fields; more is a loop (RFC 5321 section 6.3). */
  readonly receivedMax: number;
  /** Commands that lead nowhere (unknown, malformed, out of order, NOOP, RSET, VRFY) since the last message. */
  readonly junkCommands: number;
  /** Failed AUTH commands of one session. */
  readonly authFailures: number;
  /** Password checks that wait for the one in flight; more get 454. */
  readonly checksWaiting: number;
  /** Octets of content in memory, one message; a larger one goes to a file of its own. */
  readonly memoryPerMessage: number;
  /** Octets of content in memory, all sessions of this process. */
  readonly memory: number;
}

export interface SubmissionDeadlines {
  /** From the connection to its end. */
  readonly sessionMs: number;
  /** For one whole command line, from the reply before it, however slowly its octets come. */
  readonly commandMs: number;
  /** For a TLS handshake and a PROXY header. */
  readonly handshakeMs: number;
  /** Octets a second that content must come with, once the time of a command is used up. */
  readonly dataRate: number;
  /** How long an orderly stop waits for content that is on its way before it answers 421. */
  readonly stopMs: number;
  /** How long a closed connection may take to close its side too. */
  readonly lingerMs: number;
}

/** Names (lower case) of header fields that speak to the relay; they are read and removed. The first one met counts. */
export interface ControlNames {
  readonly stream: readonly string[];
  readonly campaign: readonly string[];
  readonly pool: readonly string[];
  readonly notBefore: readonly string[];
  readonly idempotencyKey: readonly string[];
  readonly trace: readonly string[];
}

export interface StreamOptions {
  /** How long a message of this stream is tried, ms. */
  readonly lifetimeMs: number;
  /** Pool of the stream, when neither the message nor the user names one. */
  readonly pool?: string;
  /** Whether a message without a key of its From domain is refused; absent: the relay's word counts. */
  readonly dkim?: 'required' | 'optional';
  /** Feedback-ID for a message that has none, with {campaign}, {stream}, {tenant} and {user}. */
  readonly feedbackId?: string;
}

/** Who signs what is accepted. */
export interface SigningOptions {
  readonly table: SigningTable;
  /** Bodies are signed in relaxed form, else in simple form. */
  readonly isRelaxed: boolean;
  /** ms; absent: signatures are good for ever. */
  readonly validityMs?: number;
  /** A message without a key of its From domain is refused. */
  readonly required: boolean;
}

export interface SubmissionOptions {
  /** Fully qualified name of this relay: greeting, Received, Message-ID. */
  readonly hostName: string;
  /** full: client's name and address · anonymous: neither · none: no Received field of ours. */
  readonly received: 'full' | 'anonymous' | 'none';
  /** Lines over 998 octets (RFC 5322 section 2.1.1): accepted and counted, or 554 5.6.0. */
  readonly longLines: 'accept' | 'refuse';
  readonly control: ControlNames;
  /** By name. A control header that names another stream is refused. */
  readonly streams: Readonly<Record<string, StreamOptions>>;
  /** Absent: nothing is signed. */
  readonly signing?: SigningOptions;
  /** Known pools; absent: a control header may name any. */
  readonly pools?: readonly string[];
  /** Domains, or `*.` and a domain, that routes tell From domains by; a message of one is kept apart from others. */
  readonly fromRoutes?: readonly string[];
  readonly limits: SubmissionLimits;
  readonly deadlines: SubmissionDeadlines;
  readonly listeners: readonly ListenerOptions[];
}

export const DEFAULT_LIMITS: SubmissionLimits = {
  sessionsPerAddress: 200,
  sessions: 2000,
  recipients: 1000,
  sizeMax: 50 * 1000 * 1000,
  headerMax: 256 * 1024,
  receivedMax: 50,
  junkCommands: 20,
  authFailures: 3,
  checksWaiting: 32,
  memoryPerMessage: 1024 * 1024,
  memory: 64 * 1024 * 1024,
};

export const DEFAULT_DEADLINES: SubmissionDeadlines = {
  sessionMs: 3_600_000,
  commandMs: 300_000,
  handshakeMs: 30_000,
  dataRate: 500,
  stopMs: 10_000,
  lingerMs: 5000,
};

export const DEFAULT_CONTROL: ControlNames = {
  stream: ['x-postilion-stream'],
  campaign: ['x-postilion-campaign'],
  pool: ['x-postilion-pool'],
  notBefore: ['x-postilion-not-before'],
  idempotencyKey: ['x-idempotency-key'],
  trace: ['traceparent'],
};

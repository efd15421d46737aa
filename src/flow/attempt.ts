// What the scheduler orders and what egress reports. The scheduler grants every attempt and every connection;
// egress opens what it was granted, reports what happened and decides nothing.
import type { Extension } from './action.ts';
import type { Location, MessageId } from './message.ts';
import type { Phase, Reply } from './reply.ts';
import type { Relay } from './route.ts';

/** A local address to send from. */
export interface Source {
  readonly name: string;
  /** IPv4 or IPv6 address to bind; absent: the kernel's choice. */
  readonly address?: string;
  /** EHLO name. */
  readonly ehlo: string;
}

/** Unique over all lives of the scheduler: `<life>-<counter>`. */
export type SessionId = string;
export type AttemptId = string;
/** What egress can be told is taken in: either of the two, which are never alike. */
export type TakenId = string;

/** A connection slot: egress may have one connection open for it until it reports `closed`. */
export interface SessionGrant {
  readonly session: SessionId;
  /** (source, site or provider). */
  readonly lane: string;
  /** Of the lane, when it is one we know. */
  readonly provider?: string;
  readonly source: Source;
  readonly relay: Relay;
  /** What is not used on it, whatever the server offers. `tls`: unless the relay requires it. Absent: nothing is left out. */
  readonly without?: readonly Extension[];
  /** Before an address is dialled, `claim` it: connections to one are counted over all sites. */
  readonly claimsAddress?: true;
}

/** Which address a session would have its connection to. */
export interface AddressClaim {
  readonly session: SessionId;
  /** `192.0.2.1:25`, `[2001:db8::1]:25`. */
  readonly address: string;
}

/** Some deliveries of one message to one routing domain, for one transaction. */
export interface Attempt {
  readonly attempt: AttemptId;
  readonly messageId: MessageId;
  readonly location: Location;
  /** Indexes into the message's forward-paths, at most 100, all of one routing domain. */
  readonly indexes: readonly number[];
  /** Times this was tried before (the highest of the deliveries). */
  readonly priorAttempts: number;
  /** With it the connection has had as many as it may: once it is over, the session ends without being told. */
  readonly isLast?: true;
}

/** From the scheduler to one egress process. None of these throws or waits. */
export interface EgressCommands {
  /** Open a connection when the first attempt for it comes. */
  open(grant: SessionGrant): void;
  /** Next transaction of that session; at most window + 1 are not begun at a time. */
  deliver(session: SessionId, attempt: Attempt): void;
  /** Answers a `claim`. Not granted: another address, or `closed` as capped. */
  claimed(claim: AddressClaim, isGranted: boolean): void;
  /** Give back at once what is not begun, by `returned`; the session goes on. */
  recall(session: SessionId): void;
  /** Give back at once what is not begun, end what is (30 s at most past the final dot), QUIT, report `closed`. */
  close(session: SessionId): void;
  /**
   * The report is in the journal: egress may forget it. Also the session that ended by a refusal before MAIL, once that
   * is taken in. Whatever follows for the lane was ordered before this.
   */
  acknowledge(taken: readonly TakenId[]): void;
}

/** Where one delivery's fate was decided, and by what. Without `reply` the connection or the wait broke: see `error`. */
export interface DeliveryResult {
  readonly index: number;
  readonly decidedAt: Phase;
  readonly reply?: Reply;
  /** Short machine word when there was no reply, or our own refusal. */
  readonly error?: AttemptError;
}

export interface AttemptError {
  readonly kind:
    | 'refused' // connection refused or reset before a greeting
    | 'unreachable'
    | 'timeout'
    | 'closed' // the peer closed
    | 'protocol' // not SMTP, or a reply over our bounds
    | 'tls'
    | 'forbidden-address' // loopback, private, own …: src/net says which
    | 'no-8bitmime'
    | 'no-smtputf8'
    | 'no-requiretls'
    | 'too-large' // over the server's SIZE
    | 'damaged' // the record's checksum did not hold: quarantined, never sent
    | 'no-key' // the signing keys that the message names are not there
    | 'lost'; // the egress process died
  readonly text: string;
  /** Our own host has no way there: nothing was asked of anybody. */
  readonly noRoute?: true;
}

/** ms since 1970 of each step that was reached. Differences are computed in one place, later. */
export interface Instants {
  readonly granted: number;
  readonly connected?: number;
  readonly mail?: number;
  readonly data?: number;
  readonly dot?: number;
  readonly done: number;
}

export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  readonly reused: boolean;
}

/**
 * What was said on a connection, line by line, without content and secrets: `12 C: MAIL FROM:<a@example.com>` (ms since
 * the first line; C we, S the server, * what happened beside). At most 40 lines of 200 characters (src/egress/transcript.ts).
 */
export type Conversation = readonly string[];

/** One attempt is over. Kept by egress until acknowledged. */
export interface Report {
  readonly attempt: AttemptId;
  readonly session: SessionId;
  readonly messageId: MessageId;
  readonly results: readonly DeliveryResult[];
  /** The final dot was sent and no reply to it was read: the remote may have the message. */
  readonly mayHaveBeenDelivered: boolean;
  /** What the client asked by RFC 3461 was passed on: from here on the server reports. Said where something was asked. */
  readonly passedDsn?: true;
  /** What was said, when it did not end well, and of some that did. */
  readonly conversation?: Conversation;
  readonly instants: Instants;
  readonly source: string;
  readonly remote?: Remote;
  readonly tls?: TlsFacts;
  /** The server offered TLS, and it was left out: a handshake broke there before, or the grant said so. */
  readonly tlsLeftOut?: true;
}

export interface Remote {
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

export interface SessionClosed {
  readonly session: SessionId;
  /** idle and quit are orderly; capped: no claim was granted, and no server served; the others say what broke. */
  readonly why: 'idle' | 'quit' | 'capped' | 'peer' | 'failed';
  /** No connection could be made at all: the error and the phase it came in. */
  readonly failure?: {
    readonly phase: Phase;
    readonly error?: AttemptError;
    readonly reply?: Reply;
    /** The last host that was tried, when it came to that. */
    readonly remote?: Remote;
    /** What was said to it. */
    readonly conversation?: Conversation;
  };
  /**
   * Given back: not begun. A `deliver` that crossed this report comes back in a second one for the same session.
   */
  readonly notBegun: readonly AttemptId[];
}

/** The answer to `recall`, unless the session is over: then its `closed` is. */
export interface SessionReturned {
  readonly session: SessionId;
  /** Not begun, and never will be; perhaps none. */
  readonly notBegun: readonly AttemptId[];
}

/**
 * From egress to the scheduler. None of these throws or waits. After a refusal that may be about the pace (src/egress/
 * lane-hold.ts) egress begins nothing more on that lane until the refusal is acknowledged.
 */
export interface EgressReports {
  report(report: Report): void;
  /** Answered by `claimed`. What the session had claimed before is free by it: its end was seen. */
  claim(claim: AddressClaim): void;
  returned(returned: SessionReturned): void;
  closed(closed: SessionClosed): void;
}

/** `address`: claimed and granted; it has, or may have had just now, a connection to it. */
export type OpenSession = SessionGrant & { readonly address?: string };

/** What an egress process says first to a new scheduler. */
export interface EgressHello {
  readonly sessions: readonly OpenSession[];
  readonly held: readonly (Attempt & { readonly session: SessionId })[];
  readonly unacknowledged: readonly Report[];
}

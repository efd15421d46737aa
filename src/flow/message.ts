// What was accepted: one message, its envelope and where it lies. Plain JSON values: these records cross process
// borders and stand in the spool as they are here (src/spool/README.md), so a field is never renamed or reused.
import type { Brand } from '../base/brand.ts';

/** 26 characters of lower-case Crockford base32: 48 bits of ms since 1970, then 80 random bits. Sorts by time. */
export type MessageId = Brand<string, 'MessageId'>;

/** RFC 5321 section 4.1.2 mailbox, exactly as the client sent it between `<` and `>`. */
export type Mailbox = Brand<string, 'Mailbox'>;
/** A mailbox, or '' for the null reverse-path (RFC 5321 section 4.5.5). */
export type ReversePath = Mailbox | '';
/** Lower-case ASCII (A-label) domain whose MX is asked, or an address literal with its brackets. */
export type Domain = Brand<string, 'Domain'>;

/** RFC 3461 section 4.1; absent means the client said nothing. */
export type Notify = 'never' | readonly ('success' | 'failure' | 'delay')[];

export interface ForwardPath {
  readonly mailbox: Mailbox;
  /** Routing domain. */
  readonly domain: Domain;
  readonly notify?: Notify;
  /** RFC 3461 section 4.2: `addr-type;xtext`, as received (still xtext). */
  readonly orcpt?: string;
}

/** Everything about a message but its content. The envelope part of an accept record. */
export interface Message {
  readonly id: MessageId;
  /** ms since 1970: when the end of data was read. DKIM's t= and the lifetime count from here. */
  readonly acceptedAt: number;
  readonly tenant: string;
  readonly user: string;
  readonly stream: string;
  readonly campaign?: string;
  readonly pool?: string;
  /** ms since 1970: not attempted before. */
  readonly notBefore?: number;
  /** ms; taken from the stream at acceptance, so a later change of configuration does not move it. */
  readonly lifetimeMs: number;
  readonly idempotencyKey?: string;
  readonly reversePath: ReversePath;
  /** In the order of the session; a delivery is named by (message id, index in this list). Never empty. */
  readonly forwardPaths: readonly ForwardPath[];
  /** RFC 3461 sections 4.3 and 4.4. `envid` as received (still xtext). */
  readonly ret?: 'full' | 'hdrs';
  readonly envid?: string;
  readonly body: '7bit' | '8bitmime';
  readonly smtpUtf8: boolean;
  readonly requireTls: boolean;
  /** Octets of the content as stored: canonical CRLF, trace header included, control headers removed. */
  readonly size: number;
  /** Of the content as stored, hex. */
  readonly sha256: string;
  /** Of the body part of the content (after the empty line) in DKIM simple canonical form, base64 (RFC 6376 3.4.3). */
  readonly bodySha256: string;
  /** The same in DKIM relaxed canonical form (RFC 6376 3.4.4); only when a selector in force asks for it. */
  readonly bodyRelaxedSha256?: string;
  /** The content has octets over 127. */
  readonly has8bit: boolean;
  /** The header section has octets over 127. */
  readonly has8bitHeader: boolean;
  /** Domain of the (only) From mailbox in the header, when one could be read. */
  readonly fromDomain?: Domain;
  /** A route in force at acceptance names the From domain: the message waits in queues of that From domain. */
  readonly byFrom?: true;
  /** DKIM keys in force at acceptance, `selector._domainkey.domain`, so that every copy has the same bytes. */
  readonly selectors?: readonly string[];
  /** ms after acceptance for which the signatures are good (x=); absent: for ever. */
  readonly signatureMs?: number;
  /** W3C traceparent, when the client gave one. */
  readonly trace?: string;
  /** `type;domain` of what made it, when it is ours: 'dsn'. Absent: submitted. */
  readonly origin?: string;
}

/** Where a record lies in the spool. */
export interface Location {
  /** File name inside `segments/`. */
  readonly segment: string;
  /** Octets from the start of the file to the record's header. */
  readonly offset: number;
  /** Octets of the whole record. */
  readonly length: number;
}

/** What submission tells the scheduler once a record is durable: small, never content. */
export interface Accepted {
  readonly location: Location;
  readonly message: Message;
}

/** One forward-path of one message. */
export interface DeliveryKey {
  readonly messageId: MessageId;
  /** Index in `forwardPaths`. */
  readonly index: number;
}

// Bounds of egress, each with its default. Time-outs are those of RFC 5321 section 4.5.3.2.
import type { ReplyLimits } from '../smtp/reply-parser.ts';
import { REPLY_LIMITS } from '../smtp/reply-parser.ts';
import type { FamilyTimes } from './broken-families.ts';

export interface Timeouts {
  /** TCP connection, one address. */
  readonly connectMs: number;
  readonly greetingMs: number;
  /** EHLO, HELO, RSET and AUTH. */
  readonly ehloMs: number;
  /** STARTTLS with its handshake. */
  readonly startTlsMs: number;
  readonly mailMs: number;
  readonly rcptMs: number;
  readonly dataMs: number;
  /** One block of content that the peer does not take. */
  readonly blockMs: number;
  /** The reply to the final dot. */
  readonly dotMs: number;
  readonly quitMs: number;
  /** From MAIL to the reply to DATA, however many recipients: a peer that is slow at each must end too. */
  readonly envelopeMs: number;
  /** After our close, for the peer's. */
  readonly closeMs: number;
}

export interface EgressOptions {
  readonly timeouts: Timeouts;
  readonly replies: ReplyLimits;
  /** A session without anything to do is ended after this. */
  readonly idleMs: number;
  /** Addresses tried for one session. */
  readonly addressesMax: number;
  /** Servers that may answer us and then not serve us, for one session. */
  readonly greetedMax: number;
  /** What is left of a transaction when its session is told to close. */
  readonly finishMs: number;
  /** Octets of content a second that a peer must take, on the whole; beside `blockMs`, which each block has. */
  readonly octetsPerSecondMin: number;
  /** Content of at most this many octets is written at once, more is written block by block. */
  readonly wholeOctetsMax: number;
  /** A host whose handshake broke is spoken to without TLS for this long (opportunistic TLS only). */
  readonly plainMs: number;
  /** An address family that does not work is tried last. */
  readonly families: FamilyTimes;
  /** Of so many attempts that end well one tells what was said; of all others each does. */
  readonly conversationEvery: number;
}

const MINUTE = 60_000;

export const EGRESS_DEFAULTS: EgressOptions = {
  timeouts: {
    connectMs: 30_000,
    greetingMs: 5 * MINUTE,
    ehloMs: 5 * MINUTE,
    startTlsMs: 2 * MINUTE,
    mailMs: 5 * MINUTE,
    rcptMs: 5 * MINUTE,
    dataMs: 2 * MINUTE,
    blockMs: 3 * MINUTE,
    dotMs: 10 * MINUTE,
    quitMs: 5_000,
    envelopeMs: 20 * MINUTE,
    closeMs: 2_000,
  },
  replies: REPLY_LIMITS,
  idleMs: 5_000,
  addressesMax: 5,
  greetedMax: 2,
  finishMs: 30_000,
  octetsPerSecondMin: 4096,
  wholeOctetsMax: 256 * 1024,
  plainMs: 60 * MINUTE,
  families: { firstMs: 10 * MINUTE, mostMs: 60 * MINUTE, lookMs: 2 * MINUTE },
  conversationEvery: 1000,
};

// How the spool reads records and events: pure, and the same for the disk spool, its twin, recovery and rebuild.
import { envelopeDigest } from '../flow/envelope-digest.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { Message, MessageId } from '../flow/message.ts';
import { HEADER_OCTETS, TRAILER_OCTETS } from './record.ts';
import { CLAIM_MS, type ClaimRecord, type WaitingDelivery } from '../flow/spool.ts';

/** The year 6429: in 48 bits, with room above for what sorts behind it. */
const MS_MAX = 2 ** 47 - 1;
/** Longest line shown of a reply. */
const LAST_REPLY_CHARACTERS_MAX = 200;
/** Alarms that are kept for people. */
export const ALARMS_MAX = 100;
export const ALARM_MS = 24 * 60 * 60 * 1000;

/** Whole ms that a row can hold: instants come from sums and may be anything. */
export function wholeMs(ms: number): number {
  return Number.isFinite(ms) ? Math.min(Math.max(Math.ceil(ms), 0), MS_MAX) : MS_MAX;
}

export function expiresAt(message: Message): number {
  return wholeMs(message.acceptedAt + message.lifetimeMs);
}

/** What waits once a message is accepted: everything, due at once or at `notBefore`. */
export function firstWaiting(message: Message): WaitingDelivery[] {
  const dueAt = wholeMs(message.notBefore ?? message.acceptedAt);
  return message.forwardPaths.map((_, index) => ({ messageId: message.id, index, dueAt, attempts: 0 }));
}

/** What waits after a deferral. */
export function deferredWaiting(event: OutcomeEvent): WaitingDelivery {
  const lastReply = lastReplyOf(event);
  return {
    messageId: event.messageId,
    index: event.index,
    dueAt: wholeMs(event.nextAttemptAt ?? event.at),
    attempts: event.attempts,
    ...(lastReply === undefined ? {} : { lastReply }),
  };
}

function lastReplyOf({ reply, error }: OutcomeEvent): string | undefined {
  if (reply !== undefined) {
    const words = [reply.code, reply.enhanced, reply.lines.join(' ')].filter((word) => word !== undefined);
    return words.join(' ').slice(0, LAST_REPLY_CHARACTERS_MAX);
  }
  return error === undefined ? undefined : `${error.kind}: ${error.text}`.slice(0, LAST_REPLY_CHARACTERS_MAX);
}

/** The claim that a record with an idempotency key makes. */
export function claimOf(message: Message): ClaimRecord {
  const paths = message.forwardPaths.map((path) => path.mailbox);
  return {
    messageId: message.id,
    digest: envelopeDigest(message.reversePath, paths),
    at: message.acceptedAt,
  };
}

/** The later claim counts, whatever the order in which files are read; of two of one instant the first. */
export function laterClaim(existing: ClaimRecord | undefined, made: ClaimRecord): ClaimRecord {
  return existing === undefined || made.at > existing.at ? made : existing;
}

export function claimIsOver(claim: ClaimRecord, now: number): boolean {
  return claim.at + CLAIM_MS <= now;
}

/** State key of an intent without an outcome. */
export function intentKey(id: MessageId, index: number): string {
  return `intent/${id}/${index}`;
}

/** Octets of a record beside envelope and content. */
const FRAME_OCTETS = HEADER_OCTETS + TRAILER_OCTETS;
/** No envelope is longer than this and as much for each forward-path. */
const ENVELOPE_PART_OCTETS_MAX = 4096;

/** Does the content lie in `large/<id>`? Only the record's length tells; cheap for nearly all. */
export function hasOwnFile(message: Message, length: number): boolean {
  const rest = length - FRAME_OCTETS;
  if (message.size === 0 || rest < message.size) return rest < message.size;
  if (message.size > ENVELOPE_PART_OCTETS_MAX * (1 + message.forwardPaths.length)) return false;
  return Buffer.byteLength(JSON.stringify(message)) === rest;
}

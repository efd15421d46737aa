// The codec of segment and journal records (octet by octet in README.md). A record is bound to its file and place:
// its header carries the file's salt, and both checksums start from salt and offset. So octets of a body, whoever
// wrote them, are never read as a record, nor is a record's own copy elsewhere.
import { crc32 } from 'node:zlib';
import { decodeId, encodeId } from '../flow/message-id.ts';
import type { Message, MessageId } from '../flow/message.ts';
import { type Position, SALT_OCTETS } from './file-head.ts';

export const HEADER_OCTETS = 48;
export const TRAILER_OCTETS = 4;
export const JOURNAL_HEADER_OCTETS = 28;
/** A longer envelope or event is damage, not data: bounds what a reader allocates. */
export const ENVELOPE_OCTETS_MAX = 16 * 1024 * 1024;
export const EVENT_OCTETS_MAX = 8 * 1024 * 1024;

const VERSION = 1;
const RECORD_MAGIC = 0x5052; // 'PR'
const KINDS = { accept: 1, copy: 2 } as const;
const JOURNAL_KINDS = { event: 3, snapshot: 4 } as const;
const OWN_FILE = 1;

export type RecordKind = keyof typeof KINDS;
export type JournalKind = keyof typeof JOURNAL_KINDS;

/** State of a message at the time its record was copied forward. Replay applies it only to a row that exists. */
export interface Copied {
  readonly waiting: readonly {
    readonly index: number;
    readonly dueAt: number;
    readonly attempts: number;
    readonly lastReply?: string;
  }[];
  /** ms since 1970. */
  readonly at: number;
  /** Where the journal ended then: what stands before it is contained in `waiting`. */
  readonly journal: Position;
}

export interface RecordHeader {
  readonly kind: RecordKind;
  /** The content lies in a file of its own, `large/<id>`. */
  readonly ownFile: boolean;
  readonly envelopeOctets: number;
  readonly contentOctets: number;
  readonly id: MessageId;
  /** Everything before this offset was durable when the record was written. */
  readonly syncedTo: number;
  /** Header, envelope, content and trailer. */
  readonly octets: number;
  /** Where the checksum of the whole goes on from. */
  readonly crc: number;
}

export interface JournalHeader {
  readonly kind: JournalKind;
  readonly payloadOctets: number;
  readonly syncedTo: number;
  readonly payloadCrc: number;
  readonly crc: number;
}

/** A checksum carried on. zlib forgets the value it was given when there are no octets (a null pointer to it). */
export function carryOn(crc: number, octets: Uint8Array): number {
  return octets.length === 0 ? crc : crc32(octets, crc);
}

/** Made once: it is filled and read within one call. */
const SEED = Buffer.alloc(SALT_OCTETS + 6);

/** Start value of the checksums of the record at `offset`. */
export function seedOf(salt: Uint8Array, offset: number): number {
  SEED.set(salt);
  SEED.writeUIntBE(offset, SALT_OCTETS, 6);
  return crc32(SEED);
}

/** Header and envelope in one buffer; `seal` completes it once its place is known. */
export function encodeHead(
  kind: RecordKind,
  message: Message,
  contentOctets: number,
  ownFile: boolean,
  copied?: Copied,
): Buffer {
  const json = JSON.stringify(copied === undefined ? message : { ...message, copied });
  const envelopeOctets = Buffer.byteLength(json);
  if (envelopeOctets > ENVELOPE_OCTETS_MAX) throw new RangeError(`an envelope of ${envelopeOctets} octets`);
  const head = Buffer.allocUnsafe(HEADER_OCTETS + envelopeOctets);
  head.writeUInt16BE(RECORD_MAGIC, 0);
  head[10] = VERSION;
  head[11] = KINDS[kind];
  head.writeUInt16BE(ownFile ? OWN_FILE : 0, 12);
  head.writeUInt32BE(envelopeOctets, 14);
  head.writeUIntBE(contentOctets, 18, 6);
  head.set(decodeId(message.id), 24);
  head.write(json, HEADER_OCTETS, 'utf8');
  return head;
}

/** Binds the record to its file and place; returns its trailer. `syncedTo`: what was durable before this write. */
export function seal(
  head: Buffer,
  content: readonly Uint8Array[],
  salt: Uint8Array,
  offset: number,
  syncedTo: number,
): Buffer {
  head.set(salt, 2);
  head.writeUInt32BE(offset - syncedTo, 40);
  const headerCrc = crc32(head.subarray(0, HEADER_OCTETS - 4), seedOf(salt, offset));
  head.writeUInt32BE(headerCrc, HEADER_OCTETS - 4);
  // Goes on from the header's checksum instead of running over it: a CRC run over itself forgets what came before.
  let crc = crc32(head.subarray(HEADER_OCTETS), headerCrc);
  for (const part of content) crc = carryOn(crc, part);
  const trailer = Buffer.allocUnsafe(TRAILER_OCTETS);
  trailer.writeUInt32BE(crc, 0);
  return trailer;
}

/** undefined when no record of this file begins here. `header`: at least HEADER_OCTETS. */
export function decodeHeader(header: Buffer, salt: Uint8Array, offset: number): RecordHeader | undefined {
  if (header.length < HEADER_OCTETS || header.readUInt16BE(0) !== RECORD_MAGIC) return undefined;
  if (header.compare(salt, 0, SALT_OCTETS, 2, 2 + SALT_OCTETS) !== 0) return undefined;
  const crc = crc32(header.subarray(0, HEADER_OCTETS - 4), seedOf(salt, offset));
  if (crc !== header.readUInt32BE(HEADER_OCTETS - 4)) return undefined;
  const kind = header[11] === KINDS.accept ? 'accept' : header[11] === KINDS.copy ? 'copy' : undefined;
  const envelopeOctets = header.readUInt32BE(14);
  const contentOctets = header.readUIntBE(18, 6);
  if (header[10] !== VERSION || kind === undefined || envelopeOctets > ENVELOPE_OCTETS_MAX) return undefined;
  return {
    kind,
    ownFile: (header.readUInt16BE(12) & OWN_FILE) !== 0,
    envelopeOctets,
    contentOctets,
    id: encodeId(header.subarray(24, 40)) as MessageId,
    syncedTo: offset - header.readUInt32BE(40),
    octets: HEADER_OCTETS + envelopeOctets + contentOctets + TRAILER_OCTETS,
    crc,
  };
}

/** The envelope of a record whose checksum held. undefined: it is not this record's (never seen but in a test). */
export function decodeEnvelope(
  envelope: Buffer,
  header: RecordHeader,
): { readonly message: Message; readonly copied?: Copied } | undefined {
  let value: Message & { readonly copied?: Copied };
  try {
    value = JSON.parse(envelope.toString('utf8')) as Message & { readonly copied?: Copied };
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || value.id !== header.id) return undefined;
  if (value.copied === undefined) return header.kind === 'accept' ? { message: value } : undefined;
  const { copied, ...message } = value;
  return { message, copied };
}

/** What every record header of this segment begins with: for the search of the next one. */
export function headerNeedle(salt: Uint8Array): Buffer {
  return Buffer.from([RECORD_MAGIC >>> 8, RECORD_MAGIC & 255, ...salt]);
}

// Journal: [length u32][kind u8][version u8][0 u16][salt 8][unsynced u32][header CRC u32][payload CRC u32][payload].

/** One journal record, whole. */
export function encodeJournalRecord(
  kind: JournalKind,
  value: unknown,
  salt: Uint8Array,
  offset: number,
  syncedTo: number,
): Buffer {
  const json = JSON.stringify(value);
  const payloadOctets = Buffer.byteLength(json);
  if (payloadOctets > EVENT_OCTETS_MAX) throw new RangeError(`an event of ${payloadOctets} octets`);
  const record = Buffer.allocUnsafe(JOURNAL_HEADER_OCTETS + payloadOctets);
  record.writeUInt32BE(payloadOctets, 0);
  record[4] = JOURNAL_KINDS[kind];
  record[5] = VERSION;
  record.writeUInt16BE(0, 6);
  record.set(salt, 8);
  record.writeUInt32BE(offset - syncedTo, 16);
  const headerCrc = crc32(record.subarray(0, 20), seedOf(salt, offset));
  record.writeUInt32BE(headerCrc, 20);
  record.write(json, JOURNAL_HEADER_OCTETS, 'utf8');
  record.writeUInt32BE(crc32(record.subarray(JOURNAL_HEADER_OCTETS), headerCrc), 24);
  return record;
}

/** undefined when no record of this file begins here. */
export function decodeJournalHeader(header: Buffer, salt: Uint8Array, offset: number): JournalHeader | undefined {
  if (header.length < JOURNAL_HEADER_OCTETS) return undefined;
  if (header.compare(salt, 0, SALT_OCTETS, 8, 8 + SALT_OCTETS) !== 0) return undefined;
  const crc = crc32(header.subarray(0, 20), seedOf(salt, offset));
  if (crc !== header.readUInt32BE(20)) return undefined;
  const kind =
    header[4] === JOURNAL_KINDS.event ? 'event' : header[4] === JOURNAL_KINDS.snapshot ? 'snapshot' : undefined;
  const payloadOctets = header.readUInt32BE(0);
  if (header[5] !== VERSION || kind === undefined || payloadOctets > EVENT_OCTETS_MAX) return undefined;
  return {
    kind,
    payloadOctets,
    syncedTo: offset - header.readUInt32BE(16),
    payloadCrc: header.readUInt32BE(24),
    crc,
  };
}

/** Is this the payload the header was written with? */
export function payloadHolds(header: JournalHeader, payload: Uint8Array): boolean {
  return carryOn(header.crc, payload) === header.payloadCrc;
}

/** Does the trailer end this record? `crc`: of the header, carried on over envelope and content. */
export function trailerHolds(trailer: Buffer, crc: number): boolean {
  return trailer.length >= TRAILER_OCTETS && trailer.readUInt32BE(0) === crc;
}

// Reads a segment from end to end, as a start, the keeper and `verify` do: every whole record once, in order, and every
// place that is not one. Nothing is ever taken for a record but what this file's writer put at that very place.
import type { Location, Message } from '../flow/message.ts';
import { type Damage, DamageLog } from './damage-log.ts';
import type { Disk } from './disk.ts';
import { FIRST_BLOCK, decodeFileHead } from './file-head.ts';
import { FileWindow } from './file-window.ts';
import { SEGMENTS } from './layout.ts';
import {
  type Copied,
  HEADER_OCTETS,
  type RecordHeader,
  type RecordKind,
  TRAILER_OCTETS,
  carryOn,
  decodeEnvelope,
  decodeHeader,
  headerNeedle,
  trailerHolds,
} from './record.ts';

export interface SegmentRecord {
  readonly item: 'record';
  readonly kind: RecordKind;
  readonly message: Message;
  readonly location: Location;
  /** The content lies in `large/<id>`. */
  readonly ownFile: boolean;
  readonly copied?: Copied;
}

/** The end of what a cut-off write left: never acknowledged. Not damage. */
export interface TornTail {
  readonly item: 'torn';
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

export type SegmentItem = SegmentRecord | Damage | TornTail;

/**
 * Records from `from` (a record's offset, or less than FIRST_BLOCK for all) on, up to `until` when the file's writer
 * lives on and has told of no more. Damage may be reported later than the
 * records around it. Throws NewerFormat; `code` ENOENT when there is no such file.
 */
export async function* scanSegment(
  disk: Disk,
  segment: string,
  from = 0,
  until = Infinity,
): AsyncGenerator<SegmentItem> {
  const file = disk.openRead(`${SEGMENTS}/${segment}`);
  try {
    const window = new FileWindow(file, Math.min(file.size(), until));
    if (from > window.size) {
      yield { item: 'damaged', file: segment, from: window.size, to: from, wasSynced: true };
      return;
    }
    const head = decodeFileHead(await window.load(0, FIRST_BLOCK));
    if (head === undefined || head.kind !== 'segment' || window.size < FIRST_BLOCK) {
      yield await headless(window, segment);
      return;
    }
    yield* records(window, segment, head.salt, Math.max(from, FIRST_BLOCK));
  } finally {
    file.close();
  }
}

/** Without its first block nothing can be told: a file that never was synced, or one that cannot be read any more. */
async function headless(window: FileWindow, file: string): Promise<Damage | TornTail> {
  const to = window.size;
  if (to <= FIRST_BLOCK || (await window.isZero(0))) return { item: 'torn', file, from: 0, to };
  return { item: 'damaged', file, from: 0, to, wasSynced: true };
}

async function* records(
  window: FileWindow,
  segment: string,
  salt: Uint8Array,
  from: number,
): AsyncGenerator<SegmentItem> {
  const damage = new DamageLog(segment);
  let offset = from;
  while (offset < window.size) {
    const header = decodeHeader(
      window.peek(offset, HEADER_OCTETS) ?? (await window.load(offset, HEADER_OCTETS)),
      salt,
      offset,
    );
    if (header !== undefined) {
      if (offset + header.octets > window.size) break;
      const envelope = await checked(window, offset, header);
      if (!damage.isEmpty) yield* damage.proven(header.syncedTo);
      if (envelope === undefined) damage.add(offset, offset + header.octets);
      else {
        const location = { segment, offset, length: header.octets };
        yield { item: 'record', kind: header.kind, ownFile: header.ownFile, location, ...envelope };
      }
      offset += header.octets;
      continue;
    }
    if (window.size - offset < HEADER_OCTETS || (await window.isZero(offset))) break;
    const next = await nextRecord(window, salt, offset + 1);
    damage.add(offset, next ?? window.size);
    offset = next ?? window.size;
  }
  yield* damage.rest();
  if (offset < window.size) yield { item: 'torn', file: segment, from: offset, to: window.size };
}

async function nextRecord(window: FileWindow, salt: Uint8Array, from: number): Promise<number | undefined> {
  const needle = headerNeedle(salt);
  let at = await window.find(needle, from);
  while (at !== undefined) {
    if (decodeHeader(await window.load(at, HEADER_OCTETS), salt, at) !== undefined) return at;
    at = await window.find(needle, at + 1);
  }
  return undefined;
}

/** The envelope, when the checksum of the whole record holds. */
async function checked(
  window: FileWindow,
  offset: number,
  header: RecordHeader,
): Promise<{ readonly message: Message; readonly copied?: Copied } | undefined> {
  const envelopeAt = offset + HEADER_OCTETS;
  const bytes =
    window.peek(envelopeAt, header.envelopeOctets) ?? (await window.load(envelopeAt, header.envelopeOctets));
  let crc = carryOn(header.crc, bytes);
  const envelope = decodeEnvelope(bytes, header);
  const contentEnd = envelopeAt + header.envelopeOctets + header.contentOctets;
  for (let at = envelopeAt + header.envelopeOctets; at < contentEnd; ) {
    const want = Math.min(contentEnd - at, 256 * 1024);
    const piece = window.peek(at, want) ?? (await window.load(at, want));
    if (piece.length === 0) return undefined;
    crc = carryOn(crc, piece);
    at += piece.length;
  }
  const trailer = window.peek(contentEnd, TRAILER_OCTETS) ?? (await window.load(contentEnd, TRAILER_OCTETS));
  return trailerHolds(trailer, crc) ? envelope : undefined;
}

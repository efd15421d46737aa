// Reads accepted messages back by their location. What it gives out has been checked against the record's checksum
// (or, for content in a file of its own, against the envelope's SHA-256) before the last octet leaves: who sends it on
// the way never ends a damaged message.
import { createHash } from 'node:crypto';
import type { Location, Message } from '../flow/message.ts';
import { DamagedRecord, type MessageReader, type StoredMessage } from '../flow/spool.ts';
import { type Disk, codeOf } from './disk.ts';
import { LARGE, SEGMENTS } from './layout.ts';
import { type OpenFile, OpenFiles } from './open-files.ts';
import type { RecentRecord, RecentRecords } from './recent-records.ts';
import {
  type Copied,
  HEADER_OCTETS,
  type RecordHeader,
  type RecordKind,
  TRAILER_OCTETS,
  carryOn,
  decodeEnvelope,
  decodeHeader,
  trailerHolds,
} from './record.ts';

const FILES_MAX = 64;
const CHUNK_OCTETS = 1024 * 1024;
/** Content up to this is read at once, checked and given as `whole`. */
const WHOLE_OCTETS_MAX = CHUNK_OCTETS;
/** Records up to this are read by one read: such content and an envelope of any usual size. */
const ONE_READ_OCTETS_MAX = 2 * CHUNK_OCTETS;

export interface StoredRecord extends StoredMessage {
  readonly kind: RecordKind;
  /** The content lies in `large/<id>`. */
  readonly ownFile: boolean;
  readonly copied?: Copied;
}

export class SegmentReader implements MessageReader {
  readonly #disk: Disk;
  readonly #files: OpenFiles;
  readonly #recent: RecentRecords | undefined;

  /** `recent`: what the writer of this process has just written, and what was read of messages for several places. */
  constructor(disk: Disk, options: { readonly filesMax?: number; readonly recent?: RecentRecords } = {}) {
    this.#disk = disk;
    this.#recent = options.recent;
    this.#files = new OpenFiles(disk, SEGMENTS, options.filesMax ?? FILES_MAX);
  }

  async read(location: Location): Promise<StoredRecord> {
    const recent = this.#recent?.take(location);
    if (recent !== undefined) return recentRecord(recent);
    const record = await damagedWhenMissing(this.#files.use(location.segment, (file) => this.#read(file, location)));
    // It is asked for once for each of its routing domains.
    const { kind, whole, message } = record;
    const isForSeveral = message.forwardPaths.length > 1;
    if (kind === 'accept' && isForSeveral && whole?.length === message.size)
      this.#recent?.put(location, message, [whole]);
    return record;
  }

  close(): Promise<void> {
    this.#files.close();
    return Promise.resolve();
  }

  async #read(open: OpenFile, location: Location): Promise<StoredRecord> {
    const isLong = location.length > ONE_READ_OCTETS_MAX;
    const bytes = await readFully(open, location.offset, isLong ? HEADER_OCTETS : location.length);
    const header = decodeHeader(bytes, open.salt, location.offset);
    if (header === undefined) throw new DamagedRecord(`${where(location)}: no record begins here`);
    if (header.octets !== location.length) throw new DamagedRecord(`${where(location)}: ${header.octets} octets`);
    const contentAt = HEADER_OCTETS + header.envelopeOctets;
    const envelopeBytes = isLong
      ? await readFully(open, location.offset + HEADER_OCTETS, header.envelopeOctets)
      : bytes.subarray(HEADER_OCTETS, contentAt);
    const envelopeCrc = carryOn(header.crc, envelopeBytes);
    const isWhole = !isLong && header.contentOctets <= WHOLE_OCTETS_MAX;
    const whole = bytes.subarray(contentAt, contentAt + header.contentOctets);
    if (isWhole && !trailerHolds(bytes.subarray(contentAt + header.contentOctets), carryOn(envelopeCrc, whole))) {
      throw new DamagedRecord(`${where(location)}: the checksum does not hold`);
    }
    const envelope = decodeEnvelope(envelopeBytes, header);
    if (envelope === undefined) throw new DamagedRecord(`${where(location)}: the envelope does not hold`);
    const record = { kind: header.kind, ownFile: header.ownFile, ...envelope };
    if (header.ownFile) return { ...record, content: () => ownFileContent(this.#disk, envelope.message) };
    if (isWhole) return { ...record, whole, content: () => once(whole) };
    return { ...record, content: () => this.#stream(location, header, envelopeCrc) };
  }

  /** One chunk is held back until the checksum has been seen. */
  async *#stream(location: Location, header: RecordHeader, envelopeCrc: number): AsyncGenerator<Uint8Array> {
    const from = location.offset + HEADER_OCTETS + header.envelopeOctets;
    const read = (at: number, octets: number): Promise<Buffer> =>
      damagedWhenMissing(this.#files.use(location.segment, (open) => readFully(open, at, octets)));
    let crc = envelopeCrc;
    for (let done = 0; done < header.contentOctets; ) {
      const octets = Math.min(CHUNK_OCTETS, header.contentOctets - done);
      const chunk = await read(from + done, octets);
      crc = carryOn(crc, chunk);
      done += octets;
      if (done === header.contentOctets && !trailerHolds(await read(from + done, TRAILER_OCTETS), crc)) {
        throw new DamagedRecord(`${where(location)}: the checksum does not hold`);
      }
      yield chunk;
    }
  }
}

function recentRecord({ message, content: whole }: RecentRecord): StoredRecord {
  return { kind: 'accept', ownFile: false, message, whole, content: () => once(whole) };
}

async function* once(whole: Uint8Array): AsyncGenerator<Uint8Array> {
  if (whole.length > 0) yield whole;
}

async function* ownFileContent(disk: Disk, message: Message): AsyncGenerator<Uint8Array> {
  const name = `${LARGE}/${message.id}`;
  const file = await damagedWhenMissing(Promise.resolve().then(() => disk.openRead(name)));
  try {
    if (file.size() !== message.size) throw new DamagedRecord(`${name}: ${file.size()} octets, not ${message.size}`);
    const hash = createHash('sha256');
    for (let done = 0; done < message.size; ) {
      const octets = Math.min(CHUNK_OCTETS, message.size - done);
      const chunk = await damagedWhenMissing(readFully({ file }, done, octets));
      hash.update(chunk);
      done += octets;
      if (done === message.size && hash.digest('hex') !== message.sha256) {
        throw new DamagedRecord(`${name}: the SHA-256 does not hold`);
      }
      yield chunk;
    }
  } finally {
    file.close();
  }
}

/** Exactly `length` octets. */
async function readFully({ file }: Pick<OpenFile, 'file'>, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const octets = await file.read(got === 0 ? buffer : buffer.subarray(got), offset + got);
    if (octets === 0) throw new DamagedRecord(`${file.path}: ends at ${offset + got}`);
    got += octets;
  }
  return buffer;
}

/** A file that is gone and a sector that cannot be read are damage; anything else (no descriptor) is not. */
async function damagedWhenMissing<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'ENOENT' && code !== 'EIO') throw error;
    throw new DamagedRecord(`cannot be read: ${code}`, { cause: error });
  }
}

function where(location: Location): string {
  return `${location.segment} at ${location.offset}`;
}

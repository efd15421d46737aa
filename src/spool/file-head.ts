// The first block of every segment and journal file: what it is, its salt, and what it supersedes.
// 4096 octets: the same 2048 twice, each with its own CRC, so that one bad sector does not cost the whole file.
import { crc32 } from 'node:zlib';

export const FIRST_BLOCK = 4096;
export const FORMAT_VERSION = 1;
export const SALT_OCTETS = 8;

const COPY = FIRST_BLOCK / 2;
const MAGIC = Buffer.from('POSTSPL\n', 'latin1');
const NAME_AT = 40;
const NAME_MAX = 255;
const KINDS = { segment: 1, journal: 2 } as const;

export type FileKind = keyof typeof KINDS;

/** A position in a file of this spool. */
export interface Position {
  readonly file: string;
  readonly offset: number;
}

export interface FileHead {
  readonly kind: FileKind;
  /** ms since 1970. */
  readonly createdAt: number;
  /** 64 random bits; every record of the file carries them and has them in its checksums. */
  readonly salt: Uint8Array;
  /** Octets of an earlier file that this one supersedes, from `offset` on: its tail was copied here. */
  readonly previous?: Position;
}

/** The file is of a newer format than this program: nothing is read or changed. */
export class NewerFormat extends Error {
  override readonly name = 'NewerFormat';
}

/** `version`: another one only in tests. */
export function encodeFileHead(head: FileHead, version = FORMAT_VERSION): Buffer {
  const block = Buffer.alloc(FIRST_BLOCK);
  MAGIC.copy(block, 0);
  block.writeUInt16BE(version, 8);
  block.writeUInt8(KINDS[head.kind], 10);
  block.writeUIntBE(head.createdAt, 12, 6);
  block.set(head.salt, 20);
  if (head.previous !== undefined) {
    const name = Buffer.from(head.previous.file, 'latin1');
    if (name.length > NAME_MAX) throw new RangeError('file name too long');
    block.writeUIntBE(head.previous.offset, 28, 6);
    block.writeUInt16BE(name.length, 34);
    name.copy(block, NAME_AT);
  }
  block.writeUInt32BE(crc32(block.subarray(0, COPY - 4)), COPY - 4);
  block.copy(block, COPY, 0, COPY);
  return block;
}

/** undefined: neither copy holds. Throws NewerFormat. */
export function decodeFileHead(block: Uint8Array): FileHead | undefined {
  const buffer = Buffer.from(block.buffer, block.byteOffset, block.length);
  return decodeCopy(buffer.subarray(0, COPY)) ?? decodeCopy(buffer.subarray(COPY, FIRST_BLOCK));
}

function decodeCopy(copy: Buffer): FileHead | undefined {
  if (copy.length < COPY || !copy.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (crc32(copy.subarray(0, COPY - 4)) !== copy.readUInt32BE(COPY - 4)) return undefined;
  const version = copy.readUInt16BE(8);
  if (version > FORMAT_VERSION) throw new NewerFormat(`format ${version}; this program reads up to ${FORMAT_VERSION}`);
  const kindNumber = copy.readUInt8(10);
  const kind = kindNumber === KINDS.segment ? 'segment' : kindNumber === KINDS.journal ? 'journal' : undefined;
  if (kind === undefined) return undefined;
  const nameOctets = copy.readUInt16BE(34);
  const head = { kind, createdAt: copy.readUIntBE(12, 6), salt: Uint8Array.from(copy.subarray(20, 28)) } as const;
  if (nameOctets === 0) return head;
  const file = copy.toString('latin1', NAME_AT, NAME_AT + nameOctets);
  return { ...head, previous: { file, offset: copy.readUIntBE(28, 6) } };
}

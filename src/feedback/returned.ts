// What goes back of a message in its report: the whole where it was asked for and is small, else its header section, cut
// at a line when it is long. Nothing when its record is not there any more, or damaged.
import { DamagedRecord, type MessageReader, type StoredMessage } from '../flow/spool.ts';
import type { Location, Message } from '../flow/message.ts';
import { hasLongLine } from '../report/dsn.ts';
import type { Returned } from './notification.ts';

export interface Wanted {
  readonly location: Location;
  readonly messageId: string;
  readonly isWholeAsked: boolean;
  readonly octetsMax: number;
}

const END = '\r\n\r\n';
const CRLF = '\r\n';

/** Rejects only for what is wrong with us. */
export async function readReturned(reader: MessageReader, wanted: Wanted): Promise<Returned> {
  try {
    const stored = await reader.read(wanted.location);
    if (stored.message.id !== wanted.messageId) return {};
    const start = await startOf(stored);
    if (wanted.isWholeAsked && isReturnable(stored.message, start, wanted.octetsMax)) return { full: start };
    return { header: headerOf(start, wanted.octetsMax) };
  } catch (error) {
    if (error instanceof DamagedRecord) return {};
    throw error;
  }
}

/** As it is, since nothing in it may be encoded: only where no server on the way could need it changed. */
function isReturnable({ smtpUtf8, has8bitHeader, size }: Message, start: Buffer, octetsMax: number): boolean {
  return size <= octetsMax && start.length === size && !(smtpUtf8 && has8bitHeader) && !hasLongLine(start);
}

/** The whole, or its first chunk (at most 1 MiB). */
async function startOf(stored: StoredMessage): Promise<Buffer> {
  if (stored.whole !== undefined) return bufferOf(stored.whole);
  for await (const chunk of stored.content()) return bufferOf(chunk);
  return Buffer.alloc(0);
}

function bufferOf(octets: Uint8Array): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

/** With the CRLF of its last line. A copy: what it is cut from may be large. */
function headerOf(start: Buffer, octetsMax: number): Buffer {
  if (start.subarray(0, 2).toString('latin1') === CRLF) return Buffer.alloc(0);
  const end = start.indexOf(END);
  const header = start.subarray(0, end === -1 ? start.length : end + CRLF.length);
  if (header.length <= octetsMax) return Buffer.from(header);
  const lineEnd = header.lastIndexOf(CRLF, octetsMax - CRLF.length);
  return Buffer.from(header.subarray(0, lineEnd === -1 ? 0 : lineEnd + CRLF.length));
}

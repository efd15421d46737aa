// Where things lie in the spool's folder, and how its files are named. Names sort by the time of creation.
import type { Random } from '../base/random.ts';
import { encodeId, timeOfId } from '../flow/message-id.ts';
import type { MessageId } from '../flow/message.ts';
import type { Disk } from './disk.ts';

export const SEGMENTS = 'segments';
export const JOURNAL = 'journal';
/** Content of messages over 1 MiB, one file each, named by message id. */
export const LARGE = 'large';
/** Octets of damaged records. */
export const QUARANTINE = 'quarantine';

const FOLDERS = [SEGMENTS, JOURNAL, LARGE, QUARANTINE];

/** Makes the folders durable. Idempotent; every process that writes may call it. */
export async function makeFolders(disk: Disk): Promise<void> {
  for (const folder of FOLDERS) disk.makeFolder(folder);
  await disk.syncFolder('.');
}

const STAMP_OCTETS = 16;
const STAMP_CHARACTERS = 20;

/** 20 characters: 48 bits of time, 50 random bits; base32 as in message ids. */
function stamp(now: number, random: Random): string {
  const octets = random.bytes(STAMP_OCTETS);
  const view = new DataView(octets.buffer, octets.byteOffset, STAMP_OCTETS);
  view.setUint16(0, Math.floor(now / 2 ** 32) & 0xffff);
  view.setUint32(2, now % 2 ** 32);
  return encodeId(octets).slice(0, STAMP_CHARACTERS);
}

/** `writer`: name of the process that writes it, e.g. `submission-1`, `keeper`. */
export function segmentName(now: number, random: Random, writer: string): string {
  return `s-${stamp(now, random)}-${writer}.seg`;
}

/** Journal files are read in the order of their names, so a name is always after `last`, whatever the clock says. */
export function journalName(now: number, random: Random, last?: string): string {
  return `j-${stamp(last === undefined ? now : Math.max(now, timeOfJournal(last) + 1), random)}.log`;
}

/** ms since 1970 in the name of a journal file. */
export function timeOfJournal(name: string): number {
  return timeOfId(`${name.slice(2, 2 + STAMP_CHARACTERS)}000000` as MessageId);
}

export const isSegmentName = (name: string): boolean => /^s-[0-9a-z]{20}-[A-Za-z0-9_.-]+\.seg$/.test(name);
export const isJournalName = (name: string): boolean => /^j-[0-9a-z]{20}\.log$/.test(name);

/** Name of the writer in a segment's name; anything else is taken for a writer's name itself. */
export function writerOf(name: string): string {
  return isSegmentName(name) ? name.slice('s-'.length + 20 + 1, -'.seg'.length) : name;
}

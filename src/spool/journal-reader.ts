// Reads the journal: from a position on, as a start and `rebuild` do, or for the history of one message. What an earlier
// file holds past the place from which a later one supersedes it is not read twice.
import type { JournalEvent, OutcomeEvent, StateEvent } from '../flow/event.ts';
import { timeOfId } from '../flow/message-id.ts';
import type { MessageId } from '../flow/message.ts';
import { type Damage, DamageLog } from './damage-log.ts';
import type { Disk } from './disk.ts';
import { FIRST_BLOCK, type FileHead, type Position, decodeFileHead } from './file-head.ts';
import { FileWindow } from './file-window.ts';
import { JOURNAL, isJournalName } from './layout.ts';
import { JOURNAL_HEADER_OCTETS, type JournalKind, decodeJournalHeader, payloadHolds } from './record.ts';

export interface JournalRecord {
  readonly item: 'event';
  readonly event: JournalEvent;
  readonly at: Position;
  /** Position after it. */
  readonly end: Position;
}

/** A part of the snapshot of the state that stands at the beginning of a file. */
export interface SnapshotRecord {
  readonly item: 'snapshot';
  readonly value: unknown;
  readonly at: Position;
  readonly end: Position;
}

export type JournalItem = JournalRecord | SnapshotRecord | Damage;

export interface JournalFile {
  readonly name: string;
  /** undefined: its first block does not hold. */
  readonly head?: FileHead;
  readonly size: number;
  /** Superseded from here on by a later file; 0: wholly. */
  readonly end?: number;
}

/** All files, oldest first. Throws NewerFormat. */
export async function listJournal(disk: Disk): Promise<readonly JournalFile[]> {
  const files: JournalFile[] = [];
  for (const name of disk.list(JOURNAL).filter(isJournalName)) {
    const file = disk.openRead(`${JOURNAL}/${name}`);
    try {
      const block = Buffer.alloc(FIRST_BLOCK);
      const octets = await file.read(block, 0);
      const head = decodeFileHead(block.subarray(0, octets));
      files.push({ name, size: file.size(), ...(head?.kind === 'journal' && { head }) });
    } finally {
      file.close();
    }
  }
  return files.map((file) => {
    const end = Math.min(...files.map((later) => endBefore(file, later)));
    return end === Infinity ? file : { ...file, end };
  });
}

/** What `later` leaves of `file`: it supersedes all that stands before it from a position on. */
function endBefore(file: JournalFile, later: JournalFile): number {
  const previous = later.head?.previous;
  if (previous === undefined || later.name <= file.name || file.name < previous.file) return Infinity;
  return file.name === previous.file ? previous.offset : 0;
}

/** The whole journal in order, or what stands at and after `from` and before `until` (for who reads while it grows). */
export async function* scanJournal(disk: Disk, from?: Position, until?: Position): AsyncGenerator<JournalItem> {
  for (const file of await listJournal(disk)) {
    if (from !== undefined && file.name < from.file) continue;
    if (until !== undefined && file.name > until.file) return;
    const end = until?.file === file.name ? Math.min(until.offset, file.end ?? Infinity) : file.end;
    const start = from?.file === file.name ? from.offset : 0;
    for await (const batch of batches(disk, file.name, end, start, undefined)) for (const item of batch) yield item;
  }
}

/** One file from `from` on; `wanted`: only records whose payload has these octets are parsed and given. */
export async function* scanJournalFile(
  disk: Disk,
  { name, end }: Pick<JournalFile, 'name' | 'end'>,
  from = 0,
  wanted?: Buffer,
): AsyncGenerator<JournalItem> {
  for await (const batch of batches(disk, name, end, from, wanted)) for (const item of batch) yield item;
}

/** In batches: an asynchronous step for each event would cost more than reading it. */
async function* batches(
  disk: Disk,
  name: string,
  end: number | undefined,
  from: number,
  wanted: Buffer | undefined,
): AsyncGenerator<readonly JournalItem[]> {
  if (end !== undefined && end <= FIRST_BLOCK) return;
  const file = disk.openRead(`${JOURNAL}/${name}`);
  try {
    const window = new FileWindow(file, Math.min(file.size(), end ?? Infinity));
    if (from > window.size && end === undefined) {
      yield [{ item: 'damaged', file: name, from: window.size, to: from, wasSynced: true }];
      return;
    }
    const head = decodeFileHead(await window.load(0, FIRST_BLOCK));
    if (head === undefined || head.kind !== 'journal' || window.size < FIRST_BLOCK) {
      if (window.size <= FIRST_BLOCK || (await window.isZero(0))) return;
      // Records may stand in a file before its first sync, so this may be one that a power cut broke off.
      yield [{ item: 'damaged', file: name, from: 0, to: window.size, wasSynced: false }];
      return;
    }
    yield* records(window, name, head.salt, Math.max(from, FIRST_BLOCK), wanted);
  } finally {
    file.close();
  }
}

async function* records(
  window: FileWindow,
  file: string,
  salt: Uint8Array,
  from: number,
  wanted: Buffer | undefined,
): AsyncGenerator<readonly JournalItem[]> {
  const damage = new DamageLog(file);
  let batch: JournalItem[] = [];
  let offset = from;
  while (offset < window.size) {
    let bytes = window.peek(offset, JOURNAL_HEADER_OCTETS);
    if (bytes === undefined) {
      yield batch;
      batch = [];
      bytes = await window.load(offset, JOURNAL_HEADER_OCTETS);
    }
    const header = decodeJournalHeader(bytes, salt, offset);
    if (header === undefined) {
      if (window.size - offset < JOURNAL_HEADER_OCTETS) break;
      // Zeros to the end: the log ends here. A zero length with records behind it is a hole of a cut-off write.
      if (await window.isZero(offset)) break;
      const next = await nextRecord(window, salt, offset + 1);
      damage.add(offset, next ?? window.size);
      offset = next ?? window.size;
      continue;
    }
    if (!damage.isEmpty) batch.push(...damage.proven(header.syncedTo));
    const payloadAt = offset + JOURNAL_HEADER_OCTETS;
    const end = payloadAt + header.payloadOctets;
    if (end > window.size) break;
    const payload =
      window.peek(payloadAt, header.payloadOctets) ?? (await window.load(payloadAt, header.payloadOctets));
    if (!payloadHolds(header, payload)) damage.add(offset, end);
    else if (wanted === undefined || payload.includes(wanted)) {
      const place = { at: { file, offset }, end: { file, offset: end } };
      batch.push(parsed(header.kind, JSON.parse(payload.toString('utf8')), place));
    }
    offset = end;
  }
  yield [...batch, ...damage.rest()];
}

function parsed(kind: JournalKind, value: unknown, place: { at: Position; end: Position }): JournalItem {
  if (kind === 'snapshot') return { item: 'snapshot', value, ...place };
  return { item: 'event', event: value as JournalEvent, ...place };
}

/** The header's salt stands 8 octets behind its beginning. */
async function nextRecord(window: FileWindow, salt: Uint8Array, from: number): Promise<number | undefined> {
  const needle = Buffer.from(salt);
  let at = await window.find(needle, from + 8);
  while (at !== undefined) {
    const start = at - 8;
    if (decodeJournalHeader(await window.load(start, JOURNAL_HEADER_OCTETS), salt, start) !== undefined) return start;
    at = await window.find(needle, at + 1);
  }
  return undefined;
}

/** A message's time may be ahead of or behind a file's when the clock was set between them. */
const CLOCK_SET_MS = 60 * 60 * 1000;

/** The last `limit` outcomes of a message that the journal still has, newest last. Reads files: for people. */
export async function findOutcomes(disk: Disk, id: MessageId, limit: number): Promise<readonly OutcomeEvent[]> {
  const wanted = Buffer.from(id, 'latin1');
  const from = timeOfId(id) - CLOCK_SET_MS;
  let found: OutcomeEvent[] = [];
  for (const file of [...(await listJournal(disk))].reverse()) {
    const here: OutcomeEvent[] = [];
    for await (const item of scanJournalFile(disk, file, 0, wanted)) {
      if (item.item !== 'event' || item.event.type !== 'outcome' || item.event.messageId !== id) continue;
      here.push(item.event);
    }
    found = [...here, ...found].slice(-limit);
    const isBefore = file.head !== undefined && file.head.createdAt < from;
    if (found.length >= limit || isBefore) break;
  }
  return found;
}

/** The last `limit` changes of state keys that end with `/name`, newest last. Reads files: for people. */
export async function findChanges(disk: Disk, name: string, limit: number): Promise<readonly StateEvent[]> {
  // As it stands in the JSON of the event.
  const wanted = Buffer.from(`/${JSON.stringify(name).slice(1)}`, 'utf8');
  let found: StateEvent[] = [];
  for (const file of [...(await listJournal(disk))].reverse()) {
    const here: StateEvent[] = [];
    for await (const item of scanJournalFile(disk, file, 0, wanted)) {
      if (item.item !== 'event' || item.event.type !== 'state' || !item.event.key.endsWith(`/${name}`)) continue;
      here.push(item.event);
    }
    found = [...here, ...found].slice(-limit);
    if (found.length >= limit) break;
  }
  return found;
}

// Reads everything the spool holds and says what is wrong with it. Changes nothing.
import type { MessageId } from '../flow/message.ts';
import { DamagedRecord } from '../flow/spool.ts';
import { decodePage, PAGE_PREFIX } from '../policy/suppression-page.ts';
import type { Damage } from './damage-log.ts';
import { listJournal, scanJournalFile } from './journal-reader.ts';
import { isSegmentName, SEGMENTS } from './layout.ts';
import type { OfflineView } from './offline.ts';
import type { Progress } from './rebuild.ts';
import { SegmentReader } from './segment-reader.ts';
import { scanSegment } from './segment-scan.ts';

export interface Verification {
  readonly segments: number;
  readonly records: number;
  readonly journalFiles: number;
  readonly events: number;
  readonly messages: number;
  /** Places that had been durable once, and are no records. */
  readonly damaged: readonly Damage[];
  /** Messages that wait and whose content cannot be given out. */
  readonly unreadable: readonly { readonly id: MessageId; readonly why: string }[];
  /** Pages of the suppression list that cannot be read. */
  readonly damagedPages: readonly string[];
}

const IDS_AT_A_TIME = 1000;

export async function verifySpool(
  view: OfflineView,
  onProgress: (progress: Progress) => void = () => {},
): Promise<Verification> {
  const { disk } = view;
  const damaged: Damage[] = [];
  let records = 0;
  const segments = disk.list(SEGMENTS).filter(isSegmentName);
  for (const [done, name] of segments.entries()) {
    for await (const item of scanSegment(disk, name)) {
      if (item.item === 'record') records++;
      else if (item.item === 'damaged' && item.wasSynced) damaged.push(item);
    }
    onProgress({ phase: 'segments', done: done + 1, files: segments.length, read: records });
  }
  let events = 0;
  const files = await listJournal(disk);
  for (const [done, file] of files.entries()) {
    for await (const item of scanJournalFile(disk, file)) {
      if (item.item === 'event') events++;
      else if (item.item === 'damaged' && item.wasSynced) damaged.push(item);
    }
    onProgress({ phase: 'journal', done: done + 1, files: files.length, read: events });
  }
  const { messages, unreadable } = await readMessages(view);
  const journalFiles = files.length;
  const damagedPages = damagedPagesOf(view);
  return { segments: segments.length, records, journalFiles, events, messages, damaged, unreadable, damagedPages };
}

function damagedPagesOf({ overlay: { states } }: OfflineView): readonly string[] {
  const damaged: string[] = [];
  for (const key of states.keys()) {
    if (key.startsWith(PAGE_PREFIX) && decodePage(states.get(key)) === undefined) damaged.push(key);
  }
  return damaged;
}

async function readMessages(view: OfflineView): Promise<Pick<Verification, 'messages' | 'unreadable'>> {
  const reader = new SegmentReader(view.disk);
  const unreadable: { id: MessageId; why: string }[] = [];
  let messages = 0;
  for (const id of allIds(view)) {
    messages++;
    const live = view.overlay.live(id);
    if (live === undefined) continue;
    try {
      const record = await reader.read(live.location);
      if (record.message.id !== id) throw new DamagedRecord(`holds ${record.message.id}`);
      // The last chunk comes only when the checksum holds.
      if (record.whole === undefined) for await (const chunk of record.content()) void chunk;
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      unreadable.push({ id, why: error.message });
    }
  }
  await reader.close();
  return { messages, unreadable };
}

/** Of all that waits, in order. */
export function* allIds({ overlay }: OfflineView): Generator<MessageId> {
  let after: MessageId | undefined;
  for (;;) {
    const ids = overlay.ids(IDS_AT_A_TIME, after);
    yield* ids;
    after = ids.at(-1);
    if (after === undefined) return;
  }
}

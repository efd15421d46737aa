// The index made anew from segments and journal: accepts and copies make rows, then the whole journal is replayed. The
// result says the same as the index before. What it reads is synced first where it stands: nothing is copied.
import type { OpenSegment } from '../flow/spool.ts';
import { beginCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import type { Damage } from './damage-log.ts';
import type { Position } from './file-head.ts';
import { listJournal, scanJournalFile } from './journal-reader.ts';
import { isSegmentName, JOURNAL, SEGMENTS } from './layout.ts';
import { quarantine } from './quarantine.ts';
import { applyEvent, applySnapshot, rebuildFrom } from './replay.ts';
import { scanSegment } from './segment-scan.ts';
import type { SpoolParts } from './spool-parts.ts';

export interface Progress {
  readonly phase: 'segments' | 'journal';
  /** Files done, and all of them. */
  readonly done: number;
  readonly files: number;
  /** Records or events read so far in this phase. */
  readonly read: number;
}

export interface RebuildOptions {
  /** Nothing is written meanwhile, however much it is: damaged places are told here instead of kept aside. */
  readonly view?: { readonly onDamaged: (damage: Damage) => void };
  /** Absent: all. */
  readonly segments?: readonly string[];
  readonly open?: readonly OpenSegment[];
  readonly onProgress?: (progress: Progress) => void;
}

export type RebuildParts = Pick<SpoolParts, 'disk' | 'store' | 'overlay' | 'log' | 'alarm' | 'clock'>;

/** Changes held before they go to the index. */
const CHANGES_MAX = 20_000;

/** Fills the empty overlay (and, beyond a bound, the empty index; without marks). Returns where the journal ended. */
export async function rebuildOverlay(parts: RebuildParts, options: RebuildOptions = {}): Promise<Position | undefined> {
  await rebuildSegments(parts, options);
  return rebuildJournal(parts, options);
}

async function rebuildSegments(parts: RebuildParts, options: RebuildOptions): Promise<void> {
  const { disk, overlay } = parts;
  const { open = [], onProgress, view, segments: names = disk.list(SEGMENTS).filter(isSegmentName) } = options;
  const durable = new Map(open.map((segment) => [segment.segment, segment.durable]));
  let read = 0;
  for (const [done, name] of names.entries()) {
    if (view === undefined) await sync(parts, `${SEGMENTS}/${name}`);
    const until = durable.get(name);
    for await (const item of scanSegment(disk, name, 0, until)) {
      if (item.item === 'damaged') await damaged(parts, SEGMENTS, item, options);
      if (item.item !== 'record') continue;
      rebuildFrom(overlay, item);
      read++;
      if (overlay.changes >= CHANGES_MAX && view === undefined) await flush(parts);
    }
    const segment = overlay.segments.of(name);
    segment.isOpen = until !== undefined;
    overlay.segments.takeAll(name, until ?? disk.findSize(`${SEGMENTS}/${name}`) ?? 0);
    onProgress?.({ phase: 'segments', done: done + 1, files: names.length, read });
  }
}

async function rebuildJournal(parts: RebuildParts, options: RebuildOptions): Promise<Position | undefined> {
  const { disk, overlay } = parts;
  const { onProgress, view } = options;
  const files = await listJournal(disk);
  let read = 0;
  let end: Position | undefined;
  for (const [done, file] of files.entries()) {
    if (view === undefined) await sync(parts, `${JOURNAL}/${file.name}`);
    end = { file: file.name, offset: 0 };
    for await (const item of scanJournalFile(disk, file)) {
      if (item.item === 'damaged') {
        await damaged(parts, JOURNAL, item, options);
        continue;
      }
      if (item.item === 'snapshot') applySnapshot(overlay, item.value);
      else applyEvent(overlay, item.event);
      end = item.end;
      read++;
      if (overlay.changes >= CHANGES_MAX && view === undefined) await flush(parts);
    }
    onProgress?.({ phase: 'journal', done: done + 1, files: files.length, read });
  }
  return end;
}

async function damaged(parts: RebuildParts, folder: string, damage: Damage, { view }: RebuildOptions): Promise<void> {
  if (view === undefined) await quarantine(parts, folder, damage);
  else if (damage.wasSynced) view.onDamaged(damage);
}

async function flush(parts: RebuildParts): Promise<void> {
  await commitRebuilt(parts, undefined);
}

/** `end`: the index is complete up to there. */
export async function commitRebuilt(parts: RebuildParts, end: Position | undefined): Promise<void> {
  const { overlay, store, clock } = parts;
  const checkpoint = beginCheckpoint(overlay, end);
  await store.commit(await encodeCheckpoint(overlay, checkpoint, clock.now()));
  overlay.end();
}

async function sync({ disk }: RebuildParts, path: string): Promise<void> {
  const file = disk.openRead(path);
  try {
    await file.fdatasync();
  } finally {
    file.close();
  }
}

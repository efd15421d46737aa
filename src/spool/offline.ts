// The spool of a relay that does not run, for the offline commands, which hold its lock. `viewSpool` shows what a start
// would find and writes nothing; `rebuildIndex` makes the index anew.
import type { Clock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { readMarks } from './checkpoint.ts';
import type { Damage } from './damage-log.ts';
import { type Disk, realDisk } from './disk.ts';
import { checkFormats, checkIndexFormat } from './formats.ts';
import type { IndexStore } from './index-store.ts';
import { scanJournal } from './journal-reader.ts';
import { isSegmentName, SEGMENTS } from './layout.ts';
import { createLmdbIndex } from './lmdb-index.ts';
import { Overlay } from './overlay.ts';
import { commitRebuilt, type Progress, type RebuildParts, rebuildOverlay } from './rebuild.ts';
import { applyEvent, applySnapshot, claimFor } from './replay.ts';
import { scanSegment } from './segment-scan.ts';

export interface OfflineOptions {
  readonly root: string;
  readonly clock: Clock;
  readonly onProgress?: (progress: Progress) => void;
  /** For tests. */
  readonly disk?: Disk;
  readonly index?: IndexStore;
}

export interface OfflineView {
  readonly disk: Disk;
  readonly overlay: Overlay;
  /** Met on the way; the places that had been durable once. */
  readonly damaged: readonly Damage[];
  close(): Promise<void>;
}

interface Opened extends RebuildParts {
  readonly damaged: Damage[];
}

function open({
  root,
  clock,
  disk = realDisk(root),
  index = createLmdbIndex(`${root}/index`),
}: OfflineOptions): Opened {
  const damaged: Damage[] = [];
  return { disk, store: index, clock, log: silentLog, alarm: () => {}, overlay: new Overlay(index), damaged };
}

/** Throws OperatorError (78) when the format is newer. Where there is no index, all of it is held in memory. */
export async function viewSpool(options: OfflineOptions): Promise<OfflineView> {
  const parts = open(options);
  const { disk, store, overlay, damaged } = parts;
  await checkFormats(disk);
  await store.open();
  try {
    checkIndexFormat(store);
    const marks = readMarks((key) => store.get(key));
    if (marks === undefined) await rebuildOverlay(parts, { view: { onDamaged: (damage) => damaged.push(damage) } });
    else {
      overlay.load();
      await viewSegments(parts);
      for await (const item of scanJournal(disk, marks.journal)) {
        if (item.item === 'event') applyEvent(overlay, item.event);
        else if (item.item === 'snapshot') applySnapshot(overlay, item.value);
        else if (item.wasSynced) damaged.push(item);
      }
    }
  } catch (error) {
    await store.close();
    throw error;
  }
  return { disk, overlay, damaged, close: () => store.close() };
}

async function viewSegments({ disk, overlay, damaged }: Opened): Promise<void> {
  for (const name of disk.list(SEGMENTS).filter(isSegmentName)) {
    const { upTo } = overlay.segments.of(name);
    if ((disk.findSize(`${SEGMENTS}/${name}`) ?? 0) <= upTo) continue;
    for await (const item of scanSegment(disk, name, upTo)) {
      if (item.item === 'damaged' && item.wasSynced) damaged.push(item);
      if (item.item !== 'record' || item.kind !== 'accept' || !overlay.segments.take(item.location)) continue;
      if (overlay.live(item.message.id) !== undefined) continue;
      overlay.add(item, undefined, item.ownFile);
      claimFor(overlay, item.message);
    }
  }
}

export interface Rebuilt {
  readonly messages: number;
  readonly deliveries: number;
}

/** Throws the index away, also one that cannot be opened, and makes it anew from segments and journal. */
export async function rebuildIndex(options: OfflineOptions): Promise<Rebuilt> {
  const parts = open(options);
  const { disk, store, overlay } = parts;
  await checkFormats(disk);
  await store.discard();
  await store.open();
  try {
    const { onProgress } = options;
    const end = await rebuildOverlay(parts, onProgress === undefined ? {} : { onProgress });
    await commitRebuilt(parts, end ?? { file: '', offset: 0 });
    return { messages: overlay.segments.messages, deliveries: overlay.queues.deliveries };
  } finally {
    await store.close();
  }
}

// What a submission process left when it ended: records past the last one it told of. They were written, perhaps never
// synced, and perhaps its sync had failed; so they are written anew and synced before they are believed.
import type { Accepted } from '../flow/message.ts';
import { CopyForward } from './copy-forward.ts';
import { codeOf } from './disk.ts';
import { isSegmentName, SEGMENTS, writerOf } from './layout.ts';
import { quarantine } from './quarantine.ts';
import { scanSegment } from './segment-scan.ts';
import type { SpoolParts } from './spool-parts.ts';

/** `left`: the writer's name, or a segment of its. `accept` gets what is taken, where it stands now, durable. */
export async function adopt(
  parts: SpoolParts,
  left: string,
  accept: (accepted: Accepted) => void,
): Promise<readonly Accepted[]> {
  const { disk, overlay } = parts;
  const writer = writerOf(left);
  // Before anything is awaited: what comes later is another process's.
  const names = disk.list(SEGMENTS).filter((name) => {
    if (!isSegmentName(name) || writerOf(name) !== writer) return false;
    return overlay.segments.find(name)?.isOpen !== false;
  });
  const found: Accepted[] = [];
  const forward = new CopyForward(parts, ({ message, to }) => {
    accept({ message, location: to });
    found.push({ message, location: to });
  });
  for (const name of names) await adoptOne(parts, name, forward);
  await forward.finish();
  for (const name of names) {
    overlay.segments.takeAll(name, disk.findSize(`${SEGMENTS}/${name}`) ?? 0);
    overlay.segments.close(name);
  }
  return found;
}

async function adoptOne(parts: SpoolParts, name: string, forward: CopyForward): Promise<void> {
  const { segments } = parts.overlay;
  try {
    for await (const item of scanSegment(parts.disk, name, segments.of(name).upTo)) {
      if (item.item === 'damaged') await quarantine(parts, SEGMENTS, item);
      else if (item.item === 'record' && item.kind === 'accept' && !segments.isTaken(item.location)) {
        await forward.copy('accept', item.location);
      }
    }
  } catch (error) {
    // A file that its writer could not begin, and removed.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

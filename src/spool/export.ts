// Everything that waits, out of one spool: as one stream which `import.ts` reads back into another, or as a folder with
// `ID.eml` and `ID.json` for people and other programs. A message that cannot be read is left out and told.
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessageId } from '../flow/message.ts';
import { DamagedRecord, type QueuedMessage } from '../flow/spool.ts';
import type { OfflineView } from './offline.ts';
import { SegmentReader } from './segment-reader.ts';
import { allIds } from './verify.ts';

/** First line of a stream. */
export const EXPORT_HEAD = 'postilion-export 1\n';

export interface ExportOptions {
  readonly onMessage?: (id: MessageId) => void;
  readonly onDamaged?: (id: MessageId, why: string) => void;
}

interface Exported {
  readonly queued: QueuedMessage;
  readonly content: readonly Uint8Array[];
}

/** A message is read whole, and checked, before any of it is given out. */
async function* exported(view: OfflineView, options: ExportOptions): AsyncGenerator<Exported> {
  const reader = new SegmentReader(view.disk);
  for (const id of allIds(view)) {
    const queued = view.overlay.message(id);
    if (queued === undefined) continue;
    const content: Uint8Array[] = [];
    try {
      for await (const chunk of (await reader.read(queued.location)).content()) content.push(chunk);
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      options.onDamaged?.(id, error.message);
      continue;
    }
    yield { queued, content };
    options.onMessage?.(id);
  }
  await reader.close();
}

/** Head, then for each message one line of JSON (`message`, `waiting`) and `message.size` octets of content. */
export async function* exportStream(view: OfflineView, options: ExportOptions = {}): AsyncGenerator<Uint8Array> {
  yield Buffer.from(EXPORT_HEAD);
  for await (const { queued, content } of exported(view, options)) {
    yield Buffer.from(`${JSON.stringify({ message: queued.message, waiting: queued.waiting })}\n`);
    yield* content;
  }
}

/** Files are mode 0600 and must not be there yet. Resolves with the number of messages. */
export async function exportFolder(view: OfflineView, folder: string, options: ExportOptions = {}): Promise<number> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  let count = 0;
  for await (const { queued, content } of exported(view, options)) {
    const name = join(folder, queued.message.id);
    const file = await open(`${name}.eml`, 'wx', 0o600);
    try {
      await file.writev([...content]);
    } finally {
      await file.close();
    }
    const json = JSON.stringify({ message: queued.message, waiting: queued.waiting }, undefined, 2);
    await writeFile(`${name}.json`, `${json}\n`, { flag: 'wx', mode: 0o600 });
    count++;
  }
  return count;
}

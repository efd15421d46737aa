// The spool's offline tools as the command line knows them. Each takes the spool's lock first, so that none works beside
// a relay or another tool.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { OnProgress, SpoolTools } from '../cli/spool-tools.ts';
import type { Folders } from '../config/config.ts';
import type { Damage } from '../spool/damage-log.ts';
import { realDisk } from '../spool/disk.ts';
import { openDiskSpool } from '../spool/disk-spool.ts';
import { dumpSpool } from '../spool/dump.ts';
import { EXPORT_HEAD, exportFolder } from '../spool/export.ts';
import { importStream } from '../spool/import.ts';
import { makeFolders } from '../spool/layout.ts';
import { type OfflineView, rebuildIndex, viewSpool } from '../spool/offline.ts';
import type { Progress } from '../spool/rebuild.ts';
import { allIds, verifySpool } from '../spool/verify.ts';
import { lockSpool } from './spool-lock.ts';
import { createWriter } from './segment-writer-part.ts';

export interface SpoolToolsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly pid: number;
}

const UNREADABLE_PAGE = 'a page of the suppression list cannot be read: `postilion spool rebuild` makes it anew';
/** Journal files are kept as they are: cleaning up is the relay's. */
const HISTORY_MS = Number.MAX_SAFE_INTEGER;

export function createSpoolTools(deps: SpoolToolsDeps): SpoolTools {
  const { clock, random, log, pid } = deps;

  const locked = async <T>(spool: string, work: () => Promise<T>): Promise<T> => {
    if (!existsSync(spool)) throw new OperatorError(`there is no spool at ${spool}`, EXIT.configuration);
    const lock = await lockSpool(spool, { clock, pid });
    try {
      return await work();
    } finally {
      lock.release();
    }
  };
  const viewed = <T>({ spool }: Folders, look: (view: OfflineView) => Promise<T>): Promise<T> =>
    locked(spool, async () => {
      const view = await viewSpool({ root: spool, clock });
      try {
        return await look(view);
      } finally {
        await view.close();
      }
    });

  return {
    verify: (folders, onProgress) =>
      viewed(folders, async (view) => {
        const found = await verifySpool(view, files(onProgress));
        const unreadable = found.unreadable.map(({ id, why }) => ({ file: id, text: why }));
        const pages = found.damagedPages.map((file) => ({ file, text: UNREADABLE_PAGE }));
        return {
          messages: found.messages,
          deliveries: view.overlay.queues.deliveries,
          troubles: [...found.damaged.map(troubleOf), ...unreadable, ...pages],
        };
      }),

    async *dump({ spool }) {
      if (!existsSync(spool)) throw new OperatorError(`there is no spool at ${spool}`, EXIT.configuration);
      const lock = await lockSpool(spool, { clock, pid });
      const view = await viewSpool({ root: spool, clock });
      try {
        yield* dumpSpool(view);
      } finally {
        await view.close();
        lock.release();
      }
    },

    rebuild: ({ spool }, onProgress) =>
      locked(spool, async () => {
        const rebuilt = await rebuildIndex({ root: spool, clock, onProgress: files(onProgress) });
        return { ...rebuilt, troubles: [] };
      }),

    export: (folders, target, onProgress) =>
      viewed(folders, async (view) => {
        if (existsSync(target)) throw new OperatorError(`${target} exists already: name a new folder`, EXIT.usage);
        let total = 0;
        for (const id of allIds(view)) if (id !== '') total++;
        let done = 0;
        const damaged: string[] = [];
        const count = await exportFolder(view, target, {
          onMessage: () => onProgress(++done, total),
          onDamaged: (id, why) => damaged.push(`${id}: ${why}`),
        });
        if (damaged.length > 0) {
          const left = `${damaged.length} messages could not be read and were left out:\n${damaged.join('\n')}`;
          throw new OperatorError(`${count} messages written to ${target}; ${left}`, EXIT.no);
        }
        return count;
      }),

    import: async ({ spool: root }, source, onProgress) => {
      if (!existsSync(root)) await makeFolders(realDisk(root));
      return locked(root, async () => {
        const disk = realDisk(root);
        const names = await exportedNames(source);
        const spool = openDiskSpool({ root, historyMs: HISTORY_MS }, { clock, random, log, disk });
        await spool.start();
        const writer = createWriter({ clock, random, log, disk, process: 'import' });
        try {
          let done = 0;
          const told = (): void => onProgress(++done, names.length);
          const { taken, left } = await importStream(exportedStream(source, names), writer, spool, told);
          return { taken, skipped: left };
        } finally {
          await writer.close();
          await spool.close();
        }
      });
    },
  };
}

function files(onProgress: OnProgress): (progress: Progress) => void {
  return ({ done, files: total }) => onProgress(done, total);
}

function troubleOf({ file, from, to }: Damage): { file: string; offset: number; text: string } {
  return { file, offset: from, text: `${to - from} octets are no record` };
}

async function exportedNames(source: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(source)).filter((name) => name.endsWith('.json'));
    return names.map((name) => name.slice(0, -'.json'.length)).toSorted();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OperatorError(
      `${source} cannot be read (${code}): name a folder that \`spool export\` wrote`,
      EXIT.usage,
      {
        cause: error,
      },
    );
  }
}

/** A folder's files in the form that `importStream` reads. */
async function* exportedStream(source: string, names: readonly string[]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(EXPORT_HEAD);
  for (const name of names) {
    const path = join(source, name);
    const [json, content] = await Promise.all([readFile(`${path}.json`, 'utf8'), readFile(`${path}.eml`)]).catch(
      (error: NodeJS.ErrnoException) => {
        throw new OperatorError(`${error.path ?? path} cannot be read (${error.code})`, EXIT.usage, { cause: error });
      },
    );
    yield Buffer.from(`${json.replaceAll('\n', ' ').trim()}\n`);
    yield content;
  }
}

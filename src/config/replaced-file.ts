// A small file that is replaced whole: the old or the new one is there at any instant, mode 0600, and the new one is
// durable when `replaceFile` returns. Its folder is made for its owner alone. Two at once: the second is told to try again (75).
import {
  chownSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { EXIT, OperatorError } from '../base/errors.ts';
import { reason } from './text-file.ts';

/** `make` runs while no other can write. Throws OperatorError, and whatever `make` throws; then nothing has changed. */
export function replaceFile<T>(path: string, make: () => { readonly text: string; readonly result: T }): T {
  const next = `${path}.new`;
  const folder = dirname(path);
  const fd = openNext(next, folder);
  try {
    const { text, result } = make();
    writeSync(fd, text);
    fchmodSync(fd, 0o600);
    fsyncSync(fd);
    giveToOwner(next, folder);
    renameSync(next, path);
    syncFolder(folder);
    return result;
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Removes a file for good; no matter if it is not there. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

/** Something may be kept before the first start. False: it was not the folder that was missing. */
function makeFolder(path: string): boolean {
  try {
    const made = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (made === undefined) return false;
    giveToOwner(path, dirname(made));
    syncFolder(dirname(made));
    return true;
  } catch (error) {
    throw new OperatorError(`${path} cannot be made: ${reason(error)}`, EXIT.permission);
  }
}

/** Run by root, it must still be readable by the user the relay runs as: the owner of the folder. */
function giveToOwner(path: string, folder: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(folder);
  chownSync(path, owner.uid, owner.gid);
}

/** The new file, made exclusively, is the lock. One older than a minute was left behind by a crash. */
function openNext(next: string, folder: string): number {
  for (const isLast of [false, true]) {
    try {
      return openSync(next, 'wx', 0o600);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' && !isLast && makeFolder(folder)) continue;
      if (code !== 'EEXIST') throw new OperatorError(`${next} cannot be written: ${reason(error)}`, EXIT.permission);
      if (isLast || !isStale(next)) break;
      rmSync(next, { force: true });
    }
  }
  throw new OperatorError(`${next} is there: another change is being made; try again`, EXIT.tryAgain);
}

function isStale(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined || systemClock.now() - status.mtimeMs > 60_000;
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

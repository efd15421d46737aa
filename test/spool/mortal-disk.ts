// A disk as one process sees it: when that process is dead, nothing it began comes back to it and nothing it does
// reaches the disk; other processes on the same disk go on.
import type { Disk, DiskFile } from '../../src/spool/disk.ts';

export interface Mortal {
  readonly disk: Disk;
  readonly isDead: boolean;
  die(): void;
}

export function mortal(disk: Disk): Mortal {
  let isDead = false;
  const never = new Promise<never>(() => {});
  const alive = (): void => {
    if (isDead) throw Object.assign(new Error('the process is dead'), { code: 'EDEAD' });
  };
  const during = <T>(begin: () => Promise<T>): Promise<T> => {
    if (isDead) return never;
    return new Promise((resolve, reject) => {
      begin().then(
        (value) => void (isDead || resolve(value)),
        (error: unknown) => void (isDead || reject(error as Error)),
      );
    });
  };
  const now = <T>(run: () => T): T => {
    alive();
    return run();
  };
  const file = (inner: DiskFile): DiskFile => ({
    path: inner.path,
    writevSync: (buffers, position) => now(() => inner.writevSync(buffers, position)),
    writev: (buffers, position) => during(() => inner.writev(buffers, position)),
    fdatasync: () => during(() => inner.fdatasync()),
    truncateSync: (length) => now(() => inner.truncateSync(length)),
    read: (into, position) => during(() => inner.read(into, position)),
    readSync: (into, position) => now(() => inner.readSync(into, position)),
    size: () => inner.size(),
    close: () => inner.close(),
  });
  return {
    get isDead() {
      return isDead;
    },
    die() {
      isDead = true;
    },
    disk: {
      openNew: (path) => now(() => file(disk.openNew(path))),
      openRead: (path) => now(() => file(disk.openRead(path))),
      openWrite: (path) => now(() => file(disk.openWrite(path))),
      unlink: (path) => during(() => disk.unlink(path)),
      rename: (from, to) => during(() => disk.rename(from, to)),
      makeFolder: (folder) => now(() => disk.makeFolder(folder)),
      list: (folder) => disk.list(folder),
      findSize: (path) => disk.findSize(path),
      syncFolder: (folder) => during(() => disk.syncFolder(folder)),
      space: () => disk.space(),
    },
  };
}

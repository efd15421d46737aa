// A disk with some of its calls replaced: to plant a fault, or to count and hold calls.
import type { Disk, DiskFile } from '../../src/spool/disk.ts';

export function changedDisk(disk: Disk, changes: Partial<Disk>): Disk {
  return {
    openNew: (path) => disk.openNew(path),
    openRead: (path) => disk.openRead(path),
    openWrite: (path) => disk.openWrite(path),
    unlink: (path) => disk.unlink(path),
    rename: (from, to) => disk.rename(from, to),
    makeFolder: (folder) => disk.makeFolder(folder),
    list: (folder) => disk.list(folder),
    findSize: (path) => disk.findSize(path),
    syncFolder: (folder) => disk.syncFolder(folder),
    space: () => disk.space(),
    ...changes,
  };
}

/** Every new file with some of its calls replaced. */
export function changedFiles(disk: Disk, change: (file: DiskFile) => Partial<DiskFile>): Disk {
  return changedDisk(disk, {
    openNew: (path) => {
      const file = disk.openNew(path);
      return { ...file, ...change(file) };
    },
  });
}

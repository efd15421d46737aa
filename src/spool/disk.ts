// The file system as the spool uses it: few calls, each with the durability it gives. The only file of the spool's
// formats that touches node:fs; tests put a disk in its place that drops, tears and reorders what was not synced.
import fs from 'node:fs';
import { join } from 'node:path';

/** An open file. Every position is absolute: there is no file pointer, and nothing is ever appended implicitly. */
export interface DiskFile {
  readonly path: string;
  /**
   * Writes the buffers at `position` by one call and returns the octets written: fewer than given means that the file
   * system was full on the way. Throws errors with `code`. In the kernel when it returns, durable after fdatasync.
   */
  writevSync(buffers: readonly Uint8Array[], position: number): number;
  /** The same off the event loop, for content that comes in large pieces. */
  writev(buffers: readonly Uint8Array[], position: number): Promise<number>;
  /** Resolves once everything written before the call is durable, the file's length included. */
  fdatasync(): Promise<void>;
  /** Cuts the file to `length` octets; durable after fdatasync. */
  truncateSync(length: number): void;
  /** Octets read into `into`: fewer than asked at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  readSync(into: Uint8Array, position: number): number;
  size(): number;
  /** Idempotent. The caller has awaited what it began. */
  close(): void;
}

export interface DiskSpace {
  readonly octets: number;
  readonly octetsFree: number;
  /** 0 where the file system does not count them. */
  readonly inodes: number;
  readonly inodesFree: number;
}

/** Paths are relative to the spool's folder, parts joined by '/'. What fails throws or rejects with `code`. */
export interface Disk {
  /** A file that did not exist (EEXIST otherwise), for reading and writing, mode 0600. Durable after `syncFolder`. */
  openNew(path: string): DiskFile;
  openRead(path: string): DiskFile;
  /** For a file that is kept over lives and whose octets are not mail (the ballast). */
  openWrite(path: string): DiskFile;
  unlink(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Mode 0700; no error when it exists. */
  makeFolder(folder: string): void;
  /** Names in the folder, sorted; none when it does not exist. */
  list(folder: string): readonly string[];
  /** undefined when there is no such file. */
  findSize(path: string): number | undefined;
  /** Resolves once the folder's entries (created, removed, renamed) are durable. `.`: the spool's folder itself. */
  syncFolder(folder: string): Promise<void>;
  space(): DiskSpace;
}

/** Called when what was written can no longer be trusted. The real one does not return: see `killSelf`. */
export type Die = (reason: string) => void;

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}

/** The file system has no room: refuse, keep living. EFBIG: a limit on the size of files, which is the same to us. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

/** A new file cannot be opened now, but nothing that was written is in doubt. */
export function isScarce(error: unknown): boolean {
  const code = codeOf(error);
  return isFull(error) || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM';
}

class RealFile implements DiskFile {
  readonly path: string;
  readonly #fd: number;
  #open = true;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  // libuv goes on after a short write and splits at IOV_MAX; what it returns is short only when the rest failed.
  writevSync(buffers: readonly Uint8Array[], position: number): number {
    return fs.writevSync(this.#fd, buffers, position);
  }

  writev(buffers: readonly Uint8Array[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.writev(this.#fd, buffers as Uint8Array[], position, (error, written) => {
        if (error === null) resolve(written);
        else reject(error);
      });
    });
  }

  fdatasync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  truncateSync(length: number): void {
    fs.ftruncateSync(this.#fd, length);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, into, 0, into.length, position, (error, octets) => {
        if (error === null) resolve(octets);
        else reject(error);
      });
    });
  }

  readSync(into: Uint8Array, position: number): number {
    return fs.readSync(this.#fd, into, 0, into.length, position);
  }

  size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    fs.closeSync(this.#fd);
  }
}

/** `root` must exist. */
export function realDisk(root: string): Disk {
  const open = (path: string, flags: string): DiskFile =>
    new RealFile(path, fs.openSync(join(root, path), flags, 0o600));
  // Kept open: a sync of a folder must not fail for want of a descriptor.
  const folders = new Map<string, number>();
  return {
    openNew: (path) => open(path, 'wx+'),
    openRead: (path) => open(path, 'r'),
    openWrite: (path) => open(path, 'r+'),
    unlink: (path) => fs.promises.unlink(join(root, path)),
    rename: (from, to) => fs.promises.rename(join(root, from), join(root, to)),
    makeFolder: (folder) => void fs.mkdirSync(join(root, folder), { recursive: true, mode: 0o700 }),
    list(folder) {
      try {
        return fs.readdirSync(join(root, folder)).sort();
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return [];
        throw error;
      }
    },
    findSize: (path) => fs.statSync(join(root, path), { throwIfNoEntry: false })?.size,
    syncFolder(folder) {
      return new Promise((resolve, reject) => {
        let fd = folders.get(folder);
        if (fd === undefined) folders.set(folder, (fd = fs.openSync(join(root, folder), 'r')));
        fs.fsync(fd, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      });
    },
    space() {
      const { bsize, blocks, bavail, files, ffree } = fs.statfsSync(root);
      return { octets: bsize * blocks, octetsFree: bsize * bavail, inodes: files, inodesFree: ffree };
    },
  };
}

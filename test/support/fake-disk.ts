// A disk that keeps only what it must. What was not synced when the power goes is lost, kept, torn at sectors of 512
// octets or kept out of order, by chance from a seed; so are the folder's entries. Any call can be made to fail.
import { posix } from 'node:path';
import type { Random } from '../../src/base/random.ts';
import type { Disk, DiskFile, DiskSpace } from '../../src/spool/disk.ts';

const SECTOR = 512;

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly octets: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

type EntryChange = { readonly folder: string; readonly apply: (entries: Map<string, Inode>) => void };

/** Content that grows. */
class Content {
  bytes = new Uint8Array(1024);
  length = 0;

  write(position: number, octets: Uint8Array): void {
    this.extend(position + octets.length);
    this.bytes.set(octets, position);
  }

  extend(length: number): void {
    if (length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.length = Math.max(this.length, length);
  }

  truncate(length: number): void {
    if (length < this.length) this.bytes.fill(0, length, this.length);
    else this.extend(length);
    this.length = length;
  }
}

class Inode {
  /** What every process sees. */
  readonly cache = new Content();
  /** What is on the platter. */
  readonly durable = new Content();
  unsynced: Change[] = [];
}

function apply(content: Content, change: Change): void {
  if (change.kind === 'write') content.write(change.position, change.octets);
  else content.truncate(change.length);
}

export interface DiskCall {
  readonly name: 'openNew' | 'write' | 'fdatasync' | 'truncate' | 'unlink' | 'rename' | 'syncFolder';
  readonly path: string;
  /** Calls of this life before it. */
  readonly nth: number;
}

/** A code that the call fails with; 'short': a write that stops on the way. */
export type Fault = (call: DiskCall) => string | undefined;

function errorWith(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

export interface FakeDiskOptions {
  readonly random: Random;
  /** 'manual': what is asynchronous waits for `completeOne`. Default: it completes in the next turn. */
  readonly completion?: 'manual';
  /** Octets that all files together may have. */
  readonly capacity?: number;
}

export class FakeDisk implements Disk {
  fault: Fault = () => undefined;
  readonly #options: FakeDiskOptions;
  #entries = new Map<string, Inode>();
  #durableEntries = new Map<string, Inode>();
  #entryChanges: EntryChange[] = [];
  #pending: (() => void)[] = [];
  #life = 0;
  #calls = 0;

  constructor(options: FakeDiskOptions) {
    this.#options = options;
  }

  // ── what happens to it ──────────────────────────────────────────────────────────────────────────────────────────

  /** Asynchronous calls that have not completed. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Completes one of what is pending, by chance: the disk keeps no order. False: nothing is. */
  completeOne(): boolean {
    const at = Math.floor(this.#options.random.next() * this.#pending.length);
    const [complete] = this.#pending.splice(at, 1);
    complete?.();
    return complete !== undefined;
  }

  /** kill -9: what was written stays in the kernel; nothing of the old process happens any more. */
  kill(): void {
    this.#life++;
    this.#calls = 0;
    this.#pending = [];
    this.fault = () => undefined;
  }

  /** The power goes: only what was synced is sure. */
  powerCut(): void {
    this.kill();
    // Some cuts keep everything, some nothing: the corners that even chances never reach.
    const keep = [0, 1, this.#options.random.next()][Math.floor(this.#options.random.next() * 3)] ?? 0;
    for (const { apply } of this.#entryChanges) if (this.#chance(keep)) apply(this.#durableEntries);
    this.#entryChanges = [];
    this.#entries = new Map(this.#durableEntries);
    for (const inode of new Set(this.#entries.values())) {
      this.#tear(inode, keep);
      inode.cache.truncate(0);
      inode.cache.write(0, inode.durable.bytes.subarray(0, inode.durable.length));
    }
  }

  /** What a process would read now; changes to it are damage that no sync knows of. */
  bytes(path: string): Uint8Array {
    const { cache } = this.#inode(path);
    return cache.bytes.subarray(0, cache.length);
  }

  /** Damages what is on the disk, and in the cache alike. */
  damage(path: string, change: (bytes: Uint8Array) => void): void {
    const inode = this.#inode(path);
    for (const content of [inode.cache, inode.durable]) change(content.bytes.subarray(0, content.length));
  }

  /** A file that is there and durable. */
  put(path: string, octets: Uint8Array): void {
    const inode = new Inode();
    inode.cache.write(0, octets);
    inode.durable.write(0, octets);
    this.#entries.set(path, inode);
    this.#durableEntries.set(path, inode);
  }

  // ── the port ────────────────────────────────────────────────────────────────────────────────────────────────────

  openNew(path: string): DiskFile {
    this.#call('openNew', path);
    if (this.#entries.has(path)) throw errorWith('EEXIST', path);
    const inode = new Inode();
    this.#entries.set(path, inode);
    this.#entryChanges.push({ folder: posix.dirname(path), apply: (entries) => entries.set(path, inode) });
    return this.#file(path, inode);
  }

  openRead(path: string): DiskFile {
    return this.#file(path, this.#inode(path));
  }

  openWrite(path: string): DiskFile {
    return this.#file(path, this.#inode(path));
  }

  unlink(path: string): Promise<void> {
    return this.#later(() => {
      this.#call('unlink', path);
      this.#inode(path);
      this.#entries.delete(path);
      this.#entryChanges.push({ folder: posix.dirname(path), apply: (entries) => entries.delete(path) });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#later(() => {
      this.#call('rename', from);
      const inode = this.#inode(from);
      const move = (entries: Map<string, Inode>): void => {
        entries.delete(from);
        entries.set(to, inode);
      };
      move(this.#entries);
      this.#entryChanges.push({ folder: posix.dirname(to), apply: move });
    });
  }

  makeFolder(): void {}

  list(folder: string): readonly string[] {
    return [...this.#entries.keys()]
      .filter((path) => posix.dirname(path) === folder)
      .map((path) => posix.basename(path))
      .sort();
  }

  findSize(path: string): number | undefined {
    return this.#entries.get(path)?.cache.length;
  }

  syncFolder(folder: string): Promise<void> {
    const changes = this.#entryChanges.filter((change) => change.folder === folder);
    return this.#later(() => {
      this.#call('syncFolder', folder);
      for (const change of changes) change.apply(this.#durableEntries);
      this.#entryChanges = this.#entryChanges.filter((change) => !changes.includes(change));
    });
  }

  space(): DiskSpace {
    const octets = this.#options.capacity ?? 2 ** 40;
    return { octets, octetsFree: octets - this.#used(), inodes: 1_000_000, inodesFree: 900_000 };
  }

  #file(path: string, inode: Inode): DiskFile {
    const life = this.#life;
    const alive = (): void => {
      if (life !== this.#life) throw errorWith('EDEAD', path);
    };
    const write = (buffers: readonly Uint8Array[], position: number): number => {
      alive();
      return this.#write(path, inode, buffers, position);
    };
    const read = (into: Uint8Array, position: number): number => {
      alive();
      const octets = inode.cache.bytes.subarray(position, Math.min(position + into.length, inode.cache.length));
      into.set(octets);
      return octets.length;
    };
    return {
      path,
      writevSync: write,
      writev: (buffers, position) => this.#later(() => write(buffers, position)),
      fdatasync: () => {
        const before = [...inode.unsynced];
        return this.#later(() => {
          this.#fdatasync(path, inode, before);
        });
      },
      truncateSync: (length) => {
        alive();
        this.#call('truncate', path);
        this.#change(inode, { kind: 'truncate', length });
      },
      read: (into, position) => Promise.resolve().then(() => read(into, position)),
      readSync: read,
      size: () => inode.cache.length,
      close: () => {},
    };
  }

  #write(path: string, inode: Inode, buffers: readonly Uint8Array[], position: number): number {
    const fault = this.#call('write', path, ['short']);
    const octets = Uint8Array.from(Buffer.concat(buffers));
    const grows = Math.max(position + octets.length - inode.cache.length, 0);
    const room = Math.max((this.#options.capacity ?? Infinity) - this.#used(), 0);
    const wanted = fault === 'short' ? Math.floor(octets.length * this.#options.random.next()) : octets.length;
    const length = Math.min(wanted, octets.length - Math.max(grows - room, 0));
    if (length <= 0 && octets.length > 0) throw errorWith('ENOSPC', path);
    this.#change(inode, { kind: 'write', position, octets: octets.subarray(0, length) });
    return length;
  }

  /** What was written before the call is durable. After a failure the kernel forgets what it could not write. */
  #fdatasync(path: string, inode: Inode, changes: readonly Change[]): void {
    try {
      this.#call('fdatasync', path);
    } catch (error) {
      this.#tear(inode, this.#options.random.next());
      throw error;
    }
    const mine = new Set(changes);
    for (const change of inode.unsynced) if (mine.has(change)) apply(inode.durable, change);
    inode.unsynced = inode.unsynced.filter((change) => !mine.has(change));
  }

  #change(inode: Inode, change: Change): void {
    apply(inode.cache, change);
    inode.unsynced.push(change);
  }

  /** Each unsynced sector reaches the platter with this chance; what does not is old, zero or rubbish. */
  #tear(inode: Inode, keep: number): void {
    const { durable, unsynced } = inode;
    const isRubbish = this.#chance(0.2);
    for (const change of unsynced) {
      if (change.kind === 'truncate') {
        if (this.#chance(keep)) durable.truncate(change.length);
        continue;
      }
      const end = change.position + change.octets.length;
      if (this.#chance(0.5) && keep > 0) durable.extend(end);
      for (let at = change.position; at < end; ) {
        const next = Math.min((Math.floor(at / SECTOR) + 1) * SECTOR, end);
        if (this.#chance(keep)) {
          durable.write(at, change.octets.subarray(at - change.position, next - change.position));
        } else if (isRubbish && at >= durable.length && keep > 0) {
          durable.write(at, this.#options.random.bytes(next - at));
        }
        at = next;
      }
    }
    inode.unsynced = [];
  }

  #later<T>(run: () => T): Promise<T> {
    const life = this.#life;
    return new Promise((resolve, reject) => {
      const complete = (): void => {
        if (life !== this.#life) return;
        try {
          resolve(run());
        } catch (error) {
          reject(error as Error);
        }
      };
      if (this.#options.completion === 'manual') this.#pending.push(complete);
      else setImmediate(complete);
    });
  }

  #call(name: DiskCall['name'], path: string, notThrown: readonly string[] = []): string | undefined {
    const fault = this.fault({ name, path, nth: this.#calls++ });
    if (fault === undefined || notThrown.includes(fault)) return fault;
    throw errorWith(fault === 'short' ? 'ENOSPC' : fault, path);
  }

  #inode(path: string): Inode {
    const inode = this.#entries.get(path);
    if (inode === undefined) throw errorWith('ENOENT', path);
    return inode;
  }

  #used(): number {
    let used = 0;
    for (const inode of new Set(this.#entries.values())) used += inode.cache.length;
    return used;
  }

  #chance(probability: number): boolean {
    return this.#options.random.next() < probability;
  }
}

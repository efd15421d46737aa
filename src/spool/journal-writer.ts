// The journal: every event, written the moment it is known and synced in groups. A written event survives kill -9, a
// synced one a power cut. Files stand as zeros ahead of the end, so that a full disk never stops an outcome: room is
// made a step early, at its end the ballast is given up, and only when that is used too the process ends itself.
import type { Clock } from '../base/clock.ts';
import { InvariantError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { type Die, type Disk, type DiskFile, codeOf, isFull, isScarce } from './disk.ts';
import { FIRST_BLOCK, type Position, SALT_OCTETS, encodeFileHead } from './file-head.ts';
import { JOURNAL, isJournalName, journalName } from './layout.ts';
import { type JournalKind, encodeJournalRecord } from './record.ts';
import { NEVER, SyncWatch } from './sync-watch.ts';

export interface JournalWriterOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly die: Die;
  /** The disk is full: give up the ballast and raise the alarm. False: there is nothing to give. */
  readonly onFull: () => boolean;
  /** A file this long is followed by another. */
  readonly fileOctets?: number;
  /** Zeros are written so many at a time, and so many stand ahead of the end. */
  readonly stepOctets?: number;
  /** A new file became the current one (the first included): time for a snapshot. Called within `write` or `start`. */
  readonly onFile?: (name: string) => void;
  /** One group was synced: events, octets, ms. */
  readonly onSync?: (count: number, octets: number, ms: number) => void;
}

/** The journal of earlier lives past a position, written anew into this life's first file, which supersedes it. */
export interface Continuation {
  readonly previous: Position;
  readonly copy: AsyncIterable<{ readonly kind: JournalKind; readonly value: unknown }>;
}

interface OpenJournal {
  readonly name: string;
  readonly file: DiskFile;
  readonly salt: Uint8Array;
  /** Where the next record goes. */
  end: number;
  /** Zeros stand up to here. */
  ready: number;
  /** Everything before it is durable. */
  syncedTo: number;
  /** The folder's entry is durable. */
  entered: boolean;
}

const FILE_OCTETS = 16 * 1024 * 1024;
/** Of a file that does not count yet. */
const UNFINISHED = '.new';
const STEP_OCTETS = 1024 * 1024;

export class JournalWriter {
  readonly #options: JournalWriterOptions;
  readonly #watch: SyncWatch;
  readonly #fileOctets: number;
  readonly #zeros: Buffer;
  #current: OpenJournal | undefined;
  /** Ended files whose last records are not synced yet, oldest first. */
  #ended: OpenJournal[] = [];
  #written = 0;
  #synced = 0;
  #waiting: (() => void)[] = [];
  #syncing = false;
  /** Where to try the next file: later than its end after a try that found no room. */
  #rollAt = Infinity;
  #closed = false;

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#watch = new SyncWatch(options.clock, options.die);
    this.#fileOctets = options.fileOctets ?? FILE_OCTETS;
    this.#zeros = Buffer.alloc(options.stepOctets ?? STEP_OCTETS);
  }

  /**
   * Begins this life's first file. It gets its name once it is durable with all that is copied into it, so whoever is
   * interrupted here has changed nothing. Rejects (`code` ENOSPC) when the disk has no room even without the ballast.
   */
  async start(continuation?: Continuation): Promise<void> {
    const { disk, onFull } = this.#options;
    for (const name of disk.list(JOURNAL)) {
      if (name.endsWith(UNFINISHED)) await disk.unlink(`${JOURNAL}/${name}`);
    }
    while (!this.#begin(UNFINISHED, continuation?.previous)) {
      if (this.#watch.dead) return NEVER;
      if (!onFull()) throw Object.assign(new Error('no room for a journal file'), { code: 'ENOSPC' });
    }
    const journal = this.#open();
    if (continuation !== undefined) {
      for await (const { kind, value } of continuation.copy) this.write([value], kind);
    }
    await this.#sync();
    await this.#watch.run(journal.name, () => disk.rename(journal.file.path, `${JOURNAL}/${journal.name}`));
    await this.#watch.run(JOURNAL, () => disk.syncFolder(JOURNAL));
    this.#rollAt = this.#fileOctets;
    this.#options.onFile?.(journal.name);
  }

  /** Where the next record will go. */
  get position(): Position {
    const { name, end } = this.#open();
    return { file: name, offset: end };
  }

  /** Events written and not yet synced. */
  get unsynced(): number {
    return this.#written - this.#synced;
  }

  syncAgeMs(): number {
    return this.#watch.ageMs();
  }

  /** Writes all by one call, in order, into one file; returns the position after the last. Never waits. */
  write(values: readonly unknown[], kind: JournalKind = 'event'): Position {
    if (this.#closed) throw new InvariantError('journal write after close');
    if (this.#watch.dead || values.length === 0) return this.position;
    if (this.#open().end >= this.#rollAt) this.#roll();
    const journal = this.#open();
    const records: Buffer[] = [];
    let octets = 0;
    for (const value of values) {
      const record = encodeJournalRecord(kind, value, journal.salt, journal.end + octets, journal.syncedTo);
      records.push(record);
      octets += record.length;
    }
    this.#makeReady(journal, octets);
    if (this.#writeAll(journal, records, journal.end, octets)) {
      journal.end += octets;
      this.#written += values.length;
    }
    return this.position;
  }

  /** Resolves when everything written so far is synced. One sync is in flight; who comes meanwhile shares the next. */
  durable(): Promise<void> {
    if (this.#watch.dead) return NEVER;
    if (this.unsynced === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#syncing) void this.#syncAll();
    });
  }

  /** Syncs what is written. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.durable();
    this.#closed = true;
    this.#current?.file.close();
  }

  #open(): OpenJournal {
    if (this.#current === undefined) throw new InvariantError('journal not started');
    return this.#current;
  }

  async #syncAll(): Promise<void> {
    this.#syncing = true;
    while (this.#waiting.length > 0) {
      const answered = this.#waiting;
      this.#waiting = [];
      await this.#sync();
      for (const resolve of answered) resolve();
    }
    this.#syncing = false;
  }

  async #sync(): Promise<void> {
    const written = this.#written;
    const before = this.#synced;
    let octets = 0;
    let ms = 0;
    for (const journal of [...this.#ended, this.#open()]) {
      const { end } = journal;
      ms += await this.#watch.run(journal.file.path, () => journal.file.fdatasync());
      if (!journal.entered) await this.#watch.run(JOURNAL, () => this.#options.disk.syncFolder(JOURNAL));
      journal.entered = true;
      octets += end - journal.syncedTo;
      journal.syncedTo = end;
    }
    const done = this.#ended.filter((journal) => journal.syncedTo === journal.end);
    this.#ended = this.#ended.filter((journal) => journal.syncedTo < journal.end);
    for (const { file } of done) file.close();
    this.#synced = written;
    this.#options.onSync?.(written - before, octets, ms);
  }

  /** The next file, or more of this one while there is no room for another. */
  #roll(): void {
    const ended = this.#open();
    if (this.#begin('') || (this.#options.onFull() && this.#begin(''))) {
      this.#rollAt = this.#fileOctets;
      this.#ended.push(ended);
      this.#options.onFile?.(this.#open().name);
    } else {
      this.#rollAt = ended.end + this.#zeros.length;
    }
  }

  /** False: no room, or no descriptor. */
  #begin(suffix: string, previous?: Position): boolean {
    const { disk, clock, random } = this.#options;
    const last = disk.list(JOURNAL).filter(isJournalName).at(-1);
    const createdAt = clock.now();
    const salt = random.bytes(SALT_OCTETS);
    const name = journalName(createdAt, random, last);
    const head = encodeFileHead({ kind: 'journal', createdAt, salt, ...(previous && { previous }) });
    let file: DiskFile;
    try {
      file = disk.openNew(`${JOURNAL}/${name}${suffix}`);
    } catch (error) {
      if (!isScarce(error)) void this.#watch.fail(`opening a new journal file: ${codeOf(error)}`);
      return false;
    }
    const ready = FIRST_BLOCK + this.#zeros.length;
    if (!this.#tryWrite(file, [head, this.#zeros], 0, ready)) {
      file.close();
      void disk.unlink(file.path).catch(() => {});
      return false;
    }
    this.#current = { name, file, salt, end: FIRST_BLOCK, ready, syncedTo: FIRST_BLOCK, entered: false };
    return true;
  }

  /** Zeros for these octets and a step beyond. The step may be missing for a while: it is there for that. */
  #makeReady(journal: OpenJournal, octets: number): void {
    const wanted = journal.end + octets + this.#zeros.length;
    while (journal.ready < wanted) {
      if (!this.#tryWrite(journal.file, [this.#zeros], journal.ready, this.#zeros.length)) {
        if (!this.#options.onFull()) return;
        continue;
      }
      journal.ready += this.#zeros.length;
    }
  }

  #writeAll(journal: OpenJournal, records: readonly Buffer[], position: number, octets: number): boolean {
    while (!this.#tryWrite(journal.file, records, position, octets)) {
      if (this.#watch.dead) return false;
      if (!this.#options.onFull()) {
        void this.#watch.fail('no room for the journal, and no ballast left');
        return false;
      }
    }
    return true;
  }

  #tryWrite(file: DiskFile, buffers: readonly Uint8Array[], position: number, octets: number): boolean {
    if (this.#watch.dead) return false;
    try {
      return file.writevSync(buffers, position) === octets;
    } catch (error) {
      if (!isFull(error)) void this.#watch.fail(`write to ${file.path}: ${codeOf(error)}`);
      return false;
    }
  }
}

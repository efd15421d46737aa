// Appends records to this writer's own segment files. Group commit: what came while a sync was in flight goes out in
// one write and one sync, and all of it is answered together. No promise resolves before its octets are durable; after
// a failed sync none settles at all. Every life and every roll begins a new file; no other file is ever written to.
import type { Clock } from '../base/clock.ts';
import { InvariantError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { Location, Message, MessageId } from '../flow/message.ts';
import { type MessageWriter, type OpenSegment, SpoolFull, type Staged } from '../flow/spool.ts';
import { type Die, type Disk, type DiskFile, codeOf, isFull, isScarce } from './disk.ts';
import { FIRST_BLOCK, SALT_OCTETS, encodeFileHead } from './file-head.ts';
import { SEGMENTS, segmentName } from './layout.ts';
import type { RecentRecords } from './recent-records.ts';
import { type Copied, type RecordKind, TRAILER_OCTETS, encodeHead, seal } from './record.ts';
import { StagedFile } from './staged-file.ts';
import { NEVER, SyncWatch } from './sync-watch.ts';

export interface SegmentWriterOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly die: Die;
  /** Name of the process in the file's name. */
  readonly writer: string;
  /** A record that would go past this begins a new file. */
  readonly segmentOctets: number;
  /** Octets of one write: bounds how long the event loop is held. */
  readonly batchOctetsMax?: number;
  /** Gets every record whose content came in memory, once it is durable. */
  readonly recent?: RecentRecords;
  /** One group was synced: records, octets, ms of its fdatasync. */
  readonly onSync?: (count: number, octets: number, ms: number) => void;
  /** Nothing will be appended to this file any more. Comes after whoever appended to it last was answered. */
  readonly onClosed?: (segment: string) => void;
  /** A new file is there and durable; its first record comes next. */
  readonly onOpened?: (segment: string) => void;
}

interface Waiting {
  readonly message: Message;
  readonly head: Buffer;
  readonly content: readonly Uint8Array[];
  readonly octets: number;
  readonly resolve: (location: Location) => void;
  readonly reject: (error: Error) => void;
}

interface Segment {
  readonly name: string;
  readonly file: DiskFile;
  readonly salt: Uint8Array;
  /** Where the next record goes: everything before it is whole and durable. */
  end: number;
  /** Zeros stand up to here, durable with the record that they came with. */
  ready: number;
}

const BATCH_OCTETS_MAX = 32 * 1024 * 1024;
/**
 * Zeros written behind a write of few octets: those after it make the file no longer, which saves their syncs the inode,
 * a second write of the disk. Octets that come by many are not worth writing twice.
 */
const ZEROS = Buffer.alloc(128 * 1024);
const FEW_OCTETS = ZEROS.length / 8;

export class SegmentWriter implements MessageWriter {
  readonly #options: SegmentWriterOptions;
  readonly #watch: SyncWatch;
  #segment: Segment | undefined;
  #waiting: Waiting[] = [];
  /** The commit loop while it runs. */
  #committing: Promise<void> | undefined;
  #closed = false;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
    this.#watch = new SyncWatch(options.clock, options.die);
  }

  /** The file now written to, and how far it is durable; undefined before the first record. */
  get open(): OpenSegment | undefined {
    return this.#segment && { segment: this.#segment.name, durable: this.#segment.end };
  }

  append(message: Message, content: readonly Uint8Array[] | Staged): Promise<Location> {
    if (!(content instanceof StagedFile)) return this.put('accept', message, content as readonly Uint8Array[]);
    return this.#appendStaged(message, content);
  }

  /**
   * As `append`, for copies too. 'own-file': the content stands in `large/<id>` already and is durable there.
   * `content` is not changed by the caller before the promise settles.
   */
  put(
    kind: RecordKind,
    message: Message,
    content: readonly Uint8Array[] | 'own-file',
    copied?: Copied,
  ): Promise<Location> {
    if (this.#watch.dead) return NEVER;
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new InvariantError('append after close');
      const parts = content === 'own-file' ? [] : content;
      let contentOctets = 0;
      for (const part of parts) contentOctets += part.length;
      if (content !== 'own-file' && contentOctets !== message.size) {
        throw new InvariantError(`content of ${contentOctets} octets, size ${message.size}`);
      }
      const head = encodeHead(kind, message, contentOctets, content === 'own-file', copied);
      const octets = head.length + contentOctets + TRAILER_OCTETS;
      this.#waiting.push({ message, head, content: parts, octets, resolve, reject });
      this.#commitSoon();
    });
  }

  async stage(id: MessageId): Promise<Staged> {
    if (this.#watch.dead) return NEVER;
    return StagedFile.create(id, this.#options.disk, this.#watch) ?? NEVER;
  }

  syncAgeMs(): number {
    return this.#watch.ageMs();
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#committing !== undefined) await this.#committing;
    this.#leave();
    if (this.#watch.dead) return NEVER;
  }

  async #appendStaged(message: Message, staged: StagedFile): Promise<Location> {
    if (staged.id !== message.id) throw new InvariantError('staged content of another message');
    await staged.seal();
    if (staged.octets !== message.size) throw new InvariantError(`content of ${staged.octets}, size ${message.size}`);
    try {
      return await this.put('accept', message, 'own-file');
    } catch (error) {
      await staged.unseal();
      throw error;
    }
  }

  /** After the sockets of this turn of the event loop were read: their messages share the first sync. */
  #commitSoon(): void {
    if (this.#committing !== undefined) return;
    this.#committing = endOfTurn()
      .then(() => this.#commit())
      .catch((error: unknown) => this.#watch.fail(`a fault of our own: ${String(error)}`));
  }

  async #commit(): Promise<void> {
    while (this.#waiting.length > 0) {
      const segment = await this.#room(this.#waiting[0]!.octets);
      if (segment === undefined) continue;
      const batch = this.#take(segment);
      const octets = this.#write(segment, batch);
      if (octets === undefined) {
        await this.#cutBack(segment, batch);
        continue;
      }
      const ms = await this.#watch.run(segment.file.path, () => segment.file.fdatasync());
      let offset = segment.end;
      segment.end += octets;
      const { recent } = this.#options;
      for (const { message, content, octets: length, resolve } of batch) {
        const location = { segment: segment.name, offset, length };
        if (content.length > 0) recent?.put(location, message, content);
        resolve(location);
        offset += length;
      }
      this.#options.onSync?.(batch.length, octets, ms);
      // The others that were read in this turn come along: a sync costs as much as all else that is done for a message.
      if (this.#waiting.length > 0) await endOfTurn();
    }
    // In the same step as the check above: who is answered now may append before another microtask of ours runs.
    this.#committing = undefined;
  }

  /** What fits into one write and into this file; never nothing. */
  #take(segment: Segment): readonly Waiting[] {
    const room = Math.min(this.#options.segmentOctets - segment.end, this.#options.batchOctetsMax ?? BATCH_OCTETS_MAX);
    let octets = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      octets += waiting.octets;
      if (count > 0 && octets > room) break;
      count++;
    }
    const batch = count === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, count);
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count);
    return batch;
  }

  /** Octets written; undefined when the file system is full. */
  #write(segment: Segment, batch: readonly Waiting[]): number | undefined {
    const buffers: Uint8Array[] = [];
    let octets = 0;
    for (const { head, content, octets: length } of batch) {
      const trailer = seal(head, content, segment.salt, segment.end + octets, segment.end);
      buffers.push(head, ...content, trailer);
      octets += length;
    }
    const { file, end } = segment;
    const zeros = this.#zerosBehind(segment, octets);
    if (zeros.length > 0 && this.#writeAll(file, [...buffers, zeros], end, octets + zeros.length)) {
      segment.ready = end + octets + zeros.length;
      return octets;
    }
    return this.#writeAll(file, buffers, end, octets) ? octets : undefined;
  }

  #zerosBehind({ end, ready }: Segment, octets: number): Uint8Array {
    const next = end + octets;
    if (next <= ready || octets > FEW_OCTETS) return ZEROS.subarray(0, 0);
    return ZEROS.subarray(0, Math.max(0, this.#options.segmentOctets - next));
  }

  #writeAll(file: DiskFile, buffers: readonly Uint8Array[], position: number, octets: number): boolean {
    try {
      return file.writevSync(buffers, position) === octets;
    } catch (error) {
      if (isFull(error)) return false;
      void this.#watch.fail(`write to ${file.path}: ${codeOf(error)}`);
      throw error;
    }
  }

  /** Durably, so that what is refused now cannot be there after a power cut. */
  async #cutBack(segment: Segment, refused: readonly Waiting[]): Promise<void> {
    this.#truncate(segment);
    await this.#watch.run(segment.file.path, () => segment.file.fdatasync());
    refuse(refused);
  }

  #truncate(segment: Segment): void {
    try {
      segment.file.truncateSync(segment.end);
      segment.ready = segment.end;
    } catch (error) {
      void this.#watch.fail(`truncation of ${segment.file.path}: ${codeOf(error)}`);
    }
  }

  /** The segment that takes a record of `octets`; undefined when no new one can be made (all that wait are refused). */
  async #room(octets: number): Promise<Segment | undefined> {
    const open = this.#segment;
    if (open !== undefined) {
      if (open.end === FIRST_BLOCK || open.end + octets <= this.#options.segmentOctets) return open;
      this.#leave();
      if (this.#watch.dead) return NEVER;
    }
    this.#segment = await this.#begin();
    if (this.#segment === undefined) refuse(this.#waiting.splice(0));
    return this.#segment;
  }

  #leave(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#segment = undefined;
    // Not synced: zeros at the end of a file that nobody writes to are nothing to a reader.
    if (!this.#watch.dead) this.#truncate(segment);
    segment.file.close();
    const { onClosed } = this.#options;
    if (onClosed !== undefined) setImmediate(() => onClosed(segment.name));
  }

  async #begin(): Promise<Segment | undefined> {
    const { disk, clock, random, writer } = this.#options;
    const createdAt = clock.now();
    const name = segmentName(createdAt, random, writer);
    const salt = random.bytes(SALT_OCTETS);
    let file: DiskFile;
    try {
      file = disk.openNew(`${SEGMENTS}/${name}`);
    } catch (error) {
      if (isScarce(error)) return undefined;
      return this.#watch.fail(`opening a new segment: ${codeOf(error)}`);
    }
    if (!this.#writeAll(file, [encodeFileHead({ kind: 'segment', createdAt, salt })], 0, FIRST_BLOCK)) {
      file.close();
      await disk.unlink(file.path).catch(() => {});
      return undefined;
    }
    await this.#watch.run(file.path, () => file.fdatasync());
    await this.#watch.run(SEGMENTS, () => disk.syncFolder(SEGMENTS));
    this.#options.onOpened?.(name);
    return { name, file, salt, end: FIRST_BLOCK, ready: FIRST_BLOCK };
  }
}

function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function refuse(waiting: readonly Waiting[]): void {
  for (const { reject } of waiting) reject(new SpoolFull('no room for the record'));
}

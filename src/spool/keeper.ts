// Keeps the spool small: unlinks finished segments in which nothing lives, copies what lives out of those in which
// little does, drops journal files nobody needs. In steps on the clock's timers, each await short: it is all file
// reads and group syncs, so a thread would only add a second owner of the index.
import type { Timer } from '../base/clock.ts';
import { timeOfId } from '../flow/message-id.ts';
import type { MessageId } from '../flow/message.ts';
import { SpoolFull } from '../flow/spool.ts';
import type { Checkpointer } from './checkpointer.ts';
import { CopyForward } from './copy-forward.ts';
import { codeOf } from './disk.ts';
import { listJournal } from './journal-reader.ts';
import type { JournalWriter } from './journal-writer.ts';
import { JOURNAL, SEGMENTS } from './layout.ts';
import type { Copied } from './record.ts';
import type { Snapshot } from './replay.ts';
import { scanSegment } from './segment-scan.ts';
import type { Segment } from './segment-table.ts';
import type { SpoolParts } from './spool-parts.ts';

export interface KeeperLimits {
  readonly everyMs: number;
  /** Octets copied forward per second. */
  readonly octetsPerS: number;
  /** Journal files older than this may go. */
  readonly historyMs: number;
}

/** A segment is copied out of when less than this part of it lives. */
const LIVE_PART_MIN = 0.25;
/** Octets copied between two pauses. */
const STRIDE_OCTETS = 1024 * 1024;
const SNAPSHOT_STATES = 500;
/** Of a part, about: a record holds 8 MiB at most, and a write must not hold the others up. */
const SNAPSHOT_OCTETS = 256 * 1024;
/** The journal's files are looked through so often. */
const JOURNAL_EVERY_MS = 60 * 60 * 1000;

export class Keeper {
  readonly #parts: SpoolParts;
  readonly #journal: JournalWriter;
  readonly #checkpointer: Checkpointer;
  readonly #limits: KeeperLimits;
  #timer: Timer | undefined;
  #isSoon = false;
  #wake: (() => void) | undefined;
  #stepping: Promise<void> | undefined;
  #isStopped = false;
  #journalLookedAt = -Infinity;
  /** Name of the journal file that holds a whole snapshot of the state, the youngest one. */
  #snapshotIn: string | undefined;
  /** A live record of theirs cannot be read: left for whoever delivers it, who tells. */
  readonly #stuck = new Set<string>();

  constructor(parts: SpoolParts, journal: JournalWriter, checkpointer: Checkpointer, limits: KeeperLimits) {
    this.#parts = parts;
    this.#journal = journal;
    this.#checkpointer = checkpointer;
    this.#limits = limits;
  }

  /** Something changed: a round follows soon. Without changes one an hour looks after the journal. */
  touch(): void {
    if (this.#isStopped || (this.#isSoon && this.#timer !== undefined)) return;
    this.#set(this.#limits.everyMs);
    this.#isSoon = true;
  }

  #set(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#isSoon = false;
      void this.step().finally(() => {
        if (!this.#isStopped && this.#timer === undefined) this.#set(JOURNAL_EVERY_MS);
      });
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#wake?.();
    await this.#stepping;
  }

  /** One round. Never rejects. */
  step(): Promise<void> {
    this.#stepping ??= this.#step()
      .catch((error: unknown) => this.#parts.log.warn({ error: String(error) }, 'the spool could not be tidied'))
      .finally(() => (this.#stepping = undefined));
    return this.#stepping;
  }

  async #step(): Promise<void> {
    await this.#unlinkDead();
    const sparse = this.#findSparse();
    if (sparse !== undefined) await this.#copyOut(sparse);
    const now = this.#parts.clock.monotonic();
    if (this.#isStopped || now - this.#journalLookedAt < JOURNAL_EVERY_MS) return;
    this.#journalLookedAt = now;
    await this.#dropJournal();
  }

  // ── segments ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #unlinkDead(): Promise<void> {
    const { disk, overlay, reserve } = this.#parts;
    const dead = overlay.segments.all().filter((segment) => this.#isDead(segment));
    if (dead.length === 0) return;
    // A start must find why its messages are over.
    await this.#journal.durable();
    const gone: string[] = [];
    for (const segment of dead) {
      if (!this.#isDead(segment)) continue;
      try {
        await disk.unlink(`${SEGMENTS}/${segment.name}`);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
      gone.push(segment.name);
    }
    // Before it is forgotten: a file that came back after a power cut, and that nobody knew, would be read anew.
    await disk.syncFolder(SEGMENTS);
    for (const name of gone) {
      overlay.segments.forget(name);
      this.#stuck.delete(name);
    }
    reserve.forget();
    this.#checkpointer.touch();
  }

  /**
   * After a checkpoint that says so. At the reserve, where no checkpoint is made, also without: what settled is in the
   * journal, which a start replays; only rows that were moved are lost without a checkpoint.
   */
  #isDead(segment: Segment): boolean {
    const { overlay, reserve, disk } = this.#parts;
    if (segment.isOpen || segment.live > 0 || segment.pins > 0) return false;
    const isCommitted = overlay.segments.isCommitted(segment.name);
    if (!isCommitted && (!reserve.isReached() || overlay.segments.isMovedFrom(segment.name))) return false;
    return segment.upTo >= (disk.findSize(`${SEGMENTS}/${segment.name}`) ?? 0);
  }

  #findSparse(): Segment | undefined {
    const { overlay, disk } = this.#parts;
    return overlay.segments.all().find((segment) => {
      if (segment.isOpen || segment.live === 0 || this.#stuck.has(segment.name)) return false;
      const size = disk.findSize(`${SEGMENTS}/${segment.name}`) ?? 0;
      if (segment.liveOctets >= size * LIVE_PART_MIN || segment.upTo < size) return false;
      return disk.space().octetsFree > 2 * segment.liveOctets;
    });
  }

  /** Copies synced, then the rows moved in one checkpoint; the file goes in a later round, when nobody reads it. */
  async #copyOut({ name }: Segment): Promise<void> {
    const { overlay, disk, log } = this.#parts;
    const forward = new CopyForward(this.#parts, ({ message, from, to }) => {
      overlay.segments.take(to);
      overlay.move(message.id, from, to);
    });
    let octets = 0;
    try {
      for await (const item of scanSegment(disk, name)) {
        if (this.#isStopped) break;
        if (item.item !== 'record' || !this.#livesAt(item.message.id, name, item.location.offset)) continue;
        const isRead = await forward.copy('copy', item.location, () => this.#copied(item.message.id));
        if (!isRead) this.#stuck.add(name);
        octets += item.location.length;
        if (octets < STRIDE_OCTETS) continue;
        await this.#pause((octets / this.#limits.octetsPerS) * 1000);
        octets = 0;
      }
      await forward.finish();
    } catch (error) {
      if (!(error instanceof SpoolFull)) throw error;
      log.warn({ segment: name }, 'no room to copy what lives out of a segment');
      return;
    }
    await this.#checkpointer.complete();
    // Now it is dead; and there may be another like it.
    this.touch();
  }

  #livesAt(id: MessageId, segment: string, offset: number): boolean {
    const location = this.#parts.overlay.live(id)?.location;
    return location?.segment === segment && location.offset === offset;
  }

  /**
   * undefined: it is over. Waits until the outcomes that it leaves out are durable: a rebuild after a power cut believes a
   * copy, which must not know of outcomes that the journal lost.
   */
  async #copied(id: MessageId): Promise<Copied | undefined> {
    const { overlay, clock } = this.#parts;
    const queued = overlay.message(id);
    if (queued === undefined) return undefined;
    const waiting = queued.waiting.map(({ index, dueAt, attempts, lastReply }) => {
      const state = { index, dueAt, attempts };
      return lastReply === undefined ? state : { ...state, lastReply };
    });
    const copied = { waiting, at: clock.now(), journal: this.#journal.position };
    await this.#journal.durable();
    return copied;
  }

  #pause(ms: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  // ── journal ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async #dropJournal(): Promise<void> {
    const { disk, clock } = this.#parts;
    const files = await listJournal(disk);
    const old: string[] = [];
    const firstSegmentAt = this.#firstSegmentAt();
    for (const [at, file] of files.entries()) {
      const closedAt = files[at + 1]?.head?.createdAt;
      const isOld = closedAt !== undefined && closedAt + this.#limits.historyMs <= clock.now();
      if (!isOld || closedAt >= firstSegmentAt || file.name >= this.#checkpointer.mark.file) break;
      old.push(file.name);
    }
    const youngest = old.at(-1);
    if (youngest === undefined) return;
    const isCovered = this.#snapshotIn !== undefined && this.#snapshotIn > youngest;
    if (!isCovered && !(await this.#writeSnapshot())) return;
    for (const name of old) await disk.unlink(`${JOURNAL}/${name}`);
    await disk.syncFolder(JOURNAL);
  }

  #firstSegmentAt(): number {
    const created = this.#parts.overlay.segments.all().map(({ name }) => createdAt(name));
    return Math.min(Infinity, ...created);
  }

  /** Each part is true when it is written; events between parts stand between them. False: stopped before its end. */
  async #writeSnapshot(): Promise<boolean> {
    const begunIn = this.#journal.position.file;
    const { states } = this.#parts.overlay;
    let part: [string, unknown][] = [];
    let octets = 0;
    for (const key of states.keys()) {
      const value = states.get(key);
      if (value === undefined) continue;
      part.push([key, value]);
      octets += typeof value === 'string' ? value.length : 0;
      if (part.length < SNAPSHOT_STATES && octets < SNAPSHOT_OCTETS) continue;
      this.#write({ states: part, isEnd: false });
      part = [];
      octets = 0;
      await this.#pause(1);
      if (this.#isStopped) return false;
    }
    this.#write({ states: part, isEnd: false });
    this.#write({ states: [], isEnd: true });
    await this.#journal.durable();
    this.#snapshotIn = begunIn;
    return true;
  }

  #write(snapshot: Snapshot): void {
    this.#journal.write([snapshot], 'snapshot');
  }
}

/** `s-<20 characters of an id>-…`: they begin with the time. */
function createdAt(segment: string): number {
  const stamp = segment.slice(2, 22);
  return timeOfId(`${stamp}${'0'.repeat(26 - stamp.length)}` as MessageId);
}

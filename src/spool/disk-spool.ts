// The spool on disk, as the scheduler sees it: the only writer of journal and index. What is recorded goes to the
// journal by one write and to memory; the index follows in checkpoints. Life: opened → started → closed.
import type { Timer } from '../base/clock.ts';
import { InvariantError } from '../base/errors.ts';
import type { AlarmEvent, JournalEvent, OutcomeEvent, StateEvent } from '../flow/event.ts';
import type { Accepted, Location, MessageId } from '../flow/message.ts';
import type { ClaimRecord, Due, OpenSegment, QueuedMessage, QueueName, QueueSummary, Spool } from '../flow/spool.ts';
import { adopt } from './adopt.ts';

import { Checkpointer } from './checkpointer.ts';
import { FIRST_BLOCK } from './file-head.ts';
import { checkFormats, checkIndexFormat } from './formats.ts';
import { findChanges, findOutcomes } from './journal-reader.ts';
import { JournalWriter } from './journal-writer.ts';
import { Keeper } from './keeper.ts';
import { LARGE, makeFolders, SEGMENTS } from './layout.ts';
import type { Overlay } from './overlay.ts';
import { RECOVERY_RULES, recover } from './recovery.ts';
import { applyEvent, keyEventOf } from './replay.ts';
import { type DiskSpoolDeps, type DiskSpoolOptions, makeParts, type SpoolParts } from './spool-parts.ts';

export type { DiskSpoolDeps, DiskSpoolOptions };

/** What the tests of the spool use beyond the port. */
export interface DiskSpool extends Spool {
  /** One round of the keeper. */
  keep(): Promise<void>;
}

const CHECKPOINT_MS = 500;
const CHECKPOINT_REST_MS = 5000;
const CHECKPOINT_CHANGES = 20_000;
/** So many times the changes of a checkpoint may wait for the index before no more mail is taken. */
const BACKLOG_CHECKPOINTS = 4;
const KEEPER_MS = 1000;
const KEEPER_OCTETS_PER_S = 16 * 1024 * 1024;
/** What nobody asked to be synced is synced after this. */
const SYNC_MS = 100;

export function openDiskSpool(options: DiskSpoolOptions, deps: DiskSpoolDeps): DiskSpool {
  return new OnDisk(options, deps);
}

class OnDisk implements DiskSpool {
  readonly #options: DiskSpoolOptions;
  readonly #deps: DiskSpoolDeps;
  readonly #changesMax: number;
  readonly #parts: SpoolParts;
  readonly #overlay: Overlay;
  readonly #journal: JournalWriter;
  #checkpointer: Checkpointer | undefined;
  #keeper: Keeper | undefined;
  #mode: 'opened' | 'started' | 'closed' = 'opened';
  /** There when this was made, with records. */
  readonly #segmentsBefore: readonly string[];
  /** Raised before there was a journal. */
  #alarmsBefore: AlarmEvent[] = [];
  #outcomes = 0;
  #outcomesSynced = 0;
  #syncTimer: Timer | undefined;

  constructor(options: DiskSpoolOptions, deps: DiskSpoolDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#changesMax = options.checkpointChanges ?? CHECKPOINT_CHANGES;
    this.#parts = makeParts(options, deps, (word, text) => this.#alarm(word, text));
    const { disk, clock, random, die, overlay } = this.#parts;
    this.#overlay = overlay;
    // One without a record may be about to get its first.
    const hasRecord = (name: string): boolean => (disk.findSize(`${SEGMENTS}/${name}`) ?? 0) > FIRST_BLOCK;
    this.#segmentsBefore = disk.list(SEGMENTS).filter(hasRecord);
    this.#journal = new JournalWriter({
      disk,
      clock,
      random,
      die,
      onFull: () => this.#giveBallast(),
      ...(options.journalFileOctets !== undefined && { fileOctets: options.journalFileOctets }),
      ...(options.journalStepOctets !== undefined && { stepOctets: options.journalStepOctets }),
      ...(deps.onJournalSync !== undefined && { onSync: deps.onJournalSync }),
    });
  }

  async start(open?: readonly OpenSegment[]): Promise<void> {
    if (this.#mode !== 'opened') throw new InvariantError(`the spool is ${this.#mode}`);
    const { disk, store, clock, reserve } = this.#parts;
    const began = clock.monotonic();
    await checkFormats(disk);
    await store.open();
    checkIndexFormat(store);
    await makeFolders(disk);
    const hello = { open, before: this.#segmentsBefore };
    await recover(this.#parts, this.#journal, hello, this.#deps.rules ?? RECOVERY_RULES);
    this.#mode = 'started';
    for (const alarm of this.#alarmsBefore.splice(0)) this.#write(alarm);
    const { checkpointMs: everyMs = CHECKPOINT_MS } = this.#options;
    const limits = { everyMs, restMs: Math.max(everyMs, CHECKPOINT_REST_MS), changes: this.#changesMax };
    this.#checkpointer = new Checkpointer(this.#parts, this.#journal, limits, ({ ownFilesEnded }) => {
      this.#removeOwnFiles(ownFilesEnded);
      this.#keeper?.touch();
    });
    // Nothing is granted before what was read past the marks is known for good.
    await this.#checkpointer.complete();
    this.#keeper = new Keeper(this.#parts, this.#journal, this.#checkpointer, {
      everyMs: this.#options.keeperMs ?? KEEPER_MS,
      octetsPerS: this.#options.keeperOctetsPerS ?? KEEPER_OCTETS_PER_S,
      historyMs: this.#options.historyMs,
    });
    this.#keeper.touch();
    void this.#fillBallast();
    const ms = clock.monotonic() - began;
    this.#deps.log.info({ ...this.counts, ms, atReserve: reserve.isReached() }, 'the spool is open');
  }

  async #fillBallast(): Promise<void> {
    const { ballast, reserve, disk, log } = this.#parts;
    await ballast
      .fill(() => this.#mode === 'started' && disk.space().octetsFree > reserve.sizes.reserveOctets)
      .catch((error: unknown) => log.warn({ error: String(error) }, 'the ballast file could not be filled'));
    reserve.forget();
  }

  #giveBallast(): boolean {
    const { ballast, reserve } = this.#parts;
    if (!ballast.give()) return false;
    reserve.forget();
    // Not now: the journal is in the middle of a write.
    queueMicrotask(() => this.#alarm('disk-full', 'the disk is full: the ballast file was given up for the journal'));
    return true;
  }

  #alarm(alarm: string, text: string): void {
    const event: AlarmEvent = { type: 'alarm', at: this.#deps.clock.now(), alarm, text };
    if (this.#mode === 'opened') this.#alarmsBefore.push(event);
    else this.#write(event);
    this.#deps.log.error({ alarm, text }, 'alarm');
    this.#deps.onAlarm?.(event);
  }

  #write(event: JournalEvent): void {
    this.#journal.write([event]);
    applyEvent(this.#overlay, event);
    this.#changed();
  }

  #changed(): void {
    this.#checkpointer?.touch();
    // At the reserve no checkpoint calls it.
    if (this.#parts.reserve.isReached()) this.#keeper?.touch();
    this.#syncTimer ??= this.#deps.clock.after(SYNC_MS, () => {
      this.#syncTimer = undefined;
      void this.durable();
    });
  }

  // ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  accept(accepted: Accepted): void {
    const { location, message } = accepted;
    if (!this.#isThere(location.segment)) return;
    if (!this.#overlay.segments.take(location)) return;
    if (this.#overlay.live(message.id) !== undefined) return;
    this.#overlay.add(accepted);
    const key = keyEventOf(message);
    if (key !== undefined) this.#write(key);
    this.#checkpointer?.touch();
  }

  /** A segment that was read to its end, and is gone since all in it was over, may be told of late. */
  #isThere(segment: string): boolean {
    if (this.#overlay.segments.find(segment) !== undefined) return true;
    return this.#parts.disk.findSize(`${SEGMENTS}/${segment}`) !== undefined;
  }

  record(events: readonly JournalEvent[]): readonly boolean[] {
    const ended = events.length > 1 ? new Set<string>() : undefined;
    const written = events.map((event) => {
      if (event.type !== 'outcome') return true;
      if (!this.#overlay.waits(event.messageId, event.index)) return false;
      if (ended === undefined) return true;
      const name = `${event.messageId}/${event.index}`;
      if (ended.has(name)) return false;
      if (event.outcome !== 'deferred') ended.add(name);
      return true;
    });
    const kept = written.includes(false) ? events.filter((_, at) => written[at]) : events;
    this.#journal.write(kept);
    for (const event of kept) {
      applyEvent(this.#overlay, event);
      if (event.type === 'outcome') this.#outcomes++;
    }
    if (kept.length > 0) this.#changed();
    return written;
  }

  async durable(): Promise<void> {
    const outcomes = this.#outcomes;
    await this.#journal.durable();
    this.#outcomesSynced = Math.max(this.#outcomesSynced, outcomes);
  }

  get unsynced(): number {
    return this.#outcomes - this.#outcomesSynced;
  }

  // ── what waits ────────────────────────────────────────────────────────────────────────────────────────────────────

  due(queue: QueueName, limit: number, after?: Due): readonly Due[] {
    return this.#overlay.due(queue, limit, after);
  }

  queues(): Iterable<QueueSummary> {
    return this.#overlay.queues.summaries();
  }

  message(id: MessageId): QueuedMessage | undefined {
    return this.#overlay.message(id);
  }

  expired(at: number, limit: number): readonly MessageId[] {
    const due = this.#overlay.expiry.slice(limit);
    const end = due.findIndex((one) => one.dueAt > at);
    return (end < 0 ? due : due.slice(0, end)).map((one) => one.messageId);
  }

  nextExpiry(): number | undefined {
    return this.#overlay.expiry.first()?.dueAt;
  }

  ids(limit: number, after?: MessageId): readonly MessageId[] {
    return this.#overlay.ids(limit, after);
  }

  get counts(): { readonly deliveries: number; readonly messages: number } {
    return { deliveries: this.#overlay.queues.deliveries, messages: this.#overlay.segments.messages };
  }

  claim(user: string, key: string): ClaimRecord | undefined {
    return this.#overlay.states.claim(user, key, this.#deps.clock.now());
  }

  state(key: string): unknown {
    return this.#overlay.states.get(key);
  }

  states(prefix: string): readonly { readonly key: string; readonly value: unknown }[] {
    return this.#overlay.states.list(prefix);
  }

  alarms(): readonly AlarmEvent[] {
    return this.#overlay.states.alarms(this.#deps.clock.now());
  }

  history(id: MessageId, limit: number): Promise<readonly OutcomeEvent[]> {
    return findOutcomes(this.#parts.disk, id, limit);
  }

  changes(name: string, limit: number): Promise<readonly StateEvent[]> {
    return findChanges(this.#parts.disk, name, limit);
  }

  // ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  async adopt(left: string): Promise<readonly Accepted[]> {
    const found = await adopt(this.#parts, left, (accepted) => this.accept(accepted));
    this.#checkpointer?.touch();
    return found;
  }

  segmentClosed(segment: string): void {
    if (!this.#isThere(segment)) return;
    this.#overlay.segments.close(segment);
    this.#checkpointer?.touch();
  }

  get backlogged(): boolean {
    return this.#overlay.backlog >= BACKLOG_CHECKPOINTS * this.#changesMax;
  }

  atReserve(): boolean {
    return this.#parts.reserve.isReached();
  }

  async checkpoint(): Promise<void> {
    await this.#checkpointer?.complete();
  }

  async keep(): Promise<void> {
    await this.#keeper?.step();
  }

  pin({ segment }: Location): void {
    const found = this.#overlay.segments.find(segment);
    if (found !== undefined) found.pins++;
  }

  unpin({ segment }: Location): void {
    const found = this.#overlay.segments.find(segment);
    if (found === undefined || found.pins === 0) return;
    found.pins--;
    if (found.pins === 0 && found.live === 0) this.#keeper?.touch();
  }

  #removeOwnFiles(ids: readonly MessageId[]): void {
    const { disk, log } = this.#parts;
    for (const id of ids) {
      disk.unlink(`${LARGE}/${id}`).catch((error: unknown) => log.warn({ id, error: String(error) }, 'not removed'));
    }
  }

  async close(): Promise<void> {
    const wasStarted = this.#mode === 'started';
    if (this.#mode === 'closed') return;
    this.#syncTimer?.cancel();
    if (wasStarted) {
      await this.#keeper?.stop();
      await this.#checkpointer?.stop();
      await this.#checkpointer?.complete();
      await this.#journal.close();
      await this.#parts.writer.close();
    }
    this.#mode = 'closed';
    this.#syncTimer?.cancel();
    await this.#parts.reader.close();
    await this.#parts.store.close();
  }
}

// When checkpoints are made: at most every half second or at so many changes, more rarely while little happens, never two
// at once, none of its own accord while the disk is at its reserve. Nothing promised waits for one. A commit that fails for want of room is tried again
// with what it held; any other failure ends the process, which loses nothing by it.
import type { Timer } from '../base/clock.ts';
import { type Checkpoint, beginCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import type { Position } from './file-head.ts';
import type { JournalWriter } from './journal-writer.ts';
import type { SpoolParts } from './spool-parts.ts';

export interface CheckpointLimits {
  readonly everyMs: number;
  /** While little happens: each one rewrites a dozen pages of the index and syncs, whatever it holds. */
  readonly restMs: number;
  readonly changes: number;
}

/** An index that does not answer for so long, while the disk beside it does, is stuck. */
const COMMIT_MS_MAX = 30_000;
const PROBE = 'probe';
/** Calls of `touch` since the last one that are little: read from the journal in no time after a crash. */
const TOUCHES_FEW = 20;

export class Checkpointer {
  readonly #parts: SpoolParts;
  readonly #journal: JournalWriter;
  readonly #limits: CheckpointLimits;
  readonly #onCommitted: (checkpoint: Checkpoint) => void;
  #timer: Timer | undefined;
  /** Since the last one began. */
  #touches = 0;
  #running: Promise<boolean> | undefined;
  /** Begun, and its commit failed. */
  #unfinished: Checkpoint | undefined;
  #isStopped = false;
  /** The index contains the journal before this. */
  #mark: Position;

  constructor(
    parts: SpoolParts,
    journal: JournalWriter,
    limits: CheckpointLimits,
    onCommitted: (checkpoint: Checkpoint) => void,
  ) {
    this.#parts = parts;
    this.#journal = journal;
    this.#limits = limits;
    this.#onCommitted = onCommitted;
    this.#mark = journal.position;
  }

  get mark(): Position {
    return this.#mark;
  }

  /** Something changed. */
  touch(): void {
    if (this.#isStopped || this.#running !== undefined) return;
    this.#touches++;
    if (this.#parts.overlay.changes >= this.#limits.changes) {
      if (this.#unfinished === undefined && !this.#parts.reserve.isReached()) void this.#run();
    }
    if (this.#timer === undefined) this.#arm(this.#limits.restMs);
    else if (this.#touches === TOUCHES_FEW) this.#arm(this.#limits.everyMs);
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(delayMs, () => {
      this.#timer = undefined;
      if (this.#running === undefined && !this.#isStopped) {
        if (this.#parts.reserve.isReached()) this.touch();
        else void this.#run();
      }
    });
  }

  /** Resolves when the index is complete up to now. False: it had no room. */
  async complete(): Promise<boolean> {
    while (this.#running !== undefined) await this.#running;
    if (this.#unfinished !== undefined && !(await this.#run())) return false;
    return this.#run();
  }

  /** No more of its own accord. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    while (this.#running !== undefined) await this.#running;
  }

  #run(): Promise<boolean> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#touches = 0;
    this.#running = this.#checkpoint().finally(() => {
      this.#running = undefined;
      if (this.#parts.overlay.changes > 0) this.touch();
    });
    return this.#running;
  }

  async #checkpoint(): Promise<boolean> {
    const { overlay, store, clock } = this.#parts;
    const position = this.#unfinished?.marks?.journal ?? this.#journal.position;
    const checkpoint = this.#unfinished ?? beginCheckpoint(overlay, position);
    this.#unfinished = checkpoint;
    // After a power cut the index must not know outcomes that the journal lost.
    await this.#journal.durable();
    try {
      const batch = await encodeCheckpoint(overlay, checkpoint, clock.now());
      await this.#watched(store.commit(batch));
    } catch (error) {
      return this.#failed(error);
    }
    this.#unfinished = undefined;
    overlay.end();
    this.#mark = position;
    this.#onCommitted(checkpoint);
    return true;
  }

  #failed(error: unknown): boolean {
    const { reserve, log, die } = this.#parts;
    reserve.forget();
    if (reserve.isReached()) {
      log.warn({ error: String(error) }, 'no room for the index: it is completed when there is');
      return false;
    }
    die(`the index failed: ${String(error)}`);
    return false;
  }

  async #watched(commit: Promise<void>): Promise<void> {
    let isSettled = false;
    const timer = this.#parts.clock.after(COMMIT_MS_MAX, () => {
      this.#probe().then(
        () => {
          if (!isSettled) this.#parts.die(`the index did not commit within ${COMMIT_MS_MAX / 1000} s`);
        },
        () => {},
      );
    });
    try {
      await commit;
    } finally {
      isSettled = true;
      timer.cancel();
    }
  }

  /** Resolves when the disk syncs. */
  async #probe(): Promise<void> {
    const { disk } = this.#parts;
    await disk.unlink(PROBE).catch(() => {});
    const file = disk.openNew(PROBE);
    try {
      await file.writev([Buffer.alloc(512)], 0);
      await file.fdatasync();
    } finally {
      file.close();
    }
    await disk.unlink(PROBE).catch(() => {});
  }
}

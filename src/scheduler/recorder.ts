// The scheduler's pen: what becomes known within one turn of the event loop is written by one `record`, syncs follow
// in groups behind it. Only what is written leaves the queue; only what is written is acknowledged.
import type { Clock, Timer } from '../base/clock.ts';
import { InvariantError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { JournalEvent, OutcomeEvent } from '../flow/event.ts';
import type { Message } from '../flow/message.ts';
import type { Spool } from '../flow/spool.ts';
import { signerOf } from '../mail/signing-table.ts';
import { Keyless } from './keyless.ts';

export interface RecorderDeps {
  readonly spool: Spool;
  readonly clock: Clock;
  readonly log: Log;
  /** A turn is wanted: `flush` will be called soon. */
  readonly request: () => void;
  /** What must stand in the journal ahead of these events: suppressions that their outcomes make. */
  readonly ahead?: ((events: readonly JournalEvent[]) => readonly JournalEvent[]) | undefined;
  /** Told each outcome once it is written. */
  readonly onOutcome?: ((event: OutcomeEvent) => void) | undefined;
}

/** An alarm is raised again only after so long: one line a day is read, a thousand are not. */
const ALARM_AGAIN_MS = 24 * 3_600_000;
/** A sync that takes longer raises an alarm; nothing is killed for it. */
const SLOW_SYNC_MS = 10_000;
/** Outcomes that nobody waits for gather for so long: each sync of theirs takes the disk from those that mail waits for. */
const GATHER_MS = 10;
/** Or until there are this many: granting goes on with up to twice as many unsynced (`unsyncedMin`). */
const GATHERED_MAX = 32;

export class Recorder {
  readonly #deps: RecorderDeps;
  #events: JournalEvent[] = [];
  #after: ((kept: readonly boolean[], from: number) => void)[] = [];
  #from: number[] = [];
  #waitForSync: (() => void)[] = [];
  #syncing = false;
  #syncSince = 0;
  #gathering: Timer | undefined;
  readonly #alarms = new Map<string, number>();
  readonly keyless = new Keyless();
  readonly counters: Record<string, number> = {
    accepted: 0,
    /** Of those: their From domain has no key. */
    signedByOperator: 0,
    /** Of those: no key at all. */
    unsigned: 0,
    delivered: 0,
    deferred: 0,
    failed: 0,
    expired: 0,
    cancelled: 0,
    unknown: 0,
    suppressed: 0,
    attempts: 0,
    connections: 0,
  };

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** Written in this turn; `after` runs once it is, told where its own events begin in `kept`. */
  add(events: readonly JournalEvent[], after?: (kept: readonly boolean[], from: number) => void): void {
    if (after !== undefined) {
      this.#after.push(after);
      this.#from.push(this.#events.length);
    }
    for (const event of events) this.#events.push(event);
    this.#deps.request();
  }

  /** Something is to be looked at at the end of the turn. */
  request(): void {
    this.#deps.request();
  }

  /** Written when this returns, after all that was added before. */
  write(events: readonly JournalEvent[]): readonly boolean[] {
    this.flush();
    return this.#record(events);
  }

  flush(): void {
    if (this.#events.length === 0 && this.#after.length === 0) return;
    const events = this.#events;
    const after = this.#after;
    const from = this.#from;
    this.#events = [];
    this.#after = [];
    this.#from = [];
    const kept = this.#record(events);
    for (let i = 0; i < after.length; i++) after[i]?.(kept, from[i] as number);
  }

  /** Runs once all that is written now is synced. */
  afterSync(run: () => void): void {
    this.#waitForSync.push(run);
    this.sync();
  }

  /** Asks for a sync of what is unsynced: now when somebody waits for it or it is much, else in a moment. */
  sync(): void {
    if (this.#syncing) return;
    const { unsynced } = this.#deps.spool;
    if (this.#waitForSync.length > 0 || unsynced >= GATHERED_MAX) this.#beginSync();
    else if (unsynced > 0) this.#gathering ??= this.#deps.clock.after(GATHER_MS, () => this.#beginSync());
  }

  #beginSync(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    this.#syncing = true;
    this.#syncSince = this.#deps.clock.monotonic();
    const waiting = this.#waitForSync;
    this.#waitForSync = [];
    this.#deps.spool.durable().then(
      () => {
        this.#syncing = false;
        for (const run of waiting) run();
        this.sync();
        this.#deps.request();
      },
      (error: unknown) => {
        throw new InvariantError('the journal could not be synced', { cause: error });
      },
    );
  }

  /** For whoever looks from time to time: raises the alarm of a slow disk. */
  watch(): void {
    if (!this.#syncing || this.#deps.clock.monotonic() - this.#syncSince < SLOW_SYNC_MS) return;
    this.alarm('slow-sync', 'the journal has not been synced for over 10 s; no attempt is granted meanwhile');
  }

  /** Once a day for each `about` (default: the alarm itself). */
  alarm(alarm: string, text: string, about = alarm): void {
    const now = this.#deps.clock.monotonic();
    const last = this.#alarms.get(about);
    if (last !== undefined && now - last < ALARM_AGAIN_MS) return;
    if (this.#alarms.size > 1000) this.#alarms.clear();
    this.#alarms.set(about, now);
    this.#deps.log.error({ alarm, text }, 'alarm');
    this.add([{ type: 'alarm', at: this.#deps.clock.now(), alarm, text }]);
  }

  /** A message, the first time it is heard of. */
  accepted(message: Message): void {
    this.count('accepted');
    const signer = message.origin === undefined ? signerOf(message.selectors, message.fromDomain) : 'own';
    if (signer === 'nobody') this.count('unsigned');
    if (signer === 'operator') {
      this.count('signedByOperator');
      this.keyless.saw(message);
    }
  }

  count(counter: string, by = 1): void {
    this.counters[counter] = (this.counters[counter] ?? 0) + by;
  }

  #record(events: readonly JournalEvent[]): readonly boolean[] {
    if (events.length === 0) return [];
    const ahead = this.#deps.ahead?.(events) ?? [];
    // One write, and in this order: no outcome is ever there without what follows from it.
    const kept =
      ahead.length === 0
        ? this.#deps.spool.record(events)
        : this.#deps.spool.record([...ahead, ...events]).slice(ahead.length);
    for (let i = 0; i < events.length; i++) {
      const event = events[i] as JournalEvent;
      if (event.type !== 'outcome' || kept[i] !== true) continue;
      this.count(event.outcome);
      this.#deps.onOutcome?.(event);
    }
    this.#deps.request();
    return kept;
  }
}

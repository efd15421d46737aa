// The spool's ports: what submission, egress and the scheduler each see of the only disk that holds mail.
// One contract suite (test/spool/contract.ts) runs against the disk spool and its memory twin.
import type { AlarmEvent, JournalEvent, OutcomeEvent, StateEvent } from './event.ts';
import type { Accepted, DeliveryKey, Domain, Location, Message, MessageId } from './message.ts';

// ── submission ────────────────────────────────────────────────────────────────────────────────────────────────────

/** The file system refused (ENOSPC, EDQUOT, short write): nothing is kept, the client gets 452 4.3.1. */
export class SpoolFull extends Error {
  override readonly name = 'SpoolFull';
}

/** Content too large for memory, on its way to a file of its own. */
export interface Staged {
  /** Resolves when more may be written (back-pressure). Rejects with SpoolFull. */
  write(chunk: Uint8Array): Promise<void>;
  /** Removes the file. Idempotent; never rejects. */
  discard(): Promise<void>;
}

export interface MessageWriter {
  /**
   * Appends one accept record and resolves once it is durable (fdatasync returned success, and the folder's for a new
   * file). Rejects with SpoolFull. If a sync fails nothing resolves: the process ends itself.
   * `content`: the octets of the message in order (size and sha256 as in `message`), or what was staged.
   */
  append(message: Message, content: readonly Uint8Array[] | Staged): Promise<Location>;
  /** Opens a file for large content; its octets are not mail until `append` resolves. Rejects with SpoolFull. */
  stage(id: MessageId): Promise<Staged>;
  /** ms since the oldest fdatasync now in flight was issued; 0 when none is. */
  syncAgeMs(): number;
  close(): Promise<void>;
}

// ── egress ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The record's checksum did not hold. */
export class DamagedRecord extends Error {
  override readonly name = 'DamagedRecord';
}

export interface StoredMessage {
  readonly message: Message;
  /** Content octets in order, in chunks of at most 1 MiB; throws DamagedRecord before the last chunk is given. */
  content(): AsyncIterable<Uint8Array>;
  /** The whole content when it stands in the record itself (at most 1 MiB), already checked. */
  readonly whole?: Uint8Array;
}

export interface MessageReader {
  /** Rejects with DamagedRecord, also when the file or the record is not there. */
  read(location: Location): Promise<StoredMessage>;
  close(): Promise<void>;
}

// ── scheduler: the only writer of journal and index ───────────────────────────────────────────────────────────────

/** A waiting delivery belongs to one of these, never to a source (late binding). */
export interface QueueName {
  readonly pool: string;
  readonly domain: Domain;
  readonly stream: string;
  readonly tenant: string;
  readonly campaign: string;
  /** From domain, of messages that a route tells apart by it (`Message.byFrom`). */
  readonly from?: Domain;
}

/** Position in a queue's order: by due instant, then message id, then index. */
export interface Due extends DeliveryKey {
  /** ms since 1970. */
  readonly dueAt: number;
}

export interface QueueSummary {
  readonly queue: QueueName;
  readonly waiting: number;
  /** Smallest dueAt that waits. */
  readonly firstDueAt: number;
}

export interface WaitingDelivery extends Due {
  readonly attempts: number;
  /** Last reply or error in one line, for people. */
  readonly lastReply?: string;
}

export interface QueuedMessage {
  readonly message: Message;
  readonly location: Location;
  /** acceptedAt + lifetime. */
  readonly expiresAt: number;
  /** What still waits, by index. */
  readonly waiting: readonly WaitingDelivery[];
}

/** A segment whose writer lives on, as its process says in its hello. */
export interface OpenSegment {
  readonly segment: string;
  /** Octets of the file that are durable: the end of the last record the writer told of. */
  readonly durable: number;
}

/** How long an idempotency key is remembered. */
export const CLAIM_MS = 24 * 60 * 60 * 1000;

export interface ClaimRecord {
  readonly messageId: MessageId;
  readonly digest: string;
  /** ms since 1970. */
  readonly at: number;
}

/**
 * The scheduler's side. Everything here is synchronous but `start`, `durable`, `checkpoint` and `close`: changes go to
 * the journal by one write and to memory; the index follows in checkpoints. Reads see every change made before them.
 */
export interface Spool {
  /**
   * Opens, recovers and begins new files. Alarms raised on the way (damaged records) come through `onAlarm`.
   * `open`: segments that living processes still write (the scheduler alone was restarted; empty when none has begun
   * one). What an open one holds past `durable` is not read: its writer will tell it. Segments that came since this
   * object was made are taken for open too (so: make it, hear every hello, start it), all others for finished.
   * Absent: no submission process lives; everything is finished, and content that has no record is removed.
   */
  start(open?: readonly OpenSegment[]): Promise<void>;
  /** Takes a durable record into the queue. A second call for the same id changes nothing. */
  accept(accepted: Accepted): void;
  /**
   * Writes events to the journal, then applies them: a terminal outcome ends its delivery, `deferred` moves it to
   * `nextAttemptAt`; the message ends with its last delivery. An outcome for a delivery that does not wait is not
   * written (returns false for it).
   */
  record(events: readonly JournalEvent[]): readonly boolean[];
  /** Resolves when everything recorded so far is synced. */
  durable(): Promise<void>;
  /** Outcomes written and not yet synced. */
  readonly unsynced: number;
  /** First `limit` waiting deliveries of a queue in order, strictly after `after` when given. */
  due(queue: QueueName, limit: number, after?: Due): readonly Due[];
  /** Every queue that has something waiting. */
  queues(): Iterable<QueueSummary>;
  message(id: MessageId): QueuedMessage | undefined;
  /** Ids whose expiresAt ≤ `at`, oldest first, at most `limit`. */
  expired(at: number, limit: number): readonly MessageId[];
  /** Smallest expiresAt of all that waits. */
  nextExpiry(): number | undefined;
  /** Ids of all that waits, in order of id, after `after`. For listings; never on a hot path. */
  ids(limit: number, after?: MessageId): readonly MessageId[];
  claim(user: string, key: string): ClaimRecord | undefined;
  /** Value of a state key, or undefined. */
  state(key: string): unknown;
  /** All state keys that begin with `prefix`. */
  states(prefix: string): readonly { readonly key: string; readonly value: unknown }[];
  /** Alarms of the last 24 h, newest last, at most 100. */
  alarms(): readonly AlarmEvent[];
  /** The last outcomes of a message that the journal still has, newest last (reads files: for people, not for hot paths). */
  history(id: MessageId, limit: number): Promise<readonly OutcomeEvent[]>;
  /** The last changes of state keys that end with `/name`, as far as the journal still has them, newest last. Reads files. */
  changes(name: string, limit: number): Promise<readonly StateEvent[]>;
  /** Waiting deliveries and messages. */
  readonly counts: { readonly deliveries: number; readonly messages: number };
  /**
   * A submission process ended: reads what it left past the last record told, and takes what is whole. `left`: the name
   * of its writer, or of any of its segments: all of that writer's that are not closed are read. Another process with
   * the same writer's name begins only after the call was made.
   */
  adopt(left: string): Promise<readonly Accepted[]>;
  /** Its writer goes on in another file, or was closed in order: nothing will be appended. Until told so (or until
   * `adopt`) a segment of this life is neither compacted nor unlinked. Call it after the last `accept` from it. */
  segmentClosed(segment: string): void;
  /** So much is not in the index yet that no more should be accepted (the gate says 'queue'). `accept` still works. */
  readonly backlogged: boolean;
  /** True when free space or inodes are below the reserve. */
  atReserve(): boolean;
  /** Makes the index complete up to now. */
  checkpoint(): Promise<void>;
  /** Attempts granted: keeps segments that an open attempt may read from being unlinked. */
  pin(location: Location): void;
  unpin(location: Location): void;
  close(): Promise<void>;
}

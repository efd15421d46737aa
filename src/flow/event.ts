// What stands in the journal. The event is the product: webhooks, accounting lines and history are made of it.
// Plain JSON, versioned by `spool/README.md`; a field is never renamed or reused.
import type { AttemptError, Conversation, Instants, TlsFacts } from './attempt.ts';
import type { Domain, Location, Mailbox, MessageId, ReversePath } from './message.ts';
import type { OutcomeKind, Scope } from './outcome.ts';
import type { Phase, Reply } from './reply.ts';

/** Outcome of one delivery. Terminal, or `deferred` with the instant of the next attempt. */
export interface OutcomeEvent {
  readonly type: 'outcome';
  /** ms since 1970. */
  readonly at: number;
  readonly messageId: MessageId;
  readonly index: number;
  readonly outcome: OutcomeKind;
  readonly category: string;
  /** Of the category; absent: delivered, or not decided by a remote. */
  readonly class?: string;
  readonly scope: Scope;
  readonly rule: string;
  /** What followed, as `postilion classify` writes it: `suspend source+provider 1h`. */
  readonly actions?: readonly string[];
  /** Of the site, when it is one we know. */
  readonly provider?: string;
  readonly forwardPath: Mailbox;
  readonly domain: Domain;
  readonly reversePath: ReversePath;
  readonly tenant: string;
  readonly user: string;
  readonly stream: string;
  readonly campaign?: string;
  readonly acceptedAt: number;
  readonly size: number;
  /** Attempts so far, this one included. */
  readonly attempts: number;
  /** Only with `deferred`: ms since 1970. */
  readonly nextAttemptAt?: number;
  readonly decidedAt?: Phase;
  readonly reply?: Reply;
  readonly error?: AttemptError;
  readonly mayHaveBeenDelivered?: boolean;
  readonly instants?: Instants;
  readonly lane?: string;
  readonly source?: string;
  readonly remote?: { readonly host: string; readonly address: string; readonly port: number };
  readonly tls?: TlsFacts;
  /** Of the outcomes of one attempt the first that is no success has it; of some attempts that ended well the first. */
  readonly conversation?: Conversation;
  /** The reverse-path is owed a report of this. Until it is made the spool shows this event, without `conversation`, as the state `dsn/ID/INDEX`. */
  readonly dsn?: DsnOwed;
}

/** What a report says: that it failed, that it waits long, or that a server without DSN took it (RFC 3461 section 5.2). */
export type DsnKind = 'failed' | 'delayed' | 'relayed';

/** Everything of a message that its report needs, for its record may be gone when the report is made. */
export interface DsnOwed {
  /** Id of the report: derived from the message, the kind and the moment, so that it is made once. */
  readonly id: MessageId;
  readonly kind: DsnKind;
  /** ms since 1970: when the moment began; outcomes of one message within a minute make one report. */
  readonly momentAt: number;
  /** Where the message lay then. */
  readonly location: Location;
  /** As in the message. */
  readonly orcpt?: string;
  readonly envid?: string;
  readonly ret?: 'full' | 'hdrs';
  /** With `delayed`: ms since 1970. */
  readonly expiresAt?: number;
}

/** `duplicates: never`: synced before the final dot; without an outcome after it the delivery is `unknown`.
 * Until that outcome the spool shows it as the state `intent/ID/INDEX` (value: `at`). */
export interface IntentEvent {
  readonly type: 'intent';
  readonly at: number;
  readonly messageId: MessageId;
  readonly indexes: readonly number[];
}

/** A value of the relay's state: pause marks, lanes, budgets, suppressions … `value` absent: removed. */
export interface StateEvent {
  readonly type: 'state';
  readonly at: number;
  /** Path, parts joined by '/', e.g. `pause/tenant/acme`. */
  readonly key: string;
  readonly value?: unknown;
  /** Who or what did it: `user NAME`, `rule ID`, `operator`. */
  readonly by: string;
}

/** An idempotency key was used: kept for 24 h (DESIGN: claims). */
export interface KeyEvent {
  readonly type: 'key';
  readonly at: number;
  readonly user: string;
  readonly key: string;
  /** Of the reverse-path and the sorted forward-paths. */
  readonly digest: string;
  readonly messageId: MessageId;
}

/** Something an operator must know: also a log line at level error and a line in `postilion queue`. */
export interface AlarmEvent {
  readonly type: 'alarm';
  readonly at: number;
  /** Short stable word: 'slow-sync', 'damaged-record', 'disk-reserve' … */
  readonly alarm: string;
  readonly text: string;
}

/** Something that happened and is not an outcome: user action, login lock, start, stop, reload. */
export interface NoteEvent {
  readonly type: 'note';
  readonly at: number;
  readonly note: string;
  readonly by: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export type JournalEvent = OutcomeEvent | IntentEvent | StateEvent | KeyEvent | AlarmEvent | NoteEvent;

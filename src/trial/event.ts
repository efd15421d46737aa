// What a trial tells while it runs: first where it listens and who may log in, then each message's way, in the order
// in which it happened. Plain JSON: `postilion trial --json` prints these as they are.
import type { JournalEvent } from '../flow/event.ts';
import type { Message, MessageId } from '../flow/message.ts';
import type { TrialDelivery } from './mail-host.ts';

export interface TrialFacts {
  readonly type: 'trial';
  readonly version: string;
  readonly pid: number;
  /** Where mail is taken, and who may hand it over. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** The relay's folder of configuration, for `postilion --config`. */
  readonly config: string;
  /** Port of every mail host of the trial world, and of its name server. */
  readonly mailPort: number;
  readonly dnsPort: number;
  /** Addresses that mail leaves from, by name of the source. */
  readonly sources: Readonly<Record<string, string>>;
  readonly retryDelaysMs: readonly number[];
}

/** 250 was said: the message is in the queue. */
export interface AcceptedEvent {
  readonly type: 'accepted';
  /** ms since 1970. */
  readonly at: number;
  readonly messageId: MessageId;
  readonly user: string;
  readonly reversePath: string;
  readonly forwardPaths: readonly string[];
  readonly size: number;
  /** DKIM keys that every copy is signed with. */
  readonly selectors: readonly string[];
}

/** A mail host of the trial world has read a message: the other side's view. */
export type ReceivedEvent = { readonly type: 'received'; readonly at: number } & TrialDelivery;

export type TrialEvent = AcceptedEvent | ReceivedEvent | JournalEvent;

/** What the one who starts a trial says, and how he is told. */
export interface TrialRun {
  /** Listen there and nowhere else; 0: a free port. Absent: 2525, or the next that is free. */
  readonly port?: number;
  readonly password: string;
  /** Mail is taken from now on. */
  readonly onStart: (facts: TrialFacts) => void;
  readonly onEvent: (event: TrialEvent) => void;
}

export function acceptedEvent(message: Message): AcceptedEvent {
  return {
    type: 'accepted',
    at: message.acceptedAt,
    messageId: message.id,
    user: message.user,
    reversePath: message.reversePath,
    forwardPaths: message.forwardPaths.map(({ mailbox }) => mailbox),
    size: message.size,
    selectors: message.selectors ?? [],
  };
}

// Recipients that get no mail: what an entry of the suppression list says, who asks it, and who may add to it. Nothing
// but an explicit decision, by the rules for one reply or by an operator, ever makes an entry.
import type { Threshold } from './action.ts';
import type { OutcomeEvent } from './event.ts';
import type { Domain, Mailbox, MessageId } from './message.ts';

/** Whose mail an entry holds back: `global`, `tenant/NAME`, `stream/TENANT/NAME`. */
export type SuppressionScope = string;

export interface Suppression {
  /** As src/mail/comparable-address.ts makes it: two spellings of one mailbox are one entry. */
  readonly address: string;
  readonly scope: SuppressionScope;
  /** Category of the reply (`recipient-unknown`), or the operator's word (`operator`, `complaint`, `unsubscribe` …). */
  readonly reason: string;
  /** ms since 1970, whole seconds. */
  readonly at: number;
  /** ms since 1970, whole seconds; absent: for good. */
  readonly until?: number;
  /** `rule ID` or `operator`. */
  readonly by: string;
  /** A later success to this mailbox, in this scope, lifts it: the mailbox was full, not gone. */
  readonly isSoft?: true;
  /** The message whose delivery was answered so. */
  readonly messageId?: MessageId;
  /** The reply in one line, at most `REPLY_CHARS_MAX` characters. */
  readonly reply?: string;
  /** What an operator wrote beside it, at most `NOTE_CHARS_MAX` characters. */
  readonly note?: string;
}

export const REPLY_CHARS_MAX = 200;
export const NOTE_CHARS_MAX = 200;

/** Who would get mail, of whom. `stream` absent: not known yet, so entries of streams do not count. */
export interface Recipient {
  readonly mailbox: Mailbox;
  readonly domain: Domain;
  readonly tenant: string;
  readonly stream?: string;
}

/** What the rules say of one outcome: from now on, or after so many hits, this recipient gets no more mail. */
export interface SuppressOrder {
  readonly scope: 'global' | 'tenant' | 'stream';
  /** Absent: for good. */
  readonly forMs?: number;
  readonly isSoft: boolean;
  /** Absent: at once. */
  readonly after?: Threshold;
}

/** Empty: nothing follows. Asked once for each outcome that is no success, before it is written. Must not throw. */
export type SuppressDecision = (event: OutcomeEvent) => readonly SuppressOrder[];

/** One answer of a listing: some entries, and where to go on. */
export interface SuppressionPart {
  readonly entries: readonly Suppression[];
  /** Absent: that was all. */
  readonly next?: number;
}

export interface SuppressionFilter {
  readonly scope?: SuppressionScope;
  readonly reason?: string;
  readonly domain?: string;
}

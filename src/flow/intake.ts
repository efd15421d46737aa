// What submission needs of the scheduler, and all it knows of it. Limits and claims are exact over all processes
// because only the scheduler counts them. In split mode these are batched records on a Unix socket.
import type { Accepted, MessageId } from './message.ts';
import type { Recipient } from './suppression.ts';

/** Every question resolves; it rejects only with `IntakeAway` when the scheduler did not answer for 5 s. */
export class IntakeAway extends Error {
  override readonly name = 'IntakeAway';
}

/** May this address try to log in as this user? Charged before hashing; a success gives the charge back. */
export type LoginQuestion = { readonly ask: 'login'; readonly address: string; readonly user: string };
/** A password check ended. */
export type LoginResult = {
  readonly ask: 'login-result';
  readonly address: string;
  readonly user: string;
  readonly ok: boolean;
};
/** One transaction of a user: counts one message and `recipients` towards its rate and recipients per hour. */
export type SubmitQuestion = { readonly ask: 'submit'; readonly user: string; readonly recipients: number };
/** Idempotency (DESIGN section 3): asked at the end of the header. */
export type ClaimQuestion = {
  readonly ask: 'claim';
  readonly user: string;
  readonly key: string;
  readonly digest: string;
  /** Id the message will have if the claim is new. */
  readonly messageId: MessageId;
  /** Submission process and session: a claim ends with the record, the session, or the dead process's read tail. */
  readonly holder: string;
};
/** The transaction ended without a record. */
export type ReleaseQuestion = {
  readonly ask: 'release';
  readonly user: string;
  readonly key: string;
  readonly holder: string;
};

/** Would mail to this recipient be held back? Asked at RCPT, only for who wants to be told there. */
export type SuppressionQuestion = { readonly ask: 'suppression'; readonly recipient: Recipient };

export type Question =
  | LoginQuestion
  | LoginResult
  | SubmitQuestion
  | ClaimQuestion
  | ReleaseQuestion
  | SuppressionQuestion;

export type Answer =
  | { readonly answer: 'yes' }
  /** Not now; `retryMs` when known. */
  | { readonly answer: 'no'; readonly why: 'rate' | 'recipients' | 'locked' | 'slow-down'; readonly retryMs?: number }
  /** On the suppression list, for this reason. */
  | { readonly answer: 'suppressed'; readonly reason: string }
  /** The key was used: answer 250 with this id, keep nothing. */
  | { readonly answer: 'done'; readonly messageId: MessageId }
  /** The key is being used by another session: 451. */
  | { readonly answer: 'busy' }
  /** The key was used for another envelope: 554 5.6.0. */
  | { readonly answer: 'other-envelope' };

export interface Intake {
  ask(question: Question): Promise<Answer>;
  /** The record is durable. Never fails; kept until the scheduler has it. Called before the 250 is written. */
  accepted(accepted: Accepted): void;
  /** May new mail come in? Checked at MAIL and before the record is written. */
  readonly gate: Gate;
}

/** Back-pressure, told by whoever watches disk, inodes, queue and memory; cheap to ask. */
export type Refusal =
  | 'disk' // 452 4.3.1
  | 'queue' // 452 4.3.1
  | 'slow-sync' // 451 4.3.1
  | 'scheduler' // 451 4.3.0
  | 'stopping'; // 421 4.3.2
export interface Gate {
  refusal(): Refusal | undefined;
}

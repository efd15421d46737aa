// What the processes say to the scheduler and it to them: the bodies of channel records, one union for each direction.
// Ids, locations, envelopes and results; never content.
import type {
  AddressClaim,
  Attempt,
  EgressHello,
  Report,
  SessionClosed,
  SessionGrant,
  SessionId,
  SessionReturned,
  TakenId,
} from '../flow/attempt.ts';
import type { ClaimQuestion, Question, Refusal } from '../flow/intake.ts';
import type { Accepted, Domain } from '../flow/message.ts';
import type { Operations } from '../flow/operations.ts';
import type { MxTarget } from '../flow/route.ts';
import type { OpenSegment } from '../flow/spool.ts';

/** Counts up when these records change: after an upgrade under a running relay, old and new must not talk. */
export const LINK_PROTOCOL = 5;

export interface SubmissionHello {
  readonly kind: 'submission';
  readonly protocol: number;
  /** `submission-1` … */
  readonly process: string;
  /** Tells a process from the one of the same name before it. */
  readonly pid: number;
  /** Segments it writes, or whose last records it has not seen acknowledged; `durable`: end of the last one it has. */
  readonly open: readonly OpenSegment[];
  /** Claims it holds: answered yes, and neither released nor ended by an acknowledged record. */
  readonly claims: readonly ClaimQuestion[];
}

export interface EgressGreeting {
  readonly kind: 'egress';
  readonly protocol: number;
  readonly process: string;
  readonly pid: number;
  readonly hello: EgressHello;
}

export interface ControlHello {
  readonly kind: 'control';
  readonly protocol: number;
  readonly process: string;
  readonly pid: number;
}

/** First record of every connection. */
export type Hello = SubmissionHello | EgressGreeting | ControlHello;

/** Told by submission. `sequence` counts the records of this process from 1. */
export type FromSubmission =
  | { readonly tell: 'accepted'; readonly sequence: number; readonly accepted: Accepted; readonly again?: true }
  | { readonly tell: 'segment'; readonly segment: string }
  | { readonly tell: 'bye' };
/** Asked by submission. */
export type SubmissionQuestion = Question;
/** Told to submission. `acknowledged`: every accepted record up to this sequence is in the queue. */
export type ToSubmission =
  | { readonly tell: 'acknowledged'; readonly sequence: number }
  | { readonly tell: 'gate'; readonly refusal?: Refusal };

export type FromEgress =
  | { readonly tell: 'report'; readonly report: Report }
  | { readonly tell: 'claim'; readonly claim: AddressClaim }
  | { readonly tell: 'returned'; readonly returned: SessionReturned }
  | { readonly tell: 'closed'; readonly closed: SessionClosed };
export type ToEgress =
  | { readonly tell: 'open'; readonly grant: SessionGrant }
  | { readonly tell: 'deliver'; readonly session: SessionId; readonly attempt: Attempt }
  | { readonly tell: 'claimed'; readonly claim: AddressClaim; readonly isGranted: boolean }
  | { readonly tell: 'recall'; readonly session: SessionId }
  | { readonly tell: 'close'; readonly session: SessionId }
  | { readonly tell: 'acknowledge'; readonly taken: readonly TakenId[] };
/** Asked of egress. */
export type RouteQuestion = { readonly ask: 'resolve'; readonly domain: Domain; readonly via: MxTarget };

/** Asked by control: a method of Operations and its arguments. */
export type OperationsQuestion = {
  readonly [Name in keyof Operations]: { readonly call: Name; readonly with: Parameters<Operations[Name]> };
}[keyof Operations];

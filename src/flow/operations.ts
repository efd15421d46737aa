// What an operator can ask of the relay and tell it. The scheduler implements it; control's HTTP API and, through it,
// the CLI are its clients. Every answer is plain JSON.
import type { BacklogReport } from './backlog.ts';
import type { AlarmEvent, DsnKind, OutcomeEvent } from './event.ts';
import type { Explained, ExplainQuestion } from './explain.ts';
import type { LaneOperations, SuspensionReport } from './lanes.ts';
import type { Message, MessageId } from './message.ts';
import type { OutcomeKind } from './outcome.ts';
import type { QueuedMessage } from './spool.ts';
import type { Wait } from './wait.ts';
import type { WarmupAnswer, WarmupChange, WarmupDays } from './warmup.ts';
import type { Suppression, SuppressionFilter, SuppressionPart, SuppressionScope } from './suppression.ts';

export interface DomainQueue {
  readonly domain: string;
  readonly waiting: number;
  /** ms since 1970. */
  readonly firstDueAt: number;
  readonly sessions: number;
  readonly inFlight: number;
  /** What the first of it that is not on its way waits for. */
  readonly wait: Wait;
  /** The same in words. */
  readonly waitsFor: string;
}

export interface QueueReport extends BacklogReport {
  readonly messages: number;
  readonly deliveries: number;
  readonly inFlight: number;
  readonly sessions: number;
  readonly domains: readonly DomainQueue[];
  readonly alarms: readonly AlarmEvent[];
  /** Marks in force, e.g. `all`, `tenant/acme`. */
  readonly paused: readonly string[];
  /** Mail that an operator has moved to another pool. */
  readonly moved: readonly { readonly mark: string; readonly pool: string }[];
  /** Reports that are owed to reverse-paths and not made yet. */
  readonly reportsOwed: number;
  /** Signed by the operator's domain alone, because their own has no key; since the start, those with most mail. */
  readonly keyless: readonly KeylessDomain[];
  /** Accepted, delivered, … since the process started. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface KeylessDomain {
  /** Of From headers. */
  readonly domain: string;
  readonly messages: number;
}

export interface CampaignReport {
  readonly tenant: string;
  readonly campaign: string;
  /** cancelling: what waited when it was cancelled is being settled. suspended: a reply said so. */
  readonly state: 'active' | 'paused' | 'cancelling' | 'suspended';
  readonly waiting: number;
  readonly inFlight: number;
  /** Paused by itself: the figures that were too high. Suspended: until when, and the reply that did it. */
  readonly why?: string;
  /** What a reply has suspended, whatever its state is besides. */
  readonly suspension?: SuspensionReport;
  /** Where it was moved. */
  readonly pool?: string;
  /** What was answered within the last `windowMs`. Absent: nothing was. */
  readonly figures?: {
    readonly windowMs: number;
    readonly answered: number;
    /** The recipient is not there. */
    readonly bounces: number;
    /** Refused for what it says. */
    readonly spam: number;
    /** Its source or its sending domain is blocked. */
    readonly blocks: number;
  };
}

/** no-pool: nobody knows the pool. not-moved: there is nothing to end. */
export type MoveAnswer = 'done' | 'no-pool' | 'not-moved';

export interface MessageReport {
  readonly id: MessageId;
  /** Absent once it is settled and its record is gone. */
  readonly queued?: QueuedMessage;
  /** Of what of it waits, as far as that is told: what for. */
  readonly waits?: readonly DeliveryWait[];
  readonly message?: Message;
  readonly outcomes: readonly OutcomeEvent[];
  /** What its reverse-path was told, or will be. */
  readonly reports: readonly DsnReport[];
}

export interface DeliveryWait {
  readonly index: number;
  readonly wait: Wait;
  /** The same in words. */
  readonly text: string;
}

export interface DsnReport {
  /** Of the report, which is a message of its own. */
  readonly id: MessageId;
  readonly kind: DsnKind;
  /** owed: not made yet. queued: made, and waits. sent: it left the queue. digest: over the limit, summed up with others. */
  readonly state: 'owed' | 'queued' | 'sent' | 'digest';
  /** Of the report's own delivery, once it has one. */
  readonly outcome?: OutcomeKind;
}

export interface SuppressAnswer {
  /** New, or changed. */
  readonly added: number;
  /** There already, and at least as strong. */
  readonly kept: number;
  /** Their page is damaged: not taken. */
  readonly unreadable: number;
  /** Orders entries by place: see `SuppressionPart`. */
  readonly salt: string;
  /** The disk is at its reserve: none was taken. */
  readonly isFull?: true;
}

export interface SourceReport {
  readonly name: string;
  /** Absent: the system's choice. */
  readonly address?: string;
  readonly ehlo: string;
  /**
   * draining: drained by an operator, and something of it is still on its way. missing: its address is not on this host.
   * unknown: in no configuration.
   */
  readonly state: 'enabled' | 'missing' | 'disabled' | 'draining' | 'drained' | 'unknown';
  /** Pools it is in. */
  readonly pools: readonly string[];
  readonly sessions: number;
  readonly inFlight: number;
}

/** What goes on now. */
export interface TopReport {
  /** ms since 1970. */
  readonly at: number;
  readonly messages: number;
  readonly deliveries: number;
  readonly inFlight: number;
  readonly sessions: number;
  /** As of QueueReport. */
  readonly counters: Readonly<Record<string, number>>;
  readonly paused: readonly string[];
  readonly alarms: readonly AlarmEvent[];
  readonly reportsOwed: number;
  /** What is open first, then what waits, then what was settled. */
  readonly rows: readonly TopRow[];
}

export interface TopRow {
  /** Of a provider, or a routing domain whose provider nobody knows. */
  readonly name: string;
  readonly isProvider: boolean;
  readonly waiting: number;
  readonly inFlight: number;
  readonly sessions: number;
  /** Deliveries since the process started, or since the name was forgotten because it was not heard of for long. */
  readonly delivered: number;
  readonly deferred: number;
  readonly failed: number;
  /** Reply or error of the last that was no success, in one line. */
  readonly lastTrouble?: string;
  /** Of a provider: its lanes with mail or connections whose pace is below the ceiling. Absent: there is none. */
  readonly paced?: PacedLanes;
}

/** What they may do together. */
export interface PacedLanes {
  readonly lanes: number;
  readonly connections: number;
  /** Absent: no limit. */
  readonly perMinute?: number;
}

/** A reply that no text rule knows: it kept its code's meaning. */
export interface UnknownReply {
  /** What replies that say the same of different people have in common. */
  readonly pattern: string;
  /** One of them, codes first. */
  readonly sample: string;
  readonly provider?: string;
  /** Of the recipient whose reply the sample is. */
  readonly domain: string;
  /** What it was taken for, and by which code. */
  readonly category: string;
  readonly rule: string;
  readonly count: number;
  /** ms since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
}

export interface Operations extends LaneOperations {
  /** `providersMax` absent: none is named. */
  queue(options: { readonly domainsMax: number; readonly providersMax?: number }): Promise<QueueReport>;
  /** For whoever watches: asked every second. */
  top(options: { readonly rowsMax: number }): Promise<TopReport>;
  /** undefined: no such message here. */
  message(id: MessageId): Promise<MessageReport | undefined>;
  /** Makes every waiting delivery of it due now. False: nothing waits. */
  retry(id: MessageId, by: string): Promise<boolean>;
  /** Settles every waiting delivery as cancelled; one whose transaction has begun ends as it ends. */
  cancel(id: MessageId, by: string): Promise<number>;
  /** Makes all that waits due now, all or of one domain. How many queues. */
  retryAll(domain: string | undefined, by: string): Promise<number>;
  /**
   * `mark`: `all`, `tenant/NAME`, `stream/NAME`, `domain/NAME`, `campaign/TENANT/NAME`, `pool/NAME`, `route/NAME`. Takes
   * effect when a delivery is pulled.
   */
  pause(mark: string, by: string): Promise<void>;
  resume(mark: string, by: string): Promise<boolean>;
  /**
   * Mail of `mark` (`tenant/NAME`, `stream/NAME`, `campaign/TENANT/NAME`) is sent from this pool, whatever waits
   * included; without a pool that ends.
   */
  move(mark: string, pool: string | undefined, by: string): Promise<MoveAnswer>;
  /** Of one tenant or of all, those with most mail first. */
  campaigns(tenant: string | undefined, campaignsMax: number): Promise<readonly CampaignReport[]>;
  /** Settles as cancelled, little by little, what was accepted of `campaign/TENANT/NAME` until now. How much waits. */
  cancelCampaign(mark: string, by: string): Promise<number>;
  /** Puts them on the suppression list; synced when it resolves. Addresses as src/mail/ makes comparable. */
  suppress(entries: readonly Suppression[], by: string): Promise<SuppressAnswer>;
  /** Takes an address off, of one scope or of all; synced. How many entries went. */
  unsuppress(address: string, scope: SuppressionScope | undefined, by: string): Promise<number>;
  /** Everything in force about an address. */
  suppressionsOf(address: string): Promise<readonly Suppression[]>;
  /** Part of the list; `from`: 0, then `next` of the part before. */
  suppressions(from: number, limit: number, filter: SuppressionFilter): Promise<SuppressionPart>;
  /** Most frequent first. */
  explain(question: ExplainQuestion): Promise<Explained>;
  unknownReplies(): Promise<readonly UnknownReply[]>;
  /** In the order of the configuration; last those that are drained and in none. */
  sources(): Promise<readonly SourceReport[]>;
  /** It begins nothing more until `enable`, restarts included. undefined: no such source. */
  drain(source: string, by: string): Promise<SourceReport | undefined>;
  /** Ends `drain`; one that the configuration disables stays so. undefined: no such source. */
  enable(source: string, by: string): Promise<SourceReport | undefined>;
  /** Every budget of a source that warms up, or of all. */
  warmup(source: string | undefined): Promise<WarmupAnswer>;
  /** The last days of one budget. */
  warmupDays(source: string, provider: string): Promise<WarmupDays>;
  /** `provider` undefined: everywhere. Synced when it resolves. */
  changeWarmup(source: string, provider: string | undefined, change: WarmupChange, by: string): Promise<WarmupAnswer>;
  /** Synced when it resolves. */
  alarm(alarm: AlarmEvent): Promise<void>;
}

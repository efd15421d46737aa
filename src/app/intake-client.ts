// Submission's Intake when the scheduler is another process. Accepted records are kept until it acknowledges them and
// are told again after a reconnect; questions are asked again and reject with IntakeAway after 5 s; the gate says
// 'scheduler' while it has been away for longer than that.
import type { Clock, Timer } from '../base/clock.ts';
import { InvariantError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import {
  type Answer,
  type ClaimQuestion,
  type Gate,
  type Intake,
  IntakeAway,
  type Question,
  type Refusal,
} from '../flow/intake.ts';
import type { Accepted } from '../flow/message.ts';
import type { OpenSegment } from '../flow/spool.ts';
import { type Channel, ChannelClosed } from './channel.ts';
import { Caller } from './channel-socket.ts';
import { type FromSubmission, LINK_PROTOCOL, type SubmissionHello, type ToSubmission } from './link-records.ts';

export interface IntakeClientOptions {
  /** The scheduler's socket. */
  readonly path: string;
  /** `submission-1` … */
  readonly process: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What this process itself knows: a slow sync, a stop. Asked before anything else. */
  readonly ownRefusal?: () => Refusal | undefined;
  readonly awayMs?: number;
  /** Accepted records not acknowledged; beyond it the gate refuses, so that memory is bounded. */
  readonly unacknowledgedMax?: number;
}

/** Connecting clients get 451 rather than wait longer (DESIGN section 2). */
const AWAY_MS = 5_000;
const SWEEP_MS = 250;
const UNACKNOWLEDGED_MAX = 50_000;

interface Pending {
  readonly question: Question;
  readonly since: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

interface Told {
  readonly sequence: number;
  readonly accepted: Accepted;
  readonly since: number;
}

export class IntakeClient implements Intake {
  readonly gate: Gate = { refusal: () => this.#refusal() };
  readonly #options: IntakeClientOptions;
  readonly #awayMs: number;
  readonly #caller: Caller;
  /** In the order asked, so the first is the oldest. */
  readonly #pending = new Set<Pending>();
  /** In the order told; acknowledged from the front. */
  #told: Told[] = [];
  #acknowledgedInTold = 0;
  #sequence = 0;
  /** Held claims by user and key. */
  readonly #claims = new Map<string, ClaimQuestion>();
  /** Segments not closed or not wholly acknowledged: octets acknowledged. */
  readonly #segments = new Map<string, number>();
  #openSegment: string | undefined;
  /** Monotonic instant the channel was lost, undefined while it is open. */
  #lostAt: number | undefined;
  #schedulerRefusal: Refusal | undefined;
  #sweep: Timer | undefined;
  #closed = false;

  constructor(options: IntakeClientOptions) {
    this.#options = options;
    this.#awayMs = options.awayMs ?? AWAY_MS;
    this.#lostAt = options.clock.monotonic();
    this.#caller = new Caller({
      path: options.path,
      clock: options.clock,
      opened: (channel) => this.#opened(channel),
      lost: (why) => {
        this.#lostAt = options.clock.monotonic();
        if (!this.#closed) options.log.warn({ why }, 'the scheduler is away');
      },
    });
  }

  ask(question: Question): Promise<Answer> {
    if (this.#closed) return Promise.reject(new IntakeAway('the intake is closed'));
    return new Promise((resolve, reject) => {
      // A release that is lost with its channel still ends the claim: the next hello does not name it.
      if (question.ask === 'release') this.#claims.delete(claimKey(question));
      const pending = { question, since: this.#options.clock.monotonic(), resolve, reject };
      this.#pending.add(pending);
      this.#setSweep();
      const channel = this.#caller.channel;
      if (channel !== undefined) this.#send(channel, pending);
    });
  }

  accepted(accepted: Accepted): void {
    const told: Told = { sequence: ++this.#sequence, accepted, since: this.#options.clock.monotonic() };
    this.#told.push(told);
    const { segment } = accepted.location;
    if (this.#openSegment === undefined) this.segmentOpened(segment);
    else if (!this.#segments.has(segment)) this.#segments.set(segment, 0);
    this.#caller.channel?.tell({ tell: 'accepted', sequence: told.sequence, accepted } satisfies FromSubmission);
  }

  /**
   * Call it for every new segment, in order, before its first record is durable: the scheduler must know the last file
   * of a dead process by name, and takes the first record of a new one as the end of those before it.
   */
  segmentOpened(segment: string): void {
    this.#openSegment = segment;
    if (!this.#segments.has(segment)) this.#segments.set(segment, 0);
    const channel = this.#caller.channel;
    if (channel === undefined) return;
    channel.tell({ tell: 'segment', segment } satisfies FromSubmission);
    channel.flush();
  }

  /** Records the scheduler has not acknowledged. */
  get unacknowledged(): number {
    return this.#told.length - this.#acknowledgedInTold;
  }

  /** For an orderly stop, after the last session: what was told leaves first. Pending questions reject. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sweep?.cancel();
    this.#rejectPending(Infinity);
    this.#caller.channel?.tell({ tell: 'bye' } satisfies FromSubmission);
    this.#caller.close();
  }

  #opened(channel: Channel): { told: (body: unknown) => void; asked: () => Promise<never> } {
    const hello: SubmissionHello = {
      kind: 'submission',
      protocol: LINK_PROTOCOL,
      process: this.#options.process,
      pid: this.#options.pid,
      open: [...this.#segments].map(([segment, durable]): OpenSegment => ({ segment, durable })),
      claims: [...this.#claims.values()],
    };
    channel.tell(hello);
    for (const { sequence, accepted } of this.#told.slice(this.#acknowledgedInTold)) {
      channel.tell({ tell: 'accepted', sequence, accepted, again: true } satisfies FromSubmission);
    }
    for (const pending of this.#pending) this.#send(channel, pending);
    if (this.#lostAt !== undefined) this.#options.log.info({ unacknowledged: this.unacknowledged }, 'hello said');
    this.#lostAt = undefined;
    return {
      told: (body) => this.#heard(body as ToSubmission),
      asked: () => Promise.reject(new Error('submission answers nothing')),
    };
  }

  #send(channel: Channel, pending: Pending): void {
    channel.ask(pending.question).then(
      (answer) => this.#answered(pending, answer as Answer),
      (error: unknown) => {
        // A lost channel: asked again after the next hello. A failed scheduler is as good as an absent one.
        if (error instanceof ChannelClosed || !this.#pending.delete(pending)) return;
        pending.reject(new IntakeAway('the scheduler failed', { cause: error }));
      },
    );
  }

  #answered(pending: Pending, answer: Answer): void {
    const { question } = pending;
    const inTime = this.#pending.delete(pending);
    if (question.ask === 'claim' && answer.answer === 'yes') {
      // Who asked has gone: the claim must not stand until this process ends.
      if (!inTime) return this.#giveBack(question);
      this.#claims.set(claimKey(question), question);
    }
    if (inTime) pending.resolve(answer);
  }

  #giveBack({ user, key, holder }: ClaimQuestion): void {
    // Rejects only with IntakeAway; then the scheduler ends it with this process's hello, where it is not named.
    this.ask({ ask: 'release', user, key, holder }).catch(() => {});
  }

  #heard(body: ToSubmission): void {
    if (body.tell === 'gate') this.#schedulerRefusal = body.refusal;
    else this.#acknowledged(body.sequence);
  }

  #acknowledged(sequence: number): void {
    if (sequence > this.#sequence) throw new InvariantError(`acknowledged ${sequence}, told ${this.#sequence}`);
    for (let told = this.#told[this.#acknowledgedInTold]; told !== undefined && told.sequence <= sequence; ) {
      const { message, location } = told.accepted;
      const end = location.offset + location.length;
      this.#segments.set(location.segment, Math.max(end, this.#segments.get(location.segment) ?? 0));
      if (message.idempotencyKey !== undefined) {
        this.#claims.delete(claimKey({ user: message.user, key: message.idempotencyKey }));
      }
      told = this.#told[++this.#acknowledgedInTold];
    }
    // Cut in strides: a shift for each record would cost the square of a burst.
    if (this.#acknowledgedInTold * 2 < this.#told.length) return;
    this.#told = this.#told.slice(this.#acknowledgedInTold);
    this.#acknowledgedInTold = 0;
    const wanted = new Set(this.#told.map(({ accepted }) => accepted.location.segment));
    for (const segment of this.#segments.keys()) {
      if (segment !== this.#openSegment && !wanted.has(segment)) this.#segments.delete(segment);
    }
  }

  #refusal(): Refusal | undefined {
    const own = this.#options.ownRefusal?.();
    if (own !== undefined) return own;
    if (this.unacknowledged >= (this.#options.unacknowledgedMax ?? UNACKNOWLEDGED_MAX)) return 'scheduler';
    const now = this.#options.clock.monotonic();
    if (this.#lostAt !== undefined && now - this.#lostAt > this.#awayMs) return 'scheduler';
    // Connected and silent is as far away.
    const oldest = this.#told[this.#acknowledgedInTold];
    if (oldest !== undefined && now - oldest.since > this.#awayMs) return 'scheduler';
    return this.#schedulerRefusal;
  }

  #setSweep(): void {
    this.#sweep ??= this.#options.clock.after(SWEEP_MS, () => {
      this.#sweep = undefined;
      this.#rejectPending(this.#options.clock.monotonic() - this.#awayMs);
      if (this.#pending.size > 0) this.#setSweep();
    });
  }

  /** Those asked at or before the instant. */
  #rejectPending(until: number): void {
    for (const pending of this.#pending) {
      if (pending.since > until) break;
      this.#pending.delete(pending);
      pending.reject(new IntakeAway(`the scheduler did not answer for ${this.#awayMs / 1000} s`));
    }
  }
}

function claimKey(claim: { readonly user: string; readonly key: string }): string {
  return `${claim.user}\0${claim.key}`;
}

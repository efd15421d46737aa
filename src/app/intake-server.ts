// The scheduler's side of every submission process's Intake: hands records and questions to the scheduler's own
// Intake, acknowledges what it took, tells the gate's refusal when it changes, and knows each process's open segments
// and claims, for the day it dies.
import type { Clock, Timer } from '../base/clock.ts';
import type { ClaimQuestion, Intake, Question, Refusal } from '../flow/intake.ts';
import type { Channel, ChannelHandlers } from './channel.ts';
import type { FromSubmission, SubmissionHello, ToSubmission } from './link-records.ts';
import type { Visitor } from './scheduler-door.ts';

export interface IntakeServerOptions {
  readonly intake: Intake;
  readonly clock: Clock;
  /** Its writer lives on in another file or ended in order (Spool.segmentClosed). After its last record was handed on. */
  readonly segmentClosed: (segment: string) => void;
}

/** How soon a change of the gate is told. Submission adds its own checks; a full disk is known here first. */
const GATE_MS = 100;

interface Submitter {
  channel: Channel | undefined;
  /** Named by the process and not closed; the last one is being written. */
  readonly segments: Set<string>;
  readonly claims: Map<string, ClaimQuestion>;
  /** Last accepted record handed on, and the last acknowledged. */
  sequence: number;
  acknowledged: number;
}

/** What a dead process leaves: files whose tails are to be read, then the claims that end. */
export interface Remains {
  readonly segments: readonly string[];
  readonly claims: readonly ClaimQuestion[];
}

export class IntakeServer {
  readonly #options: IntakeServerOptions;
  readonly #submitters = new Map<string, Submitter>();
  #refusal: Refusal | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: IntakeServerOptions) {
    this.#options = options;
    this.#watchGate();
  }

  take(visitor: Visitor<SubmissionHello>): void {
    const { hello, channel } = visitor;
    const submitter = this.#welcome(hello, channel);
    this.#tell(channel, gateRecord(this.#refusal));
    const handlers: ChannelHandlers = {
      told: (body) => this.#told(hello, submitter, body as FromSubmission),
      asked: (body) => this.#asked(submitter, body as Question),
      frameRead: () => this.#acknowledge(submitter),
      closed: () => {
        if (submitter.channel === channel) submitter.channel = undefined;
      },
    };
    visitor.take(handlers);
  }

  /** The process has ended (the supervisor says so). Forgotten here; all its records that came were handed on. */
  ended(process: string, pid: number): Remains {
    const submitter = this.#submitters.get(life(process, pid));
    this.#submitters.delete(life(process, pid));
    submitter?.channel?.end();
    if (submitter === undefined) return { segments: [], claims: [] };
    return { segments: [...submitter.segments], claims: [...submitter.claims.values()] };
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #welcome(hello: SubmissionHello, channel: Channel): Submitter {
    const known = this.#submitters.get(life(hello.process, hello.pid));
    const submitter: Submitter = known ?? {
      channel: undefined,
      segments: new Set(),
      claims: new Map(),
      sequence: 0,
      acknowledged: 0,
    };
    submitter.channel = channel;
    submitter.acknowledged = 0;
    this.#submitters.set(life(hello.process, hello.pid), submitter);
    for (const { segment } of hello.open) submitter.segments.add(segment);
    const named = new Map(hello.claims.map((claim) => [claimKey(claim), claim]));
    for (const [key, claim] of submitter.claims) {
      if (named.has(key)) continue;
      submitter.claims.delete(key);
      this.#quietly({ ask: 'release', user: claim.user, key: claim.key, holder: claim.holder });
    }
    for (const [key, claim] of named) {
      if (submitter.claims.has(key)) continue;
      submitter.claims.set(key, claim);
      this.#quietly(claim);
    }
    return submitter;
  }

  #told(hello: SubmissionHello, submitter: Submitter, body: FromSubmission): void {
    switch (body.tell) {
      case 'accepted': {
        const { sequence, accepted } = body;
        // Told again over a new channel, but taken from the old one.
        if (body.again === true && sequence <= submitter.sequence) return;
        submitter.sequence = sequence;
        this.#wrote(submitter, accepted.location.segment);
        this.#options.intake.accepted(accepted);
        const { user, idempotencyKey: key } = accepted.message;
        if (key !== undefined) submitter.claims.delete(claimKey({ user, key }));
        return;
      }
      case 'segment':
        submitter.segments.add(body.segment);
        return;
      case 'bye':
        for (const segment of this.ended(hello.process, hello.pid).segments) this.#options.segmentClosed(segment);
        return;
      default:
        submitter.channel?.end();
    }
  }

  /** Records are told in the order they were written: the first of a new file closes those before it. */
  #wrote(submitter: Submitter, segment: string): void {
    if (!submitter.segments.has(segment)) return;
    for (const other of submitter.segments) {
      if (other === segment) return;
      submitter.segments.delete(other);
      this.#options.segmentClosed(other);
    }
  }

  async #asked(submitter: Submitter, question: Question): Promise<unknown> {
    if (question.ask === 'release') submitter.claims.delete(claimKey(question));
    const answer = await this.#options.intake.ask(question);
    if (question.ask === 'claim' && answer.answer === 'yes') submitter.claims.set(claimKey(question), question);
    return answer;
  }

  /**
   * Leaves at once, before anything that was granted for these records in the same turn: a record whose
   * acknowledgement is lost with this process was then never on its way, so telling it again cannot deliver it twice.
   */
  #acknowledge(submitter: Submitter): void {
    const { channel, sequence } = submitter;
    if (channel === undefined || sequence === submitter.acknowledged) return;
    submitter.acknowledged = sequence;
    this.#tell(channel, { tell: 'acknowledged', sequence });
    channel.flush();
  }

  #watchGate(): void {
    if (this.#closed) return;
    const refusal = this.#options.intake.gate.refusal();
    if (refusal !== this.#refusal) {
      this.#refusal = refusal;
      for (const { channel } of this.#submitters.values()) {
        if (channel !== undefined) this.#tell(channel, gateRecord(refusal));
      }
    }
    this.#timer = this.#options.clock.after(GATE_MS, () => this.#watchGate());
  }

  /** The scheduler's own Intake is here: a rejection would be a fault of ours, and nobody waits for the answer. */
  #quietly(question: Question): void {
    this.#options.intake.ask(question).catch(() => {});
  }

  #tell(channel: Channel, body: ToSubmission): void {
    channel.tell(body);
  }
}

function gateRecord(refusal: Refusal | undefined): ToSubmission {
  return refusal === undefined ? { tell: 'gate' } : { tell: 'gate', refusal };
}

function claimKey(claim: { readonly user: string; readonly key: string }): string {
  return `${claim.user}\0${claim.key}`;
}

/** A process and the one that was started in its place have the same name. */
function life(process: string, pid: number): string {
  return `${process}/${pid}`;
}

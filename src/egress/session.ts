// One granted session: finds a server, keeps the connection, runs the attempts it is given, one after the other.
//
// idle → opening (the first attempt came) → up ⇄ up (attempts) → leaving (QUIT, or broken) → over
// Only `up` begins attempts; from `leaving` on everything not begun is given back with `closed`, which is said once.
// A session has one connection in its life: when it breaks, the scheduler grants another.
import { AddressClaims } from './address-claim.ts';
import type {
  AddressClaim,
  Attempt,
  AttemptError,
  AttemptId,
  Report,
  SessionClosed,
  SessionGrant,
} from '../flow/attempt.ts';
import type { Connection, ConnectionOwner, Settled, Steps } from './connection.ts';
import { Deadline } from './deadline.ts';
import { type Failure, openConnection, type Opening, type OpeningDeps } from './opening.ts';
import type { Candidate } from './targets.ts';
import { type Payload, preparePayload } from './payload.ts';

interface Waiting {
  readonly attempt: Attempt;
  /** Wall clock. */
  readonly grantedAt: number;
  payload?: Payload | AttemptError;
}

/** Whoever keeps the sessions. */
export interface SessionOwner {
  report(report: Report, lane: string): void;
  closed(closed: SessionClosed, lane: string): void;
  claim(claim: AddressClaim): void;
  /** False: a refusal on this lane has not been taken in. `proceed` is called once it is. */
  mayBegin(lane: string): boolean;
}

type Mode = 'idle' | 'opening' | 'up' | 'leaving' | 'over';

/** Says that we dropped a transaction because we had to leave; such a transaction was not begun for anybody else. */
const LEFT: AttemptError = { kind: 'lost', text: 'the relay stops' };

/** RFC 3207 section 4: the server serves nobody who has not issued STARTTLS. */
const MUST_STARTTLS = 530;

export class Session implements ConnectionOwner {
  readonly grant: SessionGrant;
  readonly #deps: OpeningDeps;
  readonly #owner: SessionOwner;
  readonly #queue: Waiting[] = [];
  readonly #idle: Deadline;
  readonly #finish: Deadline;
  #mode: Mode = 'idle';
  #opening: Opening | undefined;
  readonly claims: AddressClaims;
  #connection: Connection | undefined;
  #candidate: Candidate | undefined;
  #running: Waiting | undefined;
  #settledCount = 0;
  #isClosing = false;
  #why: SessionClosed['why'] = 'failed';
  #failure: SessionClosed['failure'];
  /** Begun, and yet as if it had not been. */
  readonly #unbegun: AttemptId[] = [];

  constructor(grant: SessionGrant, deps: OpeningDeps, owner: SessionOwner) {
    this.grant = grant;
    this.#deps = deps;
    this.#owner = owner;
    this.claims = new AddressClaims((address) => owner.claim({ session: grant.session, address }));
    this.#idle = new Deadline(deps.clock, () => this.#leave('idle'));
    this.#finish = new Deadline(deps.clock, () => this.#connection?.drop(LEFT));
    this.#idle.set(deps.options.idleMs);
  }

  /** Attempts that have not been reported. */
  held(): readonly Attempt[] {
    const running = this.#running === undefined ? [] : [this.#running];
    return [...running, ...this.#queue].map(({ attempt }) => attempt);
  }

  deliver(attempt: Attempt): void {
    const { clock, reader, sign } = this.#deps;
    const waiting: Waiting = { attempt, grantedAt: clock.now() };
    this.#queue.push(waiting);
    if (this.#mode === 'leaving' || this.#mode === 'over') return;
    this.#idle.clear();
    void preparePayload(attempt, reader, sign).then((payload) => {
      waiting.payload = payload;
      this.#pump();
    });
    this.#tryOpen();
  }

  /** The lane may begin again. */
  proceed(): void {
    this.#tryOpen();
    this.#pump();
  }

  /** What is not begun is no longer of this session, which goes on. */
  recall(): readonly AttemptId[] {
    const back = this.#queue.splice(0).map(({ attempt }) => attempt.attempt);
    // With nothing to do the connection idles; one that is being opened will when it is up.
    if (this.#mode === 'up') this.#pump();
    else if (this.#mode === 'idle') this.#idle.set(this.#deps.options.idleMs);
    return back;
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosing || this.#mode === 'over') return;
    this.#isClosing = true;
    if (this.#running === undefined) this.#leave('quit');
    else this.#finish.set(this.#deps.options.finishMs);
  }

  // ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #tryOpen(): void {
    if (this.#mode !== 'idle' || this.#queue.length === 0 || !this.#owner.mayBegin(this.grant.lane)) return;
    this.#mode = 'opening';
    this.#opening = openConnection(this.grant, this.claims, this.#deps, {
      up: (connection, candidate) => {
        this.#opening = undefined;
        this.#connection = connection;
        this.#candidate = candidate;
        if (this.#mode === 'opening') this.#mode = 'up';
        return this;
      },
      failed: (failure) => this.#notOpened(failure),
    });
  }

  #notOpened(failure: Failure | 'capped' | undefined): void {
    this.#opening = undefined;
    if (failure === 'capped') this.#why = failure;
    else if (failure !== undefined && this.#mode === 'opening') this.#failure = failure;
    this.#over();
  }

  // ── attempts ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Begins the next attempt when both it and the connection are ready. */
  #pump(): void {
    if (this.#mode === 'leaving' || this.#mode === 'over') return;
    while (this.#running === undefined && !this.#isClosing) {
      const [next] = this.#queue;
      if (next?.payload === undefined) break;
      if ('kind' in next.payload) {
        this.#queue.shift();
        this.#unreadable(next, next.payload);
        continue;
      }
      if (this.#mode !== 'up' || this.#connection?.canBegin !== true) return;
      if (!this.#owner.mayBegin(this.grant.lane)) return;
      this.#queue.shift();
      this.#running = next;
      this.#connection.begin(next.payload);
    }
    if (this.#running !== undefined) return;
    // Once it is to close nothing more is begun: what waits is given back.
    if (this.#isClosing) this.#leave('quit');
    else if (this.#queue.length === 0) this.#idle.set(this.#deps.options.idleMs);
  }

  #unreadable(waiting: Waiting, error: AttemptError): void {
    const { log } = this.#deps;
    const { attempt } = waiting;
    // A missing key is told once for its domain, not for each of its messages.
    if (error.kind === 'no-key') log.debug({ id: attempt.messageId, error }, 'a message could not be signed');
    else log.error({ id: attempt.messageId, location: attempt.location, error }, 'a message could not be read');
    this.#report(waiting, {
      results: attempt.indexes.map((index) => ({ index, decidedAt: 'mail', error })),
      mayHaveBeenDelivered: false,
    });
  }

  #report(waiting: Waiting, end: Pick<Report, 'results' | 'mayHaveBeenDelivered'>, steps: Steps = {}): void {
    const { attempt, grantedAt } = waiting;
    const connection = this.#connection;
    const tls = connection?.tls;
    const passedDsn = asksReports(waiting.payload) && connection?.state.facts.offer.dsn === true;
    const conversation = this.#conversation(end.results);
    const connectedAt = this.#settledCount === 0 ? connection?.connectedAt : undefined;
    const report: Report = {
      attempt: attempt.attempt,
      session: this.grant.session,
      messageId: attempt.messageId,
      results: end.results,
      mayHaveBeenDelivered: end.mayHaveBeenDelivered,
      ...(passedDsn && { passedDsn }),
      ...(conversation !== undefined && { conversation }),
      instants: {
        granted: grantedAt,
        ...(connectedAt !== undefined && { connected: connectedAt }),
        ...steps,
        done: this.#deps.clock.now(),
      },
      source: this.grant.source.name,
      ...(this.#candidate !== undefined && { remote: this.#candidate }),
      ...(this.#isTlsLeftOut() && { tlsLeftOut: true }),
      ...(tls !== undefined && { tls: { version: tls.version, cipher: tls.cipher, reused: tls.reused } }),
    };
    this.#owner.report(report, this.grant.lane);
    // Whoever reports goes on to the next, or finds that there is none.
    if (attempt.isLast === true) this.#isClosing = true;
  }

  /** Nothing goes by this connection; the next one to the host is made with TLS. */
  #secureAgain(): void {
    if (this.#candidate !== undefined) this.#deps.plainHosts.delete(this.#candidate.host);
    this.#isClosing = true;
  }

  #isTlsLeftOut(): boolean {
    const connection = this.#connection;
    return connection?.isPlain === true && connection.state.facts.offer.startTls;
  }

  #conversation(results: Report['results']): readonly string[] | undefined {
    const isWell = results.every(({ reply }) => reply !== undefined && reply.code < 300);
    if (this.#connection === undefined || (isWell && !this.#deps.isSample())) return undefined;
    return this.#connection.transcript.lines();
  }

  // ── from the connection ─────────────────────────────────────────────────────────────────────────────────────────

  ready(): void {
    if (this.#isClosing) this.#leave('quit');
    else this.#pump();
  }

  settled(settled: Settled, steps: Steps): void {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    if (this.#isTlsLeftOut() && settled.results.some(({ reply }) => reply?.code === MUST_STARTTLS)) this.#secureAgain();
    const isLeft = !settled.mayHaveBeenDelivered && settled.results.every(({ error }) => error === LEFT);
    if (isLeft) this.#unbegun.push(running.attempt.attempt);
    else this.#report(running, settled, steps);
    this.#settledCount++;
    const reply = settled.results.find((result) => result.reply?.code === 421);
    if (reply !== undefined) this.#why = 'peer';
  }

  unbegun(): void {
    if (this.#running !== undefined) this.#unbegun.push(this.#running.attempt.attempt);
    this.#running = undefined;
    this.#why = 'peer';
  }

  failed(): void {
    // Only while opening, and then src/egress/opening.ts listens.
  }

  closed(): void {
    if (this.#mode === 'up' && this.#connection?.isPeersEnd === true) this.#why = 'peer';
    this.#over();
  }

  // ── leaving ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #leave(why: 'idle' | 'quit'): void {
    if (this.#mode === 'leaving' || this.#mode === 'over') return;
    const before = this.#mode;
    this.#why = why;
    this.#mode = 'leaving';
    this.#idle.stop();
    if (before === 'idle') this.#over();
    else if (this.#connection !== undefined) this.#connection.quit();
    else this.#opening?.cancel();
  }

  #over(): void {
    if (this.#mode === 'over') return;
    this.#mode = 'over';
    this.#idle.stop();
    this.#finish.stop();
    const failure = this.#failure;
    const notBegun = [...this.#unbegun, ...this.#queue.map(({ attempt }) => attempt.attempt)];
    const { session, lane } = this.grant;
    this.#owner.closed({ session, why: this.#why, ...(failure !== undefined && { failure }), notBegun }, lane);
  }
}

/** Did the client say what it wants to hear of a recipient (RFC 3461 section 4.1)? */
function asksReports(payload: Waiting['payload']): boolean {
  if (payload === undefined || 'kind' in payload) return false;
  return payload.transaction.recipients.some(({ notify }) => notify !== undefined);
}

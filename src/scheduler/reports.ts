// From what egress says to what stands in the journal: reports, ends of sessions, dead processes. A delivery leaves the
// queue, or falls due anew, only once its outcome is written; only then is the report acknowledged.
import type { Report, SessionClosed, SessionReturned } from '../flow/attempt.ts';
import type { JournalEvent, OutcomeEvent } from '../flow/event.ts';
import { queueOf } from '../flow/queue-name.ts';
import type { Terms } from '../flow/settlement.ts';
import type { QueuedMessage } from '../flow/spool.ts';
import { plannedDelayMs } from '../policy/retry-plan.ts';
import { Acknowledgements } from './acknowledgements.ts';
import { otherwise } from './extension-use.ts';
import type { OpenAttempt } from './in-flight.ts';
import type { Egress, Session } from './lane.ts';
import { failureReport, lostReport } from './broken-report.ts';
import type { ReportsDeps } from './reports-deps.ts';
import { SecondChances } from './second-chances.ts';

/** Sessions in a row that end without having begun anything, until the lane sleeps. */
const FRUITLESS_MAX = 3;

export class Reports {
  readonly #deps: ReportsDeps;
  readonly #secondChances = new SecondChances();
  readonly #acknowledgements = new Acknowledgements();

  constructor(deps: ReportsDeps) {
    this.#deps = deps;
  }

  report(egress: Egress, report: Report): void {
    const attempt = this.#deps.inFlight.find(report.attempt);
    if (attempt === undefined) this.#stray(egress, report);
    else {
      this.#leave(attempt);
      attempt.session.reports++;
      attempt.session.hasBegun = true;
      attempt.session.recalls = 0;
      if (attempt.session.recall === 'firm') attempt.session.recall = 'none';
      this.#deps.health.lives(attempt.session, report);
      this.#settle(attempt, report, egress);
      this.#room(attempt.session);
    }
  }

  /** What was recalled waits again; what had begun meanwhile ends as it ends. */
  returned({ session: id, notBegun }: SessionReturned): void {
    const { egresses, inFlight, recorder } = this.#deps;
    const session = egresses.find(id);
    const back = notBegun.flatMap((one) => inFlight.find(one) ?? []);
    if (session !== undefined) session.recall = back.length === 0 ? 'firm' : 'none';
    for (const attempt of back) {
      this.#leave(attempt);
      // It is as if it had never been granted.
      attempt.session.granted--;
      this.giveBack(attempt);
    }
    if (session !== undefined) {
      session.hasBegun ||= session.outstanding.length > 0;
      this.#room(session);
    }
    recorder.request();
  }

  closed(closed: SessionClosed): void {
    const { egresses, granting } = this.#deps;
    const session = egresses.find(closed.session);
    if (session === undefined) {
      // Told twice: a `deliver` crossed the first. What was granted then has been taken back; if not, it is now.
      return this.#giveBackAll(closed.notBegun.flatMap((id) => this.#deps.inFlight.find(id) ?? []));
    }
    egresses.remove(session);
    if (closed.failure?.reply !== undefined) this.#acknowledgements.add(session.egress, closed.session);
    const back = [...session.outstanding];
    const atHand = session.reports === 0 ? back[0] : undefined;
    if (closed.why === 'capped') this.#deps.addresses.refused(session);
    else if (closed.failure !== undefined) {
      const isAlone = session.reach.sessions.size === 0;
      const answer = atHand && this.#answered(atHand, closed.failure);
      // One connection too many: the pace has answered that, and the others serve on. Where there is another way, that is tried.
      const isReached = answer === 'otherwise' || (answer === 'slow' && !isAlone);
      if (!isReached) this.#deps.health.failed(session, closed.failure, atHand);
      // Where other connections to the site live on, the host is reachable: nobody is deferred for one too many. Where
      // another source may try, nobody is deferred for this one.
      if (
        atHand !== undefined &&
        isAlone &&
        answer !== 'otherwise' &&
        !granting.mayGoElsewhere(session, atHand.queue)
      ) {
        back.shift();
        this.#leave(atHand);
        this.#settle(atHand, failureReport(atHand, closed.failure, this.#deps.clock.now()), undefined);
      }
    } else if (atHand !== undefined && ++session.reach.fruitless >= FRUITLESS_MAX) {
      this.#deps.health.failed(session, { phase: 'connect' }, atHand);
    }
    this.#giveBackAll(back);
    granting.freed(session);
    this.#deps.recorder.request();
  }

  /** The process died: what it was granted and did not report may have been delivered. */
  lost(egress: Egress): void {
    const { egresses, granting, time, clock } = this.#deps;
    for (const session of Array.from(egress.sessions)) {
      egresses.remove(session);
      for (const attempt of Array.from(session.outstanding)) {
        this.#leave(attempt);
        const wasLost = (index: number): boolean =>
          attempt.queued.waiting.find((w) => w.index === index)?.lastReply?.startsWith('lost:') === true;
        // Due at once; but mail that loses one process after the other keeps to its plan.
        const isRepeated = attempt.indexes.some(wasLost);
        this.#settle(attempt, lostReport(attempt, clock.now()), undefined, isRepeated ? undefined : time.now());
      }
      granting.freed(session);
    }
    this.#acknowledgements.drop(egress);
  }

  /**
   * Of a connection that was refused before MAIL: what follows is carried out, whoever is deferred for it. otherwise: it
   * may go at once, without what was to blame.
   */
  #answered(attempt: OpenAttempt, failure: NonNullable<SessionClosed['failure']>): 'slow' | 'otherwise' | undefined {
    if (failure.reply === undefined) return undefined;
    const report = failureReport(attempt, failure, this.#deps.clock.now());
    const terms = this.terms(attempt.queued, attempt.session.lane.name, 1, attempt.indexes[0] ?? 0, undefined, attempt);
    const { judged } = this.#deps.settle(report, attempt.queued, terms);
    this.#deps.consequences.follow(attempt, report, judged);
    if (judged.some((one) => otherwise(one, attempt, report) === 'now')) return 'otherwise';
    return judged.some(({ actions }) => actions.some((action) => action.do === 'slow')) ? 'slow' : undefined;
  }

  #giveBackAll(attempts: readonly OpenAttempt[]): void {
    for (const attempt of attempts) {
      this.#leave(attempt);
      this.giveBack(attempt);
    }
  }

  /** Granted, and egress does not know of it. */
  takeBack(attempt: OpenAttempt): void {
    this.#leave(attempt);
    attempt.session.granted--;
    this.giveBack(attempt);
    attempt.session.lane.place(attempt.session);
  }

  /** Not begun: waits again as if nothing had been. */
  giveBack(attempt: OpenAttempt): void {
    const { spool, inFlight, queues, recorder, marks, clock, paces } = this.#deps;
    inFlight.end(attempt);
    this.#deps.budgets.over(attempt);
    this.#deps.limits.over(attempt);
    spool.unpin(attempt.queued.location);
    const { id } = attempt.queued.message;
    if (attempt.hasIntent) {
      const at = clock.now();
      recorder.write(
        attempt.indexes.map((index) => ({ type: 'state', at, key: `intent/${id}/${index}`, by: 'scheduler' })),
      );
    }
    for (const index of attempt.indexes) {
      const waiting = attempt.queued.waiting.find((delivery) => delivery.index === index);
      if (waiting !== undefined) queues.offer(attempt.queue.name, waiting);
    }
    this.#deps.heldBack.undecided(attempt.queued.message);
    paces.returned(attempt.session.lane, attempt.indexes.length);
    queues.refresh(attempt.queue);
    if (marks.isCancelled(id)) this.#deps.onCancelled(id);
  }

  /** After the turn's events are written. */
  acknowledge(): void {
    this.#acknowledgements.send(this.#deps.egresses);
  }

  /** `first`: any of the deliveries that are settled together; all are of one routing domain. */
  terms(
    queued: QueuedMessage,
    lane: string | undefined,
    attempted: 0 | 1,
    first: number,
    dueAt?: number,
    attempt?: OpenAttempt,
  ): Terms {
    const { clock, time, random, settings, marks } = this.#deps;
    const { id, stream } = queued.message;
    const policy = settings.stream(stream);
    const now = clock.now();
    const domain = queued.message.forwardPaths[first]?.domain;
    const provider = domain === undefined ? undefined : this.#deps.routes.providerOf(domain);
    return {
      at: now,
      lane,
      attempted,
      mayDuplicate: policy.duplicates === 'allow',
      isOver: queued.expiresAt <= now,
      isCancelled: marks.isCancelled(id) || this.#deps.removal.cancelledBy(queued.message) !== undefined,
      mayGoAgain: (index) => attempted === 1 && this.#secondChances.take(`${id}/${index}`),
      provider,
      otherwise: (meaning, report) => attempt && otherwise(meaning, attempt, report),
      nextAttemptAt: (attempts, plan) => {
        if (dueAt !== undefined) return dueAt;
        return Math.ceil(time.now()) + plannedDelayMs(plan, policy.retryDelaysMs, attempts, random);
      },
    };
  }

  /** After outcomes were written outside of an attempt or for one: what they leave to do. */
  applied(queued: QueuedMessage, outcomes: readonly OutcomeEvent[], kept: readonly boolean[], from: number): void {
    const { queues, marks, spool, recorder, clock } = this.#deps;
    const { id } = queued.message;
    outcomes.forEach((event, i) => {
      if (kept[from + i] !== true) return;
      this.#secondChances.forget(`${id}/${event.index}`);
      if (event.outcome !== 'deferred') return;
      const due = { dueAt: event.nextAttemptAt ?? event.at, messageId: id, index: event.index };
      queues.offer(queueOf(queued.message, event.index), due);
    });
    if (marks.isCancelled(id) && spool.message(id) === undefined) {
      marks.forget(id);
      recorder.add([{ type: 'state', at: clock.now(), key: `cancel/${id}`, by: 'scheduler' }]);
    }
  }

  /** Judged now, written at the end of the turn, out of flight after that. */
  #settle(attempt: OpenAttempt, report: Report, egress: Egress | undefined, dueAt?: number): void {
    const { queued, queue } = attempt;
    const { recorder, inFlight, spool, queues, settle, feedback, limits } = this.#deps;
    limits.over(attempt, report);
    const terms = this.terms(queued, attempt.session.lane.name, 1, attempt.indexes[0] ?? 0, dueAt, attempt);
    this.#deps.budgets.over(attempt, report);
    const { outcomes: settled, again, judged } = settle(report, queued, terms);
    if (egress !== undefined) this.#deps.consequences.follow(attempt, report, judged);
    const outcomes = feedback.owe(queued, settled, report);
    attempt.session.lane.destination.ended(this.#deps.time.now(), outcomes);
    const events: JournalEvent[] = [...outcomes];
    if (outcomes.some((event) => event.error?.kind === 'damaged')) {
      recorder.alarm('damaged-record', `the record of message ${queued.message.id} is damaged`, queued.message.id);
    }
    if (attempt.hasIntent) {
      // What goes again has not been sent: its intent is void.
      for (const index of attempt.indexes) {
        if (outcomes.some((event) => event.index === index)) continue;
        events.push({ type: 'state', at: terms.at, key: `intent/${queued.message.id}/${index}`, by: 'scheduler' });
      }
    }
    recorder.add(events, (kept, from) => {
      inFlight.end(attempt);
      spool.unpin(queued.location);
      this.applied(queued, outcomes, kept, from);
      // Again at once, and what the report forgot to name.
      if (again.length > 0 || outcomes.length < attempt.indexes.length) {
        for (const index of attempt.indexes) {
          const waiting = queued.waiting.find((delivery) => delivery.index === index);
          const isSettled = outcomes.some((event) => event.index === index);
          if (waiting !== undefined && !isSettled) queues.offer(queue.name, waiting);
        }
      }
      if (queue.inFlight === 0 && queue.mode === 'idle') queues.refresh(queue);
      if (egress !== undefined) this.#acknowledgements.add(egress, report.attempt);
    });
  }

  /** Of an earlier life of the scheduler, or told again: written unless it was. */
  #stray(egress: Egress, report: Report): void {
    const { spool, inFlight, settle, recorder, feedback } = this.#deps;
    const queued = spool.message(report.messageId);
    if (queued !== undefined) {
      const { id } = queued.message;
      const results = report.results.filter((result) => !inFlight.has(id, result.index));
      const terms = this.terms(queued, undefined, 1, report.results[0]?.index ?? 0);
      const { outcomes } = settle({ ...report, results }, queued, terms);
      const unknown = outcomes.filter((event) => {
        const waiting = queued.waiting.find((delivery) => delivery.index === event.index);
        // A deferral that was written moved its delivery past the instant of the attempt.
        const isKnown = event.outcome === 'deferred' && (waiting?.dueAt ?? 0) > report.instants.granted;
        return !isKnown;
      });
      const fresh = feedback.owe(queued, unknown, report);
      recorder.add(fresh, (kept, from) => this.applied(queued, fresh, kept, from));
    }
    this.#acknowledgements.add(egress, report.attempt);
    recorder.request();
  }

  /** Its session no longer counts it. */
  #leave(attempt: OpenAttempt): void {
    const { outstanding } = attempt.session;
    this.#deps.inFlight.close(attempt);
    const at = outstanding.indexOf(attempt);
    if (at >= 0) outstanding.splice(at, 1);
  }

  /** After a report: the session takes more, or has had its fill. */
  #room(session: Session): void {
    const { egresses, granting, sources, addresses } = this.#deps;
    const { lane } = session;
    lane.place(session);
    const isSpent = lane.isSpent(session) || !sources.maySend(lane.source.name);
    if (isSpent && session.outstanding.length === 0) egresses.closeSession(session);
    addresses.idles(session);
    granting.room(session);
  }
}

// Deliveries that are settled, or moved, without an attempt: expired, cancelled, thrown away by a route, refused by
// routing, deferred because DNS is silent, made due by an operator.
import type { Report } from '../flow/attempt.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { Feedback } from '../flow/feedback.ts';
import type { MessageId } from '../flow/message.ts';
import { type Fate, outcomeEvent } from '../flow/outcome-event.ts';
import type { DeliveryResult } from '../flow/attempt.ts';
import { queueOf } from '../flow/queue-name.ts';
import type { QueuedMessage, WaitingDelivery } from '../flow/spool.ts';
import type { Suppression } from '../flow/suppression.ts';
import type { Clock } from '../base/clock.ts';
import type { Settle } from '../flow/settlement.ts';
import type { Spool } from '../flow/spool.ts';
import type { Domain, KnownRoute } from './domain.ts';
import type { DueTime } from './due-time.ts';
import type { InFlight } from './in-flight.ts';
import { parseLastReply } from './last-reply.ts';
import type { Pulling } from './pulling.ts';
import type { Queues } from './queues.ts';
import type { Recorder } from './recorder.ts';
import type { Reports } from './reports.ts';

export interface UnattemptedDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly spool: Spool;
  readonly settle: Settle;
  readonly feedback: Feedback;
  readonly inFlight: InFlight;
  readonly queues: Queues;
  readonly pulling: Pulling;
  readonly recorder: Recorder;
  readonly reports: Reports;
}

/** Transactions disposed of in one turn. */
const DISPOSALS_MAX = 200;

export class Unattempted {
  readonly #deps: UnattemptedDeps;
  readonly #disposals = new Set<Domain>();

  constructor(deps: UnattemptedDeps) {
    this.#deps = deps;
  }

  /** Mail of this domain is settled by its route, some in each turn. */
  dispose(domain: Domain): void {
    this.#disposals.add(domain);
    this.#deps.recorder.request();
  }

  /** One turn's share of the disposals. */
  step(): void {
    let left = DISPOSALS_MAX;
    for (const domain of this.#disposals) {
      left = this.#disposeOf(domain, left);
      if (left > 0) this.#disposals.delete(domain);
      else break;
    }
    if (this.#disposals.size > 0) this.#deps.recorder.request();
  }

  /** Nobody knows the route: the delivery at hand tells why, by its retry plan; the others wait with the domain. */
  deferAtHand(domain: Domain, text: string): void {
    const { queues, pulling, time } = this.#deps;
    for (const queue of Array.from(domain.queues)) {
      if (queue.mode !== 'waiting') continue;
      if (queues.hold(queue)) continue;
      const pulled = pulling.pull(queue, time.now());
      if (pulled === undefined) {
        queues.refresh(queue);
        continue;
      }
      const result = { decidedAt: 'dns', error: { kind: 'unreachable', text } } as const;
      const { queued, indexes } = pulled;
      this.#settle(
        queued,
        indexes.map((index) => ({ index, ...result })),
        1,
      );
      return;
    }
  }

  /** Settles what waits of a message that is past its lifetime; what is in flight ends as it ends. */
  expire(queued: QueuedMessage): void {
    for (const waiting of this.#notInFlight(queued)) {
      const last = parseLastReply(waiting.lastReply) ?? this.#laneReason(queued, waiting);
      if (last !== undefined) {
        this.#settle(queued, [{ index: waiting.index, decidedAt: 'dot', ...last }], 0, 'expired');
        continue;
      }
      this.#write(queued, [
        this.#event(queued, waiting, {
          outcome: 'expired',
          category: waiting.attempts === 0 ? 'not-attempted' : 'expired',
          scope: 'recipient',
          rule: 'lifetime',
        }),
      ]);
      if (waiting.attempts === 0) {
        this.#deps.recorder.alarm('not-attempted', 'mail expired that was never tried: it waited for us');
      }
    }
  }

  /** How many were settled. */
  cancel(id: MessageId, by: string): number {
    const queued = this.#deps.spool.message(id);
    if (queued === undefined) return 0;
    const events = this.#notInFlight(queued).map((waiting) =>
      this.#event(queued, waiting, { outcome: 'cancelled', category: 'cancelled', scope: 'message', rule: by }),
    );
    this.#write(queued, events);
    return events.length;
  }

  /** `duplicates: never`, and an earlier life began this delivery: nobody knows whether it went out. */
  endAsUnknown(id: MessageId, index: number): void {
    const queued = this.#deps.spool.message(id);
    const waiting = queued?.waiting.find((delivery) => delivery.index === index);
    if (queued === undefined || waiting === undefined || this.#deps.inFlight.has(id, index)) return;
    const fate = { outcome: 'unknown', category: 'connect-failure', scope: 'site', rule: 'intent' } as const;
    this.#write(queued, [this.#event(queued, waiting, fate, waiting.attempts + 1)]);
  }

  /** Makes what waits of a message (for one domain) due now. How many deliveries were moved. */
  makeDue(queued: QueuedMessage, rule: string, domain?: string): number {
    const at = Math.ceil(this.#deps.time.now());
    const events = this.#notInFlight(queued)
      .filter((waiting) => waiting.dueAt > at)
      .filter(({ index }) => domain === undefined || queued.message.forwardPaths[index]?.domain === domain)
      .map((waiting) =>
        this.#event(queued, waiting, {
          outcome: 'deferred',
          category: 'rescheduled',
          scope: 'recipient',
          rule,
          nextAttemptAt: at,
          ...parseLastReply(waiting.lastReply),
        }),
      );
    this.#write(queued, events);
    return events.length;
  }

  #disposeOf(domain: Domain, budget: number): number {
    const { queues, pulling, time } = this.#deps;
    let left = budget;
    for (const queue of Array.from(domain.queues)) {
      while (left > 0 && queue.mode === 'waiting') {
        const now = time.now();
        const route = domain.freshRoute(now);
        if (route === undefined || route.kind === 'relay') {
          queues.refresh(queue);
          break;
        }
        if (queues.hold(queue)) break;
        const pulled = pulling.pull(queue, now);
        if (pulled === undefined) queues.refresh(queue);
        else {
          this.#byRoute(pulled.queued, pulled.indexes, route);
          left--;
        }
      }
      if (left === 0) break;
    }
    return left;
  }

  #byRoute(queued: QueuedMessage, indexes: readonly number[], route: Exclude<KnownRoute, { kind: 'relay' }>) {
    if (route.kind === 'unroutable') {
      const reply = { code: route.code, enhanced: route.enhanced, lines: [route.text] };
      this.#settle(
        queued,
        indexes.map((index) => ({ index, decidedAt: 'dns', reply })),
        1,
      );
      return;
    }
    this.discard(queued, indexes, route.rule);
  }

  /** Throws away, settled as delivered: the rule's name says that nobody got it. */
  discard(queued: QueuedMessage, indexes: readonly number[], rule: string): void {
    const events: OutcomeEvent[] = [];
    for (const index of indexes) {
      const waiting = queued.waiting.find((delivery) => delivery.index === index);
      const fate = { outcome: 'delivered', category: 'delivered', scope: 'recipient', rule } as const;
      if (waiting !== undefined) events.push(this.#event(queued, waiting, fate));
    }
    this.#write(queued, events);
  }

  /** Not sent, because this recipient is on the suppression list. */
  suppress(queued: QueuedMessage, index: number, { scope, reason }: Suppression): void {
    const waiting = queued.waiting.find((delivery) => delivery.index === index);
    if (waiting === undefined) return;
    const rule = `suppression ${scope} ${reason}`;
    const fate = { outcome: 'suppressed', category: 'suppressed', scope: 'recipient', rule } as const;
    this.#write(queued, [this.#event(queued, waiting, fate)]);
  }

  /** What keeps the mail of this domain from being tried: the reason of what expires untried behind it. */
  #laneReason(
    queued: QueuedMessage,
    waiting: WaitingDelivery,
  ): Omit<DeliveryResult, 'index' | 'decidedAt'> | undefined {
    const domain = this.#deps.queues.find(queueOf(queued.message, waiting.index))?.binding.domain;
    if (domain === undefined) return undefined;
    if (domain.lastFailure !== undefined) return { error: { kind: 'unreachable', text: domain.lastFailure } };
    for (const lane of domain.destination?.lanes.values() ?? []) {
      const failure = lane.findReach(domain.site)?.lastFailure;
      if (failure?.reply !== undefined) return { reply: failure.reply };
      if (failure?.error !== undefined) return { error: failure.error };
    }
    return undefined;
  }

  #notInFlight(queued: QueuedMessage): readonly WaitingDelivery[] {
    const { id } = queued.message;
    return queued.waiting.filter((waiting) => !this.#deps.inFlight.has(id, waiting.index));
  }

  #event(
    queued: QueuedMessage,
    waiting: WaitingDelivery,
    fate: Omit<Fate, 'attempts'>,
    attempts = waiting.attempts,
  ): OutcomeEvent {
    return outcomeEvent(queued, waiting.index, this.#deps.clock.now(), { ...fate, attempts });
  }

  /** `as`: the outcome is this whatever the results mean; where they were decided is not known any more. */
  #settle(queued: QueuedMessage, results: readonly DeliveryResult[], attempted: 0 | 1, as?: 'expired'): void {
    const now = this.#deps.clock.now();
    const report: Report = {
      attempt: '',
      session: '',
      messageId: queued.message.id,
      results,
      mayHaveBeenDelivered: false,
      instants: { granted: now, done: now },
      source: '',
    };
    const terms = this.#deps.reports.terms(queued, undefined, attempted, results[0]?.index ?? 0);
    const { outcomes } = this.#deps.settle(report, queued, terms);
    if (as === undefined) this.#write(queued, outcomes);
    else {
      this.#write(
        queued,
        outcomes.map((event) => endedAs(event, as)),
      );
    }
  }

  #write(queued: QueuedMessage, outcomes: readonly OutcomeEvent[]): void {
    if (outcomes.length === 0) return;
    const owing = this.#deps.feedback.owe(queued, outcomes);
    const kept = this.#deps.recorder.write(owing);
    this.#deps.reports.applied(queued, owing, kept, 0);
  }
}

function endedAs(event: OutcomeEvent, outcome: 'expired'): OutcomeEvent {
  const { decidedAt, nextAttemptAt, ...rest } = event;
  void decidedAt;
  void nextAttemptAt;
  return { ...rest, outcome };
}

// Takes the next due delivery of a queue and everything that may go with it in one transaction: the other due
// deliveries of the same message and routing domain. The spool is asked, so a stale head does no harm.
import type { Clock } from '../base/clock.ts';
import type { QueuedMessage, Spool } from '../flow/spool.ts';
import type { Suppression } from '../flow/suppression.ts';
import { isOver, type Reprieve } from '../policy/lifetime.ts';
import type { HeldBack } from './held-back.ts';
import type { CampaignRemoval } from './campaign-removal.ts';
import type { InFlight } from './in-flight.ts';
import type { Queue } from './queue.ts';
import type { Settings } from './settings.ts';
import type { Suppressions } from './suppressions.ts';

export interface Pulled {
  readonly queued: QueuedMessage;
  /** Ascending. */
  readonly indexes: readonly number[];
  readonly priorAttempts: number;
}

export interface PullingDeps {
  readonly spool: Spool;
  readonly clock: Clock;
  readonly inFlight: InFlight;
  readonly settings: Settings;
  readonly suppressions: Suppressions;
  readonly heldBack: HeldBack;
  readonly removal: CampaignRemoval;
  readonly reprieve: () => Reprieve | undefined;
  /** This message is past its lifetime. */
  readonly onOver: (queued: QueuedMessage) => void;
  /** Its campaign was cancelled after it was accepted. */
  readonly onCancelled: (queued: QueuedMessage, by: string) => void;
  /** The allow-list does not name this recipient. */
  readonly onNotAllowed: (queued: QueuedMessage, index: number) => void;
  /** This recipient gets no mail. */
  readonly onSuppressed: (queued: QueuedMessage, index: number, entry: Suppression) => void;
}

export class Pulling {
  readonly #deps: PullingDeps;

  constructor(deps: PullingDeps) {
    this.#deps = deps;
  }

  /** At most `recipientsMax`, at least one. undefined: nothing of the queue is due now. */
  pull(queue: Queue, now: number, recipientsMax = Infinity): Pulled | undefined {
    const { spool, inFlight, clock } = this.#deps;
    for (;;) {
      const due = queue.take(now, spool, inFlight.isInFlight);
      if (due === undefined) return undefined;
      const queued = spool.message(due.messageId);
      const waiting = queued?.waiting.find((delivery) => delivery.index === due.index);
      if (queued === undefined || waiting === undefined) continue;
      if (waiting.dueAt > now) {
        queue.offer(waiting);
        continue;
      }
      if (isOver(queued.expiresAt, clock.now(), this.#deps.reprieve())) {
        this.#deps.onOver(queued);
        continue;
      }
      const cancelledBy = this.#deps.removal.cancelledBy(queued.message);
      if (cancelledBy !== undefined) {
        this.#deps.onCancelled(queued, cancelledBy);
        continue;
      }
      const { isPartlyAllowed } = queue.binding;
      if (isPartlyAllowed && !this.#mayWriteTo(queued, due.index)) {
        this.#deps.onNotAllowed(queued, due.index);
        continue;
      }
      const entry = this.#suppression(queued, due.index);
      if (entry !== undefined) {
        this.#deps.onSuppressed(queued, due.index, entry);
        continue;
      }
      const held = this.#deps.heldBack.find(queue, queued.message, now);
      if (held !== undefined) {
        if (this.#deps.heldBack.keep(held, queue, due)) continue;
        return undefined;
      }
      if (queued.waiting.length === 1) return { queued, indexes: [due.index], priorAttempts: waiting.attempts };
      return this.#gather(queued, due.index, now, isPartlyAllowed, recipientsMax);
    }
  }

  #mayWriteTo(queued: QueuedMessage, index: number): boolean {
    const path = queued.message.forwardPaths[index];
    return path !== undefined && this.#deps.settings.mayWriteTo(path);
  }

  #suppression({ message }: QueuedMessage, index: number): Suppression | undefined {
    const path = message.forwardPaths[index];
    if (path === undefined) return undefined;
    const { mailbox, domain } = path;
    return this.#deps.suppressions.find({ mailbox, domain, tenant: message.tenant, stream: message.stream });
  }

  #gather(queued: QueuedMessage, first: number, now: number, isPartlyAllowed: boolean, recipientsMax: number): Pulled {
    const { inFlight, settings } = this.#deps;
    const most = Math.min(settings.caps.recipientsPerTransaction, recipientsMax);
    const paths = queued.message.forwardPaths;
    const domain = paths[first]?.domain;
    const indexes: number[] = [first];
    let priorAttempts = 0;
    for (const delivery of queued.waiting) {
      if (delivery.index === first) priorAttempts = Math.max(priorAttempts, delivery.attempts);
      if (indexes.length >= most) continue;
      if (delivery.index === first || delivery.dueAt > now || paths[delivery.index]?.domain !== domain) continue;
      if (inFlight.has(queued.message.id, delivery.index)) continue;
      if (isPartlyAllowed && !this.#mayWriteTo(queued, delivery.index)) continue;
      if (this.#suppression(queued, delivery.index) !== undefined) continue;
      indexes.push(delivery.index);
      priorAttempts = Math.max(priorAttempts, delivery.attempts);
    }
    return { queued, indexes: indexes.sort((a, b) => a - b), priorAttempts };
  }
}

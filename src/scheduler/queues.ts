// Every queue that has something waiting, and which mode it is in. One look (`refresh`) finds the mode anew from what is
// due, what is paused and what is known of the route; nothing scans all queues when something happens to one.
import type { Due, QueueName } from '../flow/spool.ts';
import { queueKey } from '../flow/queue-name.ts';
import type { Destination } from './destination.ts';
import type { Domain } from './domain.ts';
import type { DueTime } from './due-time.ts';
import type { HeldBack } from './held-back.ts';
import { holdOf } from './hold.ts';
import type { InFlight } from './in-flight.ts';
import type { Marks } from './marks.ts';
import { isOf } from './moves.ts';
import { type HeadBudget, Queue } from './queue.ts';
import type { Recorder } from './recorder.ts';
import type { Routes } from './routes.ts';
import type { Settings } from './settings.ts';
import type { Wakes } from './wakes.ts';

export interface QueuesDeps {
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly routes: Routes;
  readonly settings: Settings;
  readonly marks: Marks;
  readonly recorder: Recorder;
  readonly inFlight: InFlight;
  readonly heldBack: HeldBack;
  /** A queue of this destination is ready: its lanes may pull. */
  readonly onReady: (destination: Destination, queue: Queue) => void;
  /** This domain's mail is settled without an attempt (discard, no such domain). */
  readonly onDispose: (domain: Domain) => void;
}

export class Queues {
  readonly #deps: QueuesDeps;
  readonly #queues = new Map<string, Queue>();
  readonly #parked = new Set<Queue>();
  readonly #budget: HeadBudget;
  readonly #onWake = (queue: Queue): void => this.#woken(queue);

  constructor(deps: QueuesDeps) {
    this.#deps = deps;
    const { headMax, headsMax } = deps.settings.limits;
    this.#budget = { held: 0, perQueue: headMax, inAll: headsMax };
  }

  get size(): number {
    return this.#queues.size;
  }

  get all(): Iterable<Queue> {
    return this.#queues.values();
  }

  find(name: QueueName): Queue | undefined {
    return this.#queues.get(queueKey(name));
  }

  /** At a start: something waits in it, due from `firstDueAt` on. */
  load(name: QueueName, firstDueAt: number): void {
    this.refresh(this.#get(name, firstDueAt));
  }

  get(name: QueueName): Queue {
    return this.#get(name, undefined);
  }

  /** A delivery waits (new, deferred, given back). The queue may have been forgotten meanwhile. */
  offer(name: QueueName, due: Due): void {
    const queue = this.get(name);
    queue.offer(due);
    if (queue.mode === 'idle') this.refresh(queue);
    else if (queue.mode === 'asleep') {
      if (due.dueAt <= this.#deps.time.now()) this.refresh(queue);
      else this.#deps.wakes.set(queue, due.dueAt);
    }
  }

  /** Finds the queue's mode anew. Not for one that is ready: `unready` first. */
  refresh(queue: Queue): void {
    if (queue.mode === 'ready') return;
    this.#parked.delete(queue);
    const first = queue.firstDueAt;
    if (first === Infinity) {
      queue.mode = 'idle';
      if (queue.inFlight === 0) this.#forget(queue);
    } else if (first > this.#deps.time.now()) {
      queue.mode = 'asleep';
      queue.sleep();
      this.#deps.wakes.set(queue, first);
    } else this.#due(queue);
  }

  /** Takes it out of the order of its destination. */
  unready(queue: Queue): void {
    if (queue.mode !== 'ready') return;
    queue.mode = 'idle';
    for (const set of queue.binding.domain.destination?.sets ?? []) set.order.remove(queue);
  }

  /** Holds it: an operator's mark, or a name nobody knows. */
  hold(queue: Queue): boolean {
    const hold = holdOf(this.#deps, queue.name, queue.binding.rule);
    if (hold === undefined && this.#deps.heldBack.blocks(queue) === undefined) return false;
    this.unready(queue);
    queue.mode = 'parked';
    queue.sleep();
    this.#parked.add(queue);
    if (hold?.for === 'name') {
      this.#deps.recorder.alarm('unknown-name', `mail waits for a name that nobody knows: ${hold.name}`, hold.name);
    }
    return true;
  }

  /** A mark or the options changed: looks at what was held. */
  unpark(): void {
    for (const queue of Array.from(this.#parked)) this.refresh(queue);
  }

  /** Mail that a mark of this form names has another pool now. Nothing of it is rewritten. */
  moved(mark: string): void {
    for (const queue of Array.from(this.#queues.values())) {
      if (!isOf(queue.name, mark)) continue;
      this.unready(queue);
      this.refresh(queue);
    }
  }

  /** The options changed: every queue is looked at anew, and goes by the routes in force now. */
  refreshAll(): void {
    const all = Array.from(this.#queues.values());
    for (const queue of all) {
      this.unready(queue);
      const before = queue.binding.domain;
      this.#bind(queue);
      if (queue.binding.domain !== before) before.queues.delete(queue);
    }
    for (const queue of all) this.refresh(queue);
  }

  /** The queues of a domain leave the order of their destination and wait for its route. */
  leave(domain: Domain): void {
    for (const queue of domain.queues) {
      if (queue.mode !== 'ready') continue;
      this.unready(queue);
      queue.mode = 'waiting';
    }
  }

  /** The route of a domain is known, or may be asked again: what waited for it goes on. */
  goOn(domain: Domain): void {
    for (const queue of Array.from(domain.queues)) if (queue.mode === 'waiting') this.refresh(queue);
  }

  #due(queue: Queue): void {
    if (this.hold(queue)) return;
    const { routes, time, settings } = this.#deps;
    const { domain, rule } = queue.binding;
    const route = domain.freshRoute(time.now());
    if (route?.kind === 'relay' && domain.destination !== undefined) {
      queue.mode = 'ready';
      const set = domain.destination.set(settings.poolOf(queue.name, rule));
      set.order.add(queue, queue.key, settings.shares(queue.name), domain.relayKey);
      this.#deps.onReady(domain.destination, queue);
      return;
    }
    queue.mode = 'waiting';
    if (route === undefined) routes.want(domain);
    else this.#deps.onDispose(domain);
  }

  #woken(queue: Queue): void {
    if (queue.mode === 'asleep') this.refresh(queue);
  }

  #get(name: QueueName, firstDueAt: number | undefined): Queue {
    const key = queueKey(name);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = new Queue(name, key, this.#budget, this.#onWake, firstDueAt);
      this.#queues.set(key, queue);
      this.#bind(queue);
    }
    return queue;
  }

  #bind(queue: Queue): void {
    const choice = this.#deps.settings.route(queue.name);
    const domain = this.#deps.routes.domain(queue.name.domain, choice);
    queue.binding = { rule: choice.rule, domain, isPartlyAllowed: choice.isPartlyAllowed };
    domain.queues.add(queue);
  }

  #forget(queue: Queue): void {
    queue.forget();
    this.#queues.delete(queue.key);
    queue.binding.domain.queues.delete(queue);
  }
}

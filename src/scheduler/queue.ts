// One queue that has something waiting: a small record, and the head of its order. The spool has the truth; the head
// is a bounded piece of it, read when needed and dropped when the queue sleeps. What is taken from it may be stale:
// who takes asks the spool.
//
// Invariant: everything that waits at or before the cursor is in the head or in flight; what is past it is unread.
import type { Due, QueueName, Spool } from '../flow/spool.ts';
import type { RouteRule } from '../flow/route.ts';
import type { Domain } from './domain.ts';
import type { Wakeable } from './wakes.ts';

/** Where its mail goes by the routes in force. A reload binds it anew: nothing of it stands in the spool. */
export interface Binding {
  readonly rule: RouteRule;
  readonly domain: Domain;
  /** Each delivery's mailbox is to be looked at: only some of the domain are allowed. */
  readonly isPartlyAllowed: boolean;
}

/** Items of all heads together, so that many queues keep few each. */
export interface HeadBudget {
  held: number;
  readonly perQueue: number;
  readonly inAll: number;
}

/** A head this small is kept while its queue sleeps, when it is all there is. */
const KEPT_MAX = 4;
const HEAD_MIN = 8;

/**
 * idle: nothing due is known · asleep: the first is due later · waiting: for its domain's route · ready: lanes may
 * pull · parked: paused, or a name nobody knows.
 */
export type QueueMode = 'idle' | 'asleep' | 'waiting' | 'ready' | 'parked';

export function compareDue(a: Due, b: Due): number {
  if (a.dueAt !== b.dueAt) return a.dueAt - b.dueAt;
  if (a.messageId !== b.messageId) return a.messageId < b.messageId ? -1 : 1;
  return a.index - b.index;
}

export class Queue implements Wakeable {
  readonly name: QueueName;
  readonly key: string;
  /** Set by who makes it. */
  binding!: Binding;
  mode: QueueMode = 'idle';
  /** Deliveries that are granted, or whose outcome is not recorded yet. */
  inFlight = 0;
  wakeAt: number | undefined;
  readonly #onWake: (queue: Queue) => void;
  readonly #budget: HeadBudget;
  #head: Due[] = [];
  #from = 0;
  #cursor: Due | 'start' | 'end';
  /** With the cursor at the start: smallest due instant that waits. */
  #beyond: number;

  /** `firstDueAt`: something may wait already, due from then on; absent: nothing waits. */
  constructor(
    name: QueueName,
    key: string,
    budget: HeadBudget,
    onWake: (queue: Queue) => void,
    firstDueAt: number | undefined,
  ) {
    this.name = name;
    this.key = key;
    this.#budget = budget;
    this.#onWake = onWake;
    this.#cursor = firstDueAt === undefined ? 'end' : 'start';
    this.#beyond = firstDueAt ?? Infinity;
  }

  wake(): void {
    this.#onWake(this);
  }

  /** A delivery waits at this place of the order (new, deferred or given back). */
  offer(due: Due): void {
    if (this.#cursor === 'start') {
      this.#beyond = Math.min(this.#beyond, due.dueAt);
      return;
    }
    if (this.#cursor !== 'end' && compareDue(due, this.#cursor) > 0) return;
    const last = this.#head[this.#head.length - 1];
    if (last === undefined || this.#from === this.#head.length || compareDue(last, due) < 0) this.#head.push(due);
    else if (!this.#insert(due)) return;
    this.#budget.held++;
    if (this.#head.length - this.#from > 2 * this.#budget.perQueue) this.#cut(this.#budget.perQueue);
  }

  /** Smallest due instant that may wait; Infinity when nothing does. Too early is possible, too late is not. */
  get firstDueAt(): number {
    const first = this.#head[this.#from];
    if (first !== undefined) return first.dueAt;
    if (this.#cursor === 'start') return this.#beyond;
    return this.#cursor === 'end' ? Infinity : this.#cursor.dueAt;
  }

  /** How many are known to be due, at most `max`; of what is unread nothing is. */
  dueInHead(now: number, max: number): number {
    let count = 0;
    while (count < max && (this.#head[this.#from + count]?.dueAt ?? Infinity) <= now) count++;
    return count;
  }

  /** Next delivery that is due and not in flight; undefined when none is. */
  take(now: number, spool: Spool, isInFlight: (due: Due) => boolean): Due | undefined {
    for (;;) {
      const first = this.#head[this.#from];
      if (first === undefined) {
        if (this.#cursor === 'end') return undefined;
        this.#read(spool);
        continue;
      }
      if (first.dueAt > now) return undefined;
      this.#from++;
      this.#budget.held--;
      if (this.#from === this.#head.length) this.#clear();
      else if (this.#from > 2 * this.#budget.perQueue) this.#compact();
      if (!isInFlight(first)) return first;
    }
  }

  /** Gives the head's memory back, unless it is small and all there is. */
  sleep(): void {
    const held = this.#head.length - this.#from;
    if (this.#cursor === 'end' && held <= KEPT_MAX) return;
    const first = this.firstDueAt;
    this.forget();
    this.#cursor = 'start';
    this.#beyond = first;
  }

  /** The record goes: its head no longer counts. */
  forget(): void {
    this.#budget.held -= this.#head.length - this.#from;
    this.#clear();
  }

  #read(spool: Spool): void {
    const { held, inAll, perQueue } = this.#budget;
    const limit = held < inAll ? perQueue : Math.min(HEAD_MIN, perQueue);
    const after = typeof this.#cursor === 'string' ? undefined : this.#cursor;
    const read = spool.due(this.name, limit, after);
    this.#head = [...read];
    this.#from = 0;
    this.#budget.held += read.length;
    this.#cursor = read.length < limit ? 'end' : (read[read.length - 1] as Due);
  }

  /** False when it is there already. */
  #insert(due: Due): boolean {
    let low = this.#from;
    let high = this.#head.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareDue(this.#head[middle] as Due, due) < 0) low = middle + 1;
      else high = middle;
    }
    const there = this.#head[low];
    if (there !== undefined && compareDue(there, due) === 0) return false;
    this.#head.splice(low, 0, due);
    return true;
  }

  #cut(keep: number): void {
    this.#compact();
    this.#budget.held -= this.#head.length - keep;
    this.#head.length = keep;
    this.#cursor = this.#head[keep - 1] as Due;
  }

  #compact(): void {
    this.#head = this.#head.slice(this.#from);
    this.#from = 0;
  }

  #clear(): void {
    this.#head = [];
    this.#from = 0;
  }
}

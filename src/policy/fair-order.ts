// Whose turn it is: stream priority first, then deficit round robin over streams, tenants, campaigns and queues.
// Holds only what is ready now. The cost of a turn (recipients) is charged after it, since it is known only then; a
// share that overdrew pays by missing turns. What cannot go now (all connections of its relay are busy, its tenant is at a
// cap) rests: it
// keeps its debts, is owed the rounds it misses, and the others go meanwhile. No clock, no chance.

/** What one delivery queue competes as. Weights are at least 1. */
export interface Shares {
  readonly priority: number;
  readonly stream: string;
  readonly streamWeight: number;
  readonly tenant: string;
  readonly tenantWeight: number;
  readonly campaign: string;
}

/** Recipients a weight of 1 may send per turn: small, so that shares are even over seconds, not minutes. */
const QUANTUM = 4;
/** Recipients a weight of 1 may owe, for what went in one transaction. */
const DEBT_MAX = 1000;
/** Recipients a weight of 1 is owed for the rounds in which it rested: whoever could not go for long does not make up for
 * all of it at once. */
const CREDIT_MAX = 100;

interface Level {
  readonly priority: number;
  readonly root: Share<unknown>;
}

/** A node of the tree of shares: those of its children that can go stand in a ring, one of them has the turn. */
class Share<T> {
  readonly parent: Share<T> | undefined;
  readonly key: string;
  readonly weight: number;
  readonly item: T | undefined;
  /** Only while it has any: a leaf needs no map. */
  children: Map<string, Share<T>> | undefined;
  turn: Share<T> | undefined;
  deficit = 0;
  next: Share<T> = this;
  previous: Share<T> = this;
  isInRing = false;
  isResting = false;
  /** Of those in its ring. */
  ringWeight = 0;
  /** Recipients that a weight of 1 in its ring has had turns for. */
  round = 0;
  /** Round of the parent at which it left the ring. */
  #leftAt: number | undefined;

  constructor(parent: Share<T> | undefined, key: string, weight: number, item?: T) {
    this.parent = parent;
    this.key = key;
    this.weight = Math.max(1, weight);
    this.item = item;
  }

  child(key: string, weight: number, item?: T): Share<T> {
    const known = this.children?.get(key);
    if (known !== undefined) return known;
    const child = new Share(this, key, weight, item);
    (this.children ??= new Map()).set(key, child);
    return child;
  }

  /** Into the ring of its parent, and so on up: last in the round, at once when it is owed. Not while it rests. */
  enter(): void {
    const { parent } = this;
    if (parent === undefined || this.isInRing || this.isResting) return;
    this.isInRing = true;
    parent.ringWeight += this.weight;
    const missed = parent.round - (this.#leftAt ?? parent.round);
    if (missed > 0) this.deficit = Math.min(this.deficit + this.weight * missed, CREDIT_MAX * this.weight);
    const { turn } = parent;
    if (turn === undefined) {
      this.next = this;
      this.previous = this;
      // Only the very first turn is given here: a relay that rests and wakes again and again is no new round.
      if (this.#leftAt === undefined && this.deficit === 0) this.deficit = QUANTUM * this.weight;
      parent.turn = this;
      parent.enter();
      return;
    }
    this.next = turn;
    this.previous = turn.previous;
    turn.previous.next = this;
    turn.previous = this;
    // It is owed: the turn that it interrupts goes on after it.
    if (this.deficit > QUANTUM * this.weight) parent.turn = this;
  }

  /** Out of the ring of its parent, and out with every parent whose ring is left empty. */
  leave(): void {
    const { parent } = this;
    if (parent === undefined || !this.isInRing) return;
    this.isInRing = false;
    this.#leftAt = parent.round;
    parent.ringWeight -= this.weight;
    if (this.next === this) {
      parent.turn = undefined;
      parent.leave();
      return;
    }
    this.previous.next = this.next;
    this.next.previous = this.previous;
    // No turn begins here: behind its turn comes the next, when somebody is asked for.
    if (parent.turn === this) parent.turn = this.next.deficit > 0 ? this.next : this.previous;
  }

  /** For good, and with it every parent that is left without children. */
  end(): void {
    this.leave();
    const { parent } = this;
    if (parent?.children === undefined) return;
    parent.children.delete(this.key);
    if (parent.children.size === 0) parent.end();
  }

  /** The child whose turn it is; turns end when a deficit is used up. */
  current(): Share<T> | undefined {
    let turn = this.turn;
    if (turn === undefined) return undefined;
    // Nobody gets a second turn who has not used up the first.
    while (turn.deficit <= 0) turn = turn.next.deficit > 0 ? turn.next : begin(turn.next);
    this.turn = turn;
    return turn;
  }
}

function begin<T>(share: Share<T>): Share<T> {
  const quantum = QUANTUM * share.weight;
  share.deficit += quantum;
  if (share.parent !== undefined) share.parent.round += quantum / share.parent.ringWeight;
  return share;
}

export class FairOrder<T> {
  /** Highest priority first; a handful. */
  readonly #levels: Level[] = [];
  readonly #leaves = new Map<T, Share<unknown>>();
  /** By relay: the shares that have something for it. */
  readonly #relays = new Map<string, Set<Share<unknown>>>();
  /** By `stream NAME` and `tenant NAME`: the shares of it. */
  readonly #owners = new Map<string, Set<Share<unknown>>>();
  readonly #resting = new Set<string>();

  get size(): number {
    return this.#leaves.size;
  }

  has(item: T): boolean {
    return this.#leaves.has(item);
  }

  /** Relays that something is ready for. */
  get relays(): number {
    return this.#relays.size;
  }

  hasRelay(relay: string): boolean {
    return this.#relays.has(relay);
  }

  /** Of what is ready for this relay; a stream may be named more than once. */
  streamsOf(relay: string): readonly string[] {
    return Array.from(this.#relays.get(relay) ?? [], (node) => node.parent?.parent?.parent?.key ?? '');
  }

  /** `key` is unique among the items of the same shares. `relay`: what can serve it; all items of one relay rest together. */
  add(item: T, key: string, shares: Shares, relay: string): void {
    if (this.#leaves.has(item)) return;
    const stream = this.#root(shares.priority).child(shares.stream, shares.streamWeight);
    if (stream.children === undefined) this.#enrol(this.#owners, `stream ${shares.stream}`, stream);
    const tenant = stream.child(shares.tenant, shares.tenantWeight);
    if (tenant.children === undefined) this.#enrol(this.#owners, `tenant ${shares.tenant}`, tenant);
    const node = tenant.child(shares.campaign, 1).child(relay, 1);
    if (node.children === undefined) this.#enrol(this.#relays, relay, node);
    const leaf = node.child(key, 1, item);
    leaf.enter();
    this.#leaves.set(item, leaf);
  }

  remove(item: T): void {
    const leaf = this.#leaves.get(item);
    if (leaf === undefined) return;
    this.#leaves.delete(item);
    leaf.end();
    const node = leaf.parent;
    const tenant = node?.parent?.parent;
    if (node?.children?.size !== 0) return;
    this.#strike(this.#relays, node.key, node);
    if (tenant?.children?.size !== 0) return;
    this.#strike(this.#owners, `tenant ${tenant.key}`, tenant);
    const stream = tenant.parent;
    if (stream?.children?.size === 0) this.#strike(this.#owners, `stream ${stream.key}`, stream);
  }

  /** Whose turn it is among those that do not rest. Asked twice without `charge` it says the same. */
  next(): T | undefined {
    for (const { root } of this.#levels) {
      let share = root.current();
      if (share === undefined) continue;
      for (let below = share.current(); below !== undefined; below = share.current()) share = below;
      return share.item as T;
    }
    return undefined;
  }

  /** `item` sent `cost` recipients. */
  charge(item: T, cost: number): void {
    for (let share = this.#leaves.get(item); share !== undefined; share = share.parent) {
      share.deficit = Math.max(share.deficit - cost, -DEBT_MAX * share.weight);
    }
  }

  /** What this relay serves, or what is of this `tenant NAME` or `stream NAME`, cannot go now. */
  rest(key: string): void {
    this.#resting.add(key);
    for (const share of this.#of(key)) {
      share.isResting = true;
      share.leave();
    }
  }

  /** It may be able to again. Absent: all relays may. */
  wake(key?: string): void {
    if (this.#resting.size === 0) return;
    if (key !== undefined) this.#wake(key);
    else for (const each of this.#resting) if (this.#relays.has(each)) this.#wake(each);
  }

  wakeAll(): void {
    for (const each of this.#resting) this.#wake(each);
  }

  #wake(key: string): void {
    if (!this.#resting.delete(key)) return;
    for (const share of this.#of(key)) {
      share.isResting = false;
      share.enter();
    }
  }

  #of(key: string): Iterable<Share<unknown>> {
    return this.#relays.get(key) ?? this.#owners.get(key) ?? [];
  }

  #enrol(book: Map<string, Set<Share<unknown>>>, key: string, share: Share<unknown>): void {
    const shares = book.get(key);
    if (shares === undefined) book.set(key, new Set([share]));
    else if (shares.has(share)) return;
    else shares.add(share);
    share.isResting = this.#resting.has(key);
  }

  #strike(book: Map<string, Set<Share<unknown>>>, key: string, share: Share<unknown>): void {
    const shares = book.get(key);
    shares?.delete(share);
    if (shares?.size !== 0) return;
    book.delete(key);
    this.#resting.delete(key);
  }

  /** Priority of what is next. */
  get priority(): number | undefined {
    for (const { priority, root } of this.#levels) if (root.turn !== undefined) return priority;
    return undefined;
  }

  #root(priority: number): Share<unknown> {
    const known = this.#levels.find((level) => level.priority === priority);
    if (known !== undefined) return known.root;
    const root = new Share<unknown>(undefined, '', 1);
    this.#levels.push({ priority, root });
    this.#levels.sort((a, b) => b.priority - a.priority);
    return root;
  }
}

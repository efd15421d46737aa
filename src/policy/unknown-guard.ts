// A provider in trouble answers "user unknown" to people it has known for years. When too many of its recipients are
// answered so at a time, that says something of the provider and nothing of them. Told the time; holds a few numbers.

export interface GuardLimits {
  /** Period that is looked at. */
  readonly withinMs: number;
  /** Share of the recipients answered that may be unknown. */
  readonly share: number;
  /** Recipients answered in the period before a share says anything. */
  readonly sampleMin: number;
  /** Groups watched; of more the one asked least recently is forgotten. */
  readonly groupsMax: number;
}

export const GUARD_LIMITS: GuardLimits = { withinMs: 5 * 60_000, share: 0.2, sampleMin: 50, groupsMax: 5000 };

/** Parts of the period: a use is forgotten at most one part too late, never too early. */
const SLOTS = 30;

export interface Watch {
  /** Too many are unknown now. */
  readonly isOver: boolean;
  /** They were not, the time before. */
  readonly hasBegun: boolean;
  readonly answered: number;
  readonly unknown: number;
}

interface Group {
  readonly answered: Uint32Array;
  readonly unknown: Uint32Array;
  /** Number of the part of time that was told last. */
  slot: number;
  isOver: boolean;
}

export class UnknownGuard {
  readonly #limits: GuardLimits;
  /** Asked least recently first. */
  readonly #groups = new Map<string, Group>();
  /** Of the group that stands last. */
  #newest: string | undefined;

  constructor(limits: GuardLimits = GUARD_LIMITS) {
    this.#limits = limits;
  }

  /** One more recipient of this group was answered. `now`: ms of a clock that only goes forward. */
  tell(name: string, isUnknown: boolean, now: number): Watch {
    const group = this.#group(name);
    this.#forward(group, Math.floor((now * SLOTS) / this.#limits.withinMs));
    const at = group.slot % (SLOTS + 1);
    group.answered[at] = (group.answered[at] ?? 0) + 1;
    if (isUnknown) group.unknown[at] = (group.unknown[at] ?? 0) + 1;
    const answered = sum(group.answered);
    const unknown = sum(group.unknown);
    const { sampleMin, share } = this.#limits;
    const isOver = answered >= sampleMin && unknown > answered * share;
    const hasBegun = isOver && !group.isOver;
    group.isOver = isOver;
    return { isOver, hasBegun, answered, unknown };
  }

  #group(name: string): Group {
    let group = this.#groups.get(name);
    if (group !== undefined && name === this.#newest) return group;
    this.#newest = name;
    if (group === undefined) {
      group = { answered: new Uint32Array(SLOTS + 1), unknown: new Uint32Array(SLOTS + 1), slot: 0, isOver: false };
      if (this.#groups.size >= this.#limits.groupsMax) this.#groups.delete(this.#groups.keys().next().value as string);
    } else this.#groups.delete(name);
    this.#groups.set(name, group);
    return group;
  }

  #forward(group: Group, slot: number): void {
    const steps = Math.min(SLOTS + 1, Math.max(0, slot - group.slot));
    for (let step = 1; step <= steps; step++) {
      const at = (slot - steps + step) % (SLOTS + 1);
      group.answered[at] = 0;
      group.unknown[at] = 0;
    }
    group.slot = Math.max(slot, group.slot);
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

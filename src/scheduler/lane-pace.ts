// What one lane may do now by its pace, and what is counted for the next one. Survives as the state `pace/LANE`.
import { RecentCount } from '../policy/recent-count.ts';
import type { Throttle } from '../flow/wait.ts';
import type { Wakeable } from './wakes.ts';
import { type Figures, type Pace, type PaceLimits, type PaceNumber, startPace } from '../policy/pace.ts';

/** Why the pace is what it is. */
export interface PaceCause {
  /** ms since 1970. */
  readonly at: number;
  /** `rule ID`, `operator`, or `pace`: it has stood an interval. */
  readonly by: string;
  /** The reply in one line. */
  readonly reply?: string;
  /** The last reply that lowered it, until it has grown to its ceiling. */
  readonly throttle?: Throttle;
}

/** As it stands in the journal. */
export interface KeptPace {
  readonly connections: KeptNumber;
  readonly perMinute: KeptNumber;
  readonly reducedAt: Pace['reducedAt'];
  readonly pinned?: Figures;
  readonly cause: PaceCause;
}

/** `now` absent: no limit. */
interface KeptNumber {
  readonly now?: number;
  readonly good?: number;
  readonly patience: number;
}

export class LanePace implements Wakeable {
  readonly lane: string;
  limits: PaceLimits;
  pace: Pace;
  pinned: Figures | undefined;
  /** undefined: as it began. */
  cause: PaceCause | undefined;
  readonly sent = new RecentCount();
  /** Due time at which the interval that is being looked at ends; undefined: none is. */
  intervalUntil: number | undefined;
  isLimited = { connections: false, rate: false };
  isFull = false;
  isThrottled = false;
  /** In due time: nothing begins before. */
  nextAt = 0;
  wakeAt: number | undefined;
  readonly #onWake: () => void;

  constructor(lane: string, limits: PaceLimits, kept: KeptPace | undefined, onWake: () => void) {
    this.#onWake = onWake;
    this.lane = lane;
    this.limits = limits;
    this.pace = kept === undefined ? startPace(limits) : paceOf(kept);
    this.pinned = kept?.pinned;
    this.cause = kept?.cause;
  }

  wake(): void {
    this.#onWake();
  }

  get connections(): number {
    return this.pinned?.connections ?? this.pace.connections.now;
  }

  /** Infinity: no rate. */
  get perMinute(): number {
    return this.pinned === undefined ? this.pace.perMinute.now : (this.pinned.perMinute ?? Infinity);
  }

  /** It allows less than the cap: its rate is kept here, not by the cap's meter. */
  get isSpaced(): boolean {
    return this.perMinute < (this.limits.ceiling.perMinute ?? Infinity);
  }

  get isAtCeiling(): boolean {
    const { connections, perMinute = Infinity } = this.limits.ceiling;
    return this.connections >= connections && this.perMinute >= perMinute;
  }

  /** Replies have brought it below where it would begin. One that became warm and is still on its way up is not slowed. */
  get isSlowed(): boolean {
    const { connections, rate } = this.pace.reducedAt;
    if (connections === 0 && rate === 0) return false;
    const start = startPace(this.limits);
    return this.connections < start.connections.now || this.perMinute < start.perMinute.now;
  }

  kept(cause: PaceCause): KeptPace {
    const { connections, perMinute, reducedAt } = this.pace;
    const pinned = this.pinned === undefined ? {} : { pinned: this.pinned };
    return { connections: keptNumber(connections), perMinute: keptNumber(perMinute), reducedAt, ...pinned, cause };
  }
}

function keptNumber({ now, good, patience }: PaceNumber): KeptNumber {
  return { ...(now < Infinity && { now }), ...(good !== undefined && good < Infinity && { good }), patience };
}

function paceOf({ connections, perMinute, reducedAt }: KeptPace): Pace {
  return { connections: numberOf(connections), perMinute: numberOf(perMinute), reducedAt };
}

function numberOf({ now = Infinity, good, patience }: KeptNumber): PaceNumber {
  return { now, ...(good !== undefined && { good }), patience, waited: 0 };
}

/** What a state of that name holds, when it is one that was written here. */
export function readKeptPace(value: unknown): KeptPace | undefined {
  const kept = value as Partial<KeptPace> | undefined;
  const isWhole =
    typeof kept?.connections?.patience === 'number' &&
    typeof kept.perMinute?.patience === 'number' &&
    typeof kept.reducedAt?.rate === 'number' &&
    typeof kept.cause?.at === 'number';
  return isWhole ? (kept as KeptPace) : undefined;
}

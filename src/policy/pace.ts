// The pace of a lane: the connections and the deliveries a minute it has now (DESIGN section 5). Pure: what was seen in,
// the next pace out.
//
// Each of the two numbers is unproven → proven (it was the limit of a whole interval, and nothing throttled) → a step
// further. A throttling reply halves it. When that was one step past a proven value, this value comes back after one
// quiet interval, and the next step past it waits twice as long: around a limit that nobody tells the pace stands still,
// and looks for more ever more seldom. When a proven value itself was throttled, nothing is proven any more.

export interface Figures {
  readonly connections: number;
  /** Absent: no rate. */
  readonly perMinute?: number;
}

/** Of a provider, or the caps where nobody knows one. */
export interface PaceLimits {
  /** What a cold source begins with; after a block no source begins at a higher rate. */
  readonly start: Figures;
  readonly ceiling: Figures;
  /** Its source has no warm-up plan, or is through with it there: it begins at the ceiling. */
  readonly isWarm: boolean;
}

export interface PaceNumber {
  /** Infinity: no rate. */
  readonly now: number;
  /** Highest that was the limit of an interval without a throttling reply. */
  readonly good?: number;
  /** Intervals for which `good` stands before the next step past it. */
  readonly patience: number;
  /** Of these, those that have passed. */
  readonly waited: number;
}

export interface Pace {
  readonly connections: PaceNumber;
  readonly perMinute: PaceNumber;
  /** ms since 1970 of the last reduction: a reply to what was begun before does not reduce again. 0: never. */
  readonly reducedAt: { readonly connections: number; readonly rate: number };
}

export type PacePart = 'connections' | 'rate';

/** What happened in an interval. */
export interface Interval {
  /** More would have been begun, had the pace allowed it. */
  readonly limitedBy: { readonly connections: boolean; readonly rate: boolean };
  /** The connections that may be open by any other limit were. */
  readonly isFull: boolean;
}

export interface Throttled {
  /** ms since 1970: when the transaction, or the connection, that was answered so was granted. */
  readonly begunAt: number;
  /** Transactions begun in the minute before the reply, that one included. */
  readonly sent: number;
}

export const INTERVAL_MS = 60_000;
export const CONNECTIONS_MIN = 1;
/** A lane that sends nothing would never learn that it may. */
export const PER_MINUTE_MIN = 1;
const RATE_STEP = 0.2;
/** Intervals between two looks past a limit that was found: an hour. */
const PATIENCE_MAX = 60;

const unproven = (now: number): PaceNumber => ({ now, patience: 1, waited: 0 });

export function startPace({ start, ceiling, isWarm }: PaceLimits): Pace {
  const { connections, perMinute = Infinity } = isWarm ? ceiling : start;
  return {
    connections: unproven(Math.max(CONNECTIONS_MIN, Math.min(connections, ceiling.connections))),
    perMinute: unproven(Math.max(PER_MINUTE_MIN, Math.min(perMinute, ceiling.perMinute ?? Infinity))),
    reducedAt: { connections: 0, rate: 0 },
  };
}

/** A block is over, its probe went well: from the floor, in steps, warm or not; what was proven before is not any more. */
export function restartPace(pace: Pace, limits: PaceLimits, now: number): Pace {
  const { perMinute } = startPace({ ...limits, isWarm: false });
  return {
    connections: unproven(CONNECTIONS_MIN),
    perMinute: unproven(Math.min(perMinute.now, pace.perMinute.now)),
    reducedAt: { connections: now, rate: now },
  };
}

/** A throttling reply was read. The same pace when nothing changes by it. */
export function throttlePace(pace: Pace, part: PacePart, { begunAt, sent }: Throttled, now: number): Pace {
  const last = pace.reducedAt[part];
  // One in the future is of a clock that was set back.
  if (begunAt < last && last <= now) return pace;
  const reducedAt = { ...pace.reducedAt, [part]: now };
  if (part === 'connections') {
    const halved = Math.max(CONNECTIONS_MIN, Math.floor(pace.connections.now / 2));
    return { ...pace, connections: reduced(pace.connections, halved), reducedAt };
  }
  // What was allowed and not used says nothing.
  const halved = Math.max(PER_MINUTE_MIN, Math.min(pace.perMinute.now, sent) / 2);
  return { ...pace, perMinute: reduced(pace.perMinute, halved), reducedAt };
}

function reduced({ now, good, patience }: PaceNumber, halved: number): PaceNumber {
  if (good === undefined || now <= good) return unproven(halved);
  return { now: Math.min(halved, good), good, patience: Math.min(PATIENCE_MAX, patience * 2), waited: 0 };
}

/** An interval has passed in which nothing throttled. The same pace when nothing changes by it. */
export function growPace(pace: Pace, limits: PaceLimits, { limitedBy, isFull }: Interval): Pace {
  const { ceiling } = limits;
  const connections = limitedBy.connections
    ? grown(pace.connections, pace.connections.now + 1, ceiling.connections)
    : pace.connections;
  const perMinute = limitedBy.rate
    ? grown(pace.perMinute, pace.perMinute.now + rateStep(pace.perMinute.now), ceiling.perMinute)
    : isNeedless(pace, limits, isFull || limitedBy.connections)
      ? { ...pace.perMinute, now: Infinity, waited: 0 }
      : pace.perMinute;
  if (connections === pace.connections && perMinute === pace.perMinute) return pace;
  return { ...pace, connections, perMinute };
}

export function rateStep(perMinute: number): number {
  return Math.max(1, RATE_STEP * perMinute);
}

function grown(number: PaceNumber, next: number, ceiling = Infinity): PaceNumber {
  const { now, good, patience } = number;
  // Reduced from one step past it.
  if (good !== undefined && now < good) return { ...number, now: Math.min(good, ceiling), waited: 0 };
  const isFurther = good === undefined || now > good;
  const waited = isFurther ? 1 : number.waited + 1;
  const waits = isFurther ? 1 : patience;
  if (now >= ceiling)
    return isFurther || now > ceiling ? { now: ceiling, good: ceiling, patience: 1, waited: 0 } : number;
  if (waited < waits) return { ...number, waited };
  return { now: Math.min(next, ceiling), good: now, patience: waits, waited: 0 };
}

/**
 * Without a ceiling for the rate there is none once it has grown past what is needed: it was not the limit while every
 * connection was busy.
 */
function isNeedless({ perMinute }: Pace, { start, ceiling }: PaceLimits, isFull: boolean): boolean {
  return (
    ceiling.perMinute === undefined && isFull && perMinute.now < Infinity && perMinute.now > (start.perMinute ?? 0)
  );
}

// What one lane waits for, or a cap: asks what slots.ts asks, in the same order, and changes nothing.
import type { Clock } from '../base/clock.ts';
import type { Wait } from '../flow/wait.ts';
import type { Addresses } from './addresses.ts';
import type { Destination } from './destination.ts';
import type { DueTime } from './due-time.ts';
import type { Egresses } from './egresses.ts';
import type { LaneGate } from './lane-gate.ts';
import { firstOf, type Lane } from './lane.ts';
import type { LeftOut } from './left-out.ts';
import type { Limits } from './limits.ts';
import type { Meter } from './meter.ts';
import type { Paces } from './paces.ts';
import type { ReachFailure } from './reach.ts';
import { type Suspension, suspensionReport } from './suspensions.ts';

export interface LaneWaitsDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly egresses: Egresses;
  readonly limits: Limits;
  readonly addresses: Addresses;
  readonly paces: Paces;
  readonly gate: LaneGate;
  readonly leftOut: LeftOut;
}

/** Where mail goes, once its route is known. */
export interface Place {
  readonly destination: Destination;
  /** Absent: any of the destination. */
  readonly site?: string;
  readonly relayKey?: string;
}

export class LaneWaits {
  readonly #deps: LaneWaitsDeps;

  constructor(deps: LaneWaitsDeps) {
    this.#deps = deps;
  }

  /** undefined: it has room. As `Slots` asks. */
  of(lane: Lane, { site, relayKey }: Place): Wait | undefined {
    const { gate, clock, time, egresses, leftOut } = this.#deps;
    if (leftOut.stops(lane)) return familyWait(lane);
    const suspension = gate.find(lane);
    if (suspension !== undefined && gate.closedUntil(lane) !== undefined)
      return suspensionWait(suspension, clock.now());
    for (const meter of lane.meters) {
      const cap = meter.isPaced ? this.cap(meter, false) : undefined;
      if (cap !== undefined) return cap;
    }
    const isIdle = relayKey === undefined ? lane.idle.size > 0 : firstOf(lane.idle, relayKey) !== undefined;
    if (isIdle) return this.#rate(lane);
    const now = time.now();
    const reach = site === undefined ? undefined : lane.findReach(site);
    if (reach !== undefined && reach.openAfter > now)
      return hostWait(lane, reach.lastFailure, wallOf(this.#deps, reach.openAfter));
    if (reach?.isProbing === true && reach.sessions.size > 0) return hostWait(lane, reach.lastFailure);
    if (egresses.leastBusy() === undefined) return { for: 'egress' };
    return this.#opening(lane, site) ?? this.#rate(lane);
  }

  /** What lets it open no connection. */
  #opening(lane: Lane, site: string | undefined): Wait | undefined {
    const { paces, limits, addresses } = this.#deps;
    const pace = paces.of(lane);
    if (lane.sessions.size >= pace.connections && pace.connections < pace.limits.ceiling.connections) {
      return this.#pace(lane, 'connections');
    }
    const address = site === undefined ? undefined : addresses.fullOf(lane, site);
    for (const meter of [...lane.meters, limits.total, address]) {
      const cap = meter && this.cap(meter, true);
      if (cap !== undefined) return cap;
    }
    return lane.sessions.size >= pace.connections ? this.#pace(lane, 'connections') : undefined;
  }

  #rate(lane: Lane): Wait | undefined {
    const { paces, time } = this.#deps;
    const pace = paces.of(lane);
    return pace.isSpaced && pace.nextAt > time.now() ? this.#pace(lane, 'rate') : undefined;
  }

  #pace(lane: Lane, part: 'connections' | 'rate'): Wait {
    const pace = this.#deps.paces.of(lane);
    const throttle = pace.cause?.throttle;
    return {
      for: 'pace',
      lane: lane.name,
      part,
      allowed: part === 'rate' ? pace.perMinute : pace.connections,
      isPinned: pace.pinned !== undefined,
      ...(throttle !== undefined && { throttle }),
      ...(part === 'rate' && { until: wallOf(this.#deps, pace.nextAt) }),
    };
  }

  /** What cap of it lets nothing go. */
  cap(meter: Meter, opens: boolean): Wait | undefined {
    const { limits, clock } = this.#deps;
    const now = limits.now();
    const found = meter.hindrance(now, opens);
    if (found === undefined) return undefined;
    const { figure, until } = found;
    return {
      for: 'cap',
      by: meter.by,
      name: meter.name,
      figure,
      ...(until !== undefined && { until: Math.ceil(clock.now() + until - now) }),
    };
  }
}

/** ms since 1970 of an instant of due time. */
export function wallOf({ clock, time }: Pick<LaneWaitsDeps, 'clock' | 'time'>, due: number): number {
  return Math.round(clock.now() + due - time.now());
}

export function suspensionWait(suspension: Suspension, now: number): Wait {
  return { for: 'suspension', suspension: suspensionReport(suspension, now) };
}

export function familyWait({ source, destination }: Lane): Wait {
  return { for: 'ipv4-source', source: source.name, at: destination.provider ?? destination.name };
}

export function hostWait(lane: Lane, failure: ReachFailure | undefined, until?: number): Wait {
  const { reply, error } = failure ?? {};
  const text = reply === undefined ? (error?.text ?? 'closed') : `${reply.code} ${reply.lines.join(' ')}`;
  return { for: 'host', lane: lane.name, source: lane.source.name, text, ...(until !== undefined && { until }) };
}

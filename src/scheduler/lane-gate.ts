// May this lane begin anything, as far as suspensions and what is left out go? Asked beside the caps.
import type { DueTime } from './due-time.ts';
import { groupScope, type Lane } from './lane.ts';
import type { LeftOut } from './left-out.ts';
import type { Suspension, Suspensions } from './suspensions.ts';

export interface LaneGateDeps {
  readonly time: DueTime;
  readonly suspensions: Suspensions;
  readonly leftOut: LeftOut;
}

export class LaneGate {
  readonly #deps: LaneGateDeps;

  constructor(deps: LaneGateDeps) {
    this.#deps = deps;
  }

  /** What stops it, or lets it probe at most. */
  find(lane: Lane): Suspension | undefined {
    const { suspensions } = this.#deps;
    if (!suspensions.any) return undefined;
    const ofLane = suspensions.find('lane', lane.name);
    const ofGroup = suspensions.find('source+provider', groupScope(lane));
    if (ofLane === undefined || ofGroup === undefined) return ofLane ?? ofGroup;
    return (ofLane.until ?? Infinity) > (ofGroup.until ?? Infinity) ? ofLane : ofGroup;
  }

  isStopped(lane: Lane): boolean {
    if (this.#deps.leftOut.stops(lane)) return true;
    const suspension = this.find(lane);
    return suspension !== undefined && !this.#deps.suspensions.isProbing(suspension);
  }

  /** All lanes that stop with it when its source is suspended at the provider. */
  lanesOf(lane: Lane): Iterable<Lane> {
    return lane.destination.provider === undefined ? [lane] : lane.group.lanes;
  }

  /** undefined: it may begin. Else the due time of the next look; Infinity: when something ends. */
  closedUntil(lane: Lane): number | undefined {
    if (this.#deps.leftOut.stops(lane)) return Infinity;
    const suspension = this.find(lane);
    if (suspension === undefined) return undefined;
    const { suspensions, time } = this.#deps;
    if (!suspensions.isProbing(suspension)) {
      return suspension.until === undefined ? Infinity : time.ofWall(suspension.until);
    }
    const lanes = suspension.what === 'lane' ? [lane] : this.lanesOf(lane);
    for (const { sessions } of lanes)
      for (const { outstanding } of sessions) if (outstanding.length > 0) return Infinity;
    return undefined;
  }
}

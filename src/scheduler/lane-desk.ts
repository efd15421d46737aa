// What an operator can ask of lanes and tell them. For people: looks at every lane, never on a hot path.
import type { Clock } from '../base/clock.ts';
import type { SuspendScope } from '../flow/action.ts';
import type { StateEvent } from '../flow/event.ts';
import type { LaneChange, LaneFigures, LaneOperations, LaneReport, LanesReport, LeftOutReport } from '../flow/lanes.ts';
import type { Spool } from '../flow/spool.ts';
import { waitText } from '../flow/wait-words.ts';
import type { Consequences } from './consequences.ts';
import type { Destinations } from './destinations.ts';
import type { DueTime } from './due-time.ts';
import { groupScope, type Lane } from './lane.ts';
import type { LaneGate } from './lane-gate.ts';
import { LEFT_OUT, type LeftOut } from './left-out.ts';
import { readKeptPace } from './lane-pace.ts';
import { PACE, type Paces } from './paces.ts';
import type { Settings } from './settings.ts';
import { SUSPEND, type Suspension, suspensionReport, type Suspensions } from './suspensions.ts';
import type { Waits } from './waits.ts';

export interface LaneDeskDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly spool: Spool;
  readonly settings: Settings;
  readonly destinations: Destinations;
  readonly paces: Paces;
  readonly suspensions: Suspensions;
  readonly gate: LaneGate;
  readonly leftOut: LeftOut;
  readonly waits: Waits;
  readonly consequences: Consequences;
  /** What stands in the spool is loaded: an answer before that would say that nothing is suspended. */
  readonly started: Promise<void>;
}

const SCOPES: readonly SuspendScope[] = ['lane', 'source+provider', 'sending-domain+provider', 'campaign'];

export class LaneDesk implements LaneOperations {
  readonly #deps: LaneDeskDeps;

  constructor(deps: LaneDeskDeps) {
    this.#deps = deps;
  }

  async lanes(): Promise<LanesReport> {
    await this.#deps.started;
    const { suspensions, clock } = this.#deps;
    const lanes = [...this.#lanes()].map((lane) => this.#report(lane));
    const shown = lanes.filter(({ connections, state, changed, perMinute, leftOut }) => {
      const isAsItBegan = state === 'open' && changed === undefined && leftOut === undefined;
      return connections.open > 0 || !isAsItBegan || perMinute.sent > 0;
    });
    return {
      lanes: shown.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      suspensions: [...suspensions.all].map((suspension) => suspensionReport(suspension, clock.now())),
    };
  }

  async lane(name: string): Promise<LaneReport | undefined> {
    await this.#deps.started;
    const lane = this.#find(name);
    return lane && this.#report(lane);
  }

  async pauseLane(name: string, forMs: number | undefined, by: string): Promise<boolean> {
    await this.#deps.started;
    const { settings, suspensions, consequences, clock } = this.#deps;
    const source = name.slice(0, name.indexOf('/'));
    if (settings.source(source) === undefined) return false;
    const lanes = [...this.#lanes()];
    // Where a provider keeps its tenants apart the name of the group means all of them.
    const ofGroup = lanes.filter((lane) => lane.group.name === name && lane.destination.provider !== undefined);
    const what = ofGroup.length > 0 ? 'source+provider' : 'lane';
    const now = clock.now();
    suspensions.suspend({ what, name, ...(forMs !== undefined && { until: now + forMs }), by }, now);
    for (const lane of ofGroup.length > 0 ? ofGroup : lanes.filter((one) => one.name === name)) {
      consequences.stop([lane], lane);
    }
    return true;
  }

  async resumeLane(name: string, by: string): Promise<number> {
    await this.#deps.started;
    const { suspensions, leftOut } = this.#deps;
    return SCOPES.filter((what) => suspensions.clear(what, name, by)).length + leftOut.clear(name, by);
  }

  async pinLane(name: string, figures: LaneFigures, by: string): Promise<LaneReport | undefined> {
    await this.#deps.started;
    const lane = this.#find(name);
    if (lane === undefined) return undefined;
    this.#deps.paces.pin(lane, figures, by);
    return this.#report(lane);
  }

  async releaseLane(name: string, by: string): Promise<LaneReport | undefined> {
    await this.#deps.started;
    const lane = this.#find(name);
    if (lane === undefined) return undefined;
    this.#deps.paces.release(lane, by);
    return this.#report(lane);
  }

  async laneHistory(name: string, limit: number): Promise<readonly LaneChange[]> {
    await this.#deps.started;
    const { spool } = this.#deps;
    const lane = this.#find(name);
    const names = lane === undefined ? [name] : [...new Set([name, groupScope(lane)])];
    const found: StateEvent[] = [];
    for (const one of names) found.push(...(await spool.changes(one, limit)));
    return found
      .filter(({ key }) => [PACE, SUSPEND, LEFT_OUT].some((prefix) => key.startsWith(prefix)))
      .toSorted((a, b) => a.at - b.at)
      .slice(-limit)
      .map(changeOf);
  }

  *#lanes(): Generator<Lane> {
    yield* this.#deps.destinations.lanes;
  }

  #find(name: string): Lane | undefined {
    for (const lane of this.#lanes()) if (lane.name === name) return lane;
    return undefined;
  }

  #report(lane: Lane): LaneReport {
    const { gate, paces, time, clock, waits, leftOut } = this.#deps;
    const pace = paces.of(lane);
    const found = gate.find(lane);
    const suspension = found && suspensionReport(found, clock.now());
    const wait = waits.ofLane(lane);
    const kept = leftOut.kept(lane);
    const { ceiling } = pace.limits;
    let inFlight = 0;
    for (const { outstanding } of lane.sessions) for (const { indexes } of outstanding) inFlight += indexes.length;
    return {
      name: lane.name,
      source: lane.source.name,
      ...(lane.destination.provider !== undefined && { provider: lane.destination.provider }),
      state: suspension?.state ?? (pace.pinned !== undefined ? 'pinned' : pace.isSlowed ? 'slowed' : 'open'),
      connections: { open: lane.sessions.size, allowed: pace.connections, ceiling: ceiling.connections },
      perMinute: {
        sent: pace.sent.count(time.now()),
        ...(pace.perMinute < Infinity && { allowed: pace.perMinute }),
        ...(ceiling.perMinute !== undefined && { ceiling: ceiling.perMinute }),
      },
      inFlight,
      ...(suspension !== undefined && { suspension }),
      ...(kept.length > 0 && { leftOut: kept }),
      ...(pace.cause !== undefined && { changed: pace.cause }),
      wait,
      limitedBy: waitText(wait, clock.now()),
    };
  }
}

function changeOf({ at, key, value, by }: StateEvent): LaneChange {
  if (key.startsWith(SUSPEND)) {
    const suspension = value as Suspension | undefined;
    if (suspension === undefined) return { at, by, text: 'the suspension is over' };
    const { until, reply } = suspension;
    const end = until === undefined ? 'until it is cleared' : `until ${new Date(until).toISOString()}`;
    return { at, by, text: `suspended ${end}`, ...(reply !== undefined && { reply }) };
  }
  if (key.startsWith(LEFT_OUT)) {
    const [, extension = ''] = key.split('/');
    const leftOut = value as LeftOutReport | undefined;
    if (leftOut === undefined) return { at, by, text: `${extension} is used again` };
    return {
      at,
      by,
      text: `${extension} is left out until ${new Date(leftOut.until).toISOString()}`,
      reply: leftOut.reply,
    };
  }
  const kept = readKeptPace(value);
  if (kept === undefined) return { at, by, text: 'the pace is forgotten' };
  const { connections, perMinute } = kept.pinned ?? {
    connections: kept.connections.now ?? 0,
    perMinute: kept.perMinute.now,
  };
  const rate = perMinute === undefined ? 'no rate' : `${Math.round(perMinute * 10) / 10} a minute`;
  const { reply } = kept.cause;
  const text = `${connections} connection${connections === 1 ? '' : 's'}, ${rate}${kept.pinned === undefined ? '' : ', pinned'}`;
  return { at, by, text, ...(reply !== undefined && { reply }) };
}

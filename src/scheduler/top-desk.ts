// What is going on now, for `postilion top`: totals, and a row for each provider or domain that has something waiting, open
// or just settled. Asked every second: what costs much (the queues, when there are many) is looked at less often.
import type { Clock } from '../base/clock.ts';
import type { Feedback } from '../flow/feedback.ts';
import type { PacedLanes, TopReport, TopRow } from '../flow/operations.ts';
import type { Spool } from '../flow/spool.ts';
import type { Destinations } from './destinations.ts';
import type { Egresses } from './egresses.ts';
import type { InFlight } from './in-flight.ts';
import type { Marks } from './marks.ts';
import type { Recorder } from './recorder.ts';
import type { Routes } from './routes.ts';
import type { Tally } from './tally.ts';

export interface TopDeskDeps {
  readonly clock: Clock;
  readonly spool: Spool;
  readonly feedback: Feedback;
  readonly egresses: Egresses;
  readonly inFlight: InFlight;
  readonly marks: Marks;
  readonly recorder: Recorder;
  readonly routes: Routes;
  readonly tally: Tally;
  readonly destinations: Destinations;
}

/** All queues are counted again after so many times what it took: at most 2 % of the scheduler's time. */
const COUNT_AGAIN = 50;

interface Row {
  waiting: number;
  inFlight: number;
  sessions: number;
  isProvider: boolean;
}

export class TopDesk {
  readonly #deps: TopDeskDeps;
  #waiting = new Map<string, { count: number; isProvider: boolean }>();
  /** Monotonic. */
  #countAfter = Number.NEGATIVE_INFINITY;

  constructor(deps: TopDeskDeps) {
    this.#deps = deps;
  }

  report(rowsMax: number): TopReport {
    const { clock, spool, feedback, egresses, inFlight, marks, recorder } = this.#deps;
    return {
      at: clock.now(),
      messages: spool.counts.messages,
      deliveries: spool.counts.deliveries,
      inFlight: inFlight.deliveries,
      sessions: egresses.sessions,
      counters: { ...recorder.counters },
      paused: marks.paused,
      alarms: spool.alarms(),
      reportsOwed: feedback.owed,
      rows: this.#rows(rowsMax),
    };
  }

  #rows(rowsMax: number): readonly TopRow[] {
    const { tally, egresses } = this.#deps;
    const rows = new Map<string, Row>();
    const row = (name: string, isProvider: boolean): Row => {
      const known = rows.get(name);
      if (known !== undefined) return known;
      const made = { waiting: 0, inFlight: 0, sessions: 0, isProvider };
      rows.set(name, made);
      return made;
    };
    this.#count();
    for (const [name, { count, isProvider }] of this.#waiting) row(name, isProvider).waiting = count;
    for (const name of tally.names()) row(name, tally.find(name)?.isProvider === true);
    for (const session of egresses.all) {
      const { provider } = session.lane.destination;
      // Without a provider a connection belongs to the domain of what is on it; an idle one to nobody.
      const name = provider ?? session.outstanding[0]?.queue.name.domain;
      if (name === undefined) continue;
      const its = row(name, provider !== undefined);
      its.sessions++;
      for (const attempt of session.outstanding) its.inFlight += attempt.indexes.length;
    }
    const paced = this.#paced();
    return [...rows]
      .map(([name, its]) => this.#tell(name, its, its.isProvider ? paced.get(name) : undefined))
      .sort((a, b) => weightOf(b) - weightOf(a) || (a.name < b.name ? -1 : 1))
      .slice(0, rowsMax);
  }

  #tell(name: string, its: Row, paced: PacedLanes | undefined): TopRow {
    const { delivered = 0, deferred = 0, failed = 0, lastTrouble } = this.#deps.tally.find(name) ?? {};
    const trouble = lastTrouble === undefined ? {} : { lastTrouble };
    return { name, ...its, delivered, deferred, failed, ...trouble, ...(paced !== undefined && { paced }) };
  }

  /** By provider. */
  #paced(): ReadonlyMap<string, PacedLanes> {
    const found = new Map<string, PacedLanes>();
    for (const destination of this.#deps.destinations.all) {
      const { provider, hasReady } = destination;
      if (provider === undefined) continue;
      for (const { pace, sessions } of destination.lanes.values()) {
        if (pace === undefined || pace.isAtCeiling || (sessions.size === 0 && !hasReady)) continue;
        const { lanes = 0, connections = 0, perMinute = lanes === 0 ? 0 : Infinity } = found.get(provider) ?? {};
        const rate = perMinute + pace.perMinute;
        const both = { lanes: lanes + 1, connections: connections + pace.connections };
        found.set(provider, rate < Infinity ? { ...both, perMinute: rate } : both);
      }
    }
    return found;
  }

  #count(): void {
    const { clock, spool, routes } = this.#deps;
    const began = clock.monotonic();
    if (began < this.#countAfter) return;
    this.#waiting = new Map();
    for (const { queue, waiting } of spool.queues()) {
      const provider = routes.providerOf(queue.domain);
      const name = provider ?? queue.domain;
      const known = this.#waiting.get(name);
      if (known === undefined) this.#waiting.set(name, { count: waiting, isProvider: provider !== undefined });
      else known.count += waiting;
    }
    this.#countAfter = began + COUNT_AGAIN * (clock.monotonic() - began);
  }
}

/** What is open first, then what waits, then what was settled. */
function weightOf({ sessions, inFlight, waiting, delivered, deferred, failed }: TopRow): number {
  return sessions > 0 || inFlight > 0
    ? 1e12 + inFlight * 1e6 + sessions
    : waiting * 1e3 + Math.log1p(delivered + deferred + failed);
}

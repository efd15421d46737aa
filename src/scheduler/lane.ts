// A lane, (source, destination): its connections, and who of them has room for another transaction. And its reach of each
// site. Counts only; the decisions are in src/policy/caps.ts.
import type { Extension } from '../flow/action.ts';
import type { EgressCommands, SessionId, Source } from '../flow/attempt.ts';
import { grantsMax } from '../policy/caps.ts';
import type { Destination } from './destination.ts';
import type { Group } from './group.ts';
import type { OpenAttempt } from './in-flight.ts';
import type { Meter } from './meter.ts';
import type { LanePace } from './lane-pace.ts';
import { Reach } from './reach.ts';

/** One attached egress process. */
export interface Egress {
  readonly name: string;
  readonly commands: EgressCommands;
  readonly sessions: Set<Session>;
}

export interface Session {
  readonly id: SessionId;
  readonly lane: Lane;
  readonly reach: Reach;
  readonly egress: Egress;
  /** What its connection satisfies: host set, TLS level, credentials. */
  readonly relayKey: string;
  /** Granted and not over, in order. */
  readonly outstanding: OpenAttempt[];
  /** Transactions granted so far. */
  granted: number;
  /** Transactions reported so far. */
  reports: number;
  /** As granted. */
  readonly without: readonly Extension[];
  /** Of the remote address that it has, or may have, a connection to, where these are counted. */
  address: Meter | undefined;
  /** Room at one that it was opened for; until it claims one. */
  reserved: Meter | undefined;
  /** Remote addresses that had no room for it. */
  readonly refusedBy: Meter[];
  isClosing: boolean;
  /** Whether the connection stands is known. */
  isConnected: boolean;
  /** asked: it is giving back what it has not begun, and is given nothing meanwhile. firm: it had nothing to give. */
  recall: 'none' | 'asked' | 'firm';
  /** Recalls since its last report. */
  recalls: number;
  /** Known to have begun the first of what is outstanding. */
  hasBegun: boolean;
}

/** How long what is known of a site is kept while nothing is sent there. */
const KEPT_MS = 24 * 3_600_000;

export class Lane {
  /** A reload may give it another address or EHLO name. */
  source: Source;
  readonly destination: Destination;
  readonly group: Group;
  /** `source/provider`, `source/site` or `source/provider/site`. */
  readonly name: string;
  readonly meter: Meter;
  /** Of the lane, its group and its source. */
  readonly meters: readonly Meter[];
  /** Made when it is first asked (paces.ts). */
  pace: LanePace | undefined;
  readonly sessions = new Set<Session>();
  /** Sessions without a transaction, longest idle first, and with room for one more. */
  readonly idle = new Set<Session>();
  readonly half = new Set<Session>();
  readonly #reaches = new Map<string, Reach>();

  constructor(source: Source, destination: Destination, group: Group, meter: Meter) {
    this.source = source;
    this.destination = destination;
    this.group = group;
    this.name = `${source.name}/${destination.name}`;
    this.meter = meter;
    this.meters = [meter, group.meter, group.sourceMeter];
    group.lanes.add(this);
  }

  reach(site: string): Reach {
    let reach = this.#reaches.get(site);
    if (reach === undefined) {
      reach = new Reach(() => this.destination.wake());
      this.#reaches.set(site, reach);
    }
    return reach;
  }

  findReach(site: string): Reach | undefined {
    return this.#reaches.get(site);
  }

  /** A session changed: puts it where it belongs. */
  place(session: Session): void {
    const { deliveriesPerConnection: deliveriesMax } = this.destination.caps;
    const open = session.outstanding.length;
    const isTaking = !session.isClosing && session.recall !== 'asked' && session.granted < deliveriesMax;
    const mayTake = isTaking && open < grantsMax(session.reach.isProbing);
    if (mayTake && open === 0) this.idle.add(session);
    else this.idle.delete(session);
    if (mayTake && open > 0) this.half.add(session);
    else this.half.delete(session);
  }

  /** It has had as many transactions as one connection may. */
  isSpent({ granted }: Session): boolean {
    return granted >= this.destination.caps.deliveriesPerConnection;
  }

  add(session: Session): void {
    this.sessions.add(session);
    session.reach.sessions.add(session);
  }

  remove(session: Session): void {
    this.sessions.delete(session);
    this.idle.delete(session);
    this.half.delete(session);
    session.reach.sessions.delete(session);
  }

  isForgettable(now: number): boolean {
    if (this.sessions.size > 0 || !this.meter.isForgettable) return false;
    for (const reach of this.#reaches.values()) if (!reach.isForgettable(now)) return false;
    return true;
  }

  /** Forgets sites of which there is nothing to remember. */
  sweep(now: number): void {
    for (const [site, reach] of this.#reaches) if (reach.isForgettable(now - KEPT_MS)) this.#reaches.delete(site);
  }
}

export function firstOf(sessions: Set<Session>, relayKey: string): Session | undefined {
  for (const session of sessions) if (session.relayKey === relayKey) return session;
  return undefined;
}

/** Where a source is at a provider, or at a site that nobody knows: what `suspend source+provider` and `disable` speak of. */
export function groupScope(lane: Lane): string {
  return lane.destination.provider === undefined ? lane.name : lane.group.name;
}

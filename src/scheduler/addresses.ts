// Connections of a group, (source, provider), to one remote address, whichever of its sites they are for: many domains lie
// on one host. Nobody knows the address when a connection is granted, so egress asks before it dials; one address at a time
// is a session's, until another is asked for or its end was seen. A site that was refused rests until there is room at one
// of the addresses that refused it, and then has that room from the grant on, so that not all who wait come for it.
import type { Egresses } from './egresses.ts';
import type { Group } from './group.ts';
import type { Lane, Session } from './lane.ts';
import type { Limits } from './limits.ts';
import type { Meter } from './meter.ts';

export interface AddressesDeps {
  readonly egresses: Egresses;
  readonly limits: Limits;
}

/** Of one site that are remembered as full. */
const REFUSED_MAX = 10;

export class Addresses {
  readonly #deps: AddressesDeps;
  /** Had nothing to do at its last report, while somebody waited for its address. */
  readonly #idle = new Set<Session>();

  constructor(deps: AddressesDeps) {
    this.#deps = deps;
  }

  /** Before it dials. False: not now. The address that the session had before is free in either case. */
  claim(session: Session, address: string): boolean {
    const { lane, reach, reserved } = session;
    const meter = this.#meter(lane, address);
    const before = session.address;
    session.address = undefined;
    if (before !== undefined) this.#free(lane, before);
    if (meter !== reserved && meter.isFull) {
      if (session.refusedBy.length < REFUSED_MAX) session.refusedBy.push(meter);
      return false;
    }
    if (meter !== reserved) meter.opened(this.#deps.limits.now());
    session.address = meter;
    session.reserved = undefined;
    if (reserved !== undefined && reserved !== meter) this.#free(lane, reserved);
    // What refused it is not where its hosts are now.
    if (!reach.refusedBy.includes(meter)) reach.refusedBy = [];
    return true;
  }

  /** It was open before this life. */
  adopted(session: Session, address: string): void {
    session.address = this.#meter(session.lane, address);
    session.address.adopted();
  }

  /** May one more be opened to the site? If not, its destination is woken when it may. */
  mayOpen(lane: Lane, site: string, priority: number): boolean {
    const refusedBy = lane.findReach(site)?.refusedBy ?? [];
    if (refusedBy.length === 0 || refusedBy.some((meter) => !meter.isFull)) return true;
    for (const meter of refusedBy) this.#deps.limits.mayOpenBy(meter, lane, priority);
    return false;
  }

  /** The address that has no connection left for the site, if each of those known has none. */
  fullOf(lane: Lane, site: string): Meter | undefined {
    const refusedBy = lane.findReach(site)?.refusedBy ?? [];
    return refusedBy.every((meter) => meter.isFull) ? refusedBy[0] : undefined;
  }

  /** Granted: it has the room that it was woken for. */
  opened(session: Session): void {
    const meter = session.reach.refusedBy.find(({ isFull }) => !isFull);
    if (meter === undefined) return;
    session.reserved = meter;
    meter.opened(this.#deps.limits.now());
  }

  /** It ended because no address had room. */
  refused({ reach, refusedBy }: Session): void {
    reach.refusedBy = refusedBy;
  }

  closed(session: Session): void {
    this.#idle.delete(session);
    const { address, reserved, lane } = session;
    session.address = undefined;
    session.reserved = undefined;
    for (const meter of [address, reserved]) if (meter !== undefined) this.#free(lane, meter);
  }

  /** It has room: should nothing go on it, who waits for its address has it. */
  idles(session: Session): void {
    if (session.address?.hasWaiting === true && session.outstanding.length === 0) this.#idle.add(session);
  }

  /** Once everything was granted that could be. */
  yield(): void {
    for (const session of this.#idle) {
      if (session.address?.hasWaiting === true && session.lane.idle.has(session)) {
        this.#deps.egresses.closeSession(session);
      }
    }
    this.#idle.clear();
  }

  /** The options changed, or time has passed. */
  static refresh(group: Group, connections: number | undefined): void {
    for (const [address, meter] of group.addresses) {
      if (meter.isForgettable) group.addresses.delete(address);
      else meter.take(connections === undefined ? {} : { connections });
    }
  }

  #free({ group }: Lane, meter: Meter): void {
    this.#deps.limits.freed(meter);
    if (meter.isForgettable && group.addresses.get(meter.name) === meter) group.addresses.delete(meter.name);
  }

  #meter({ group, destination: { caps } }: Lane, address: string): Meter {
    let meter = group.addresses.get(address);
    if (meter === undefined) {
      const { connectionsPerAddress: connections } = caps;
      meter = this.#deps.limits.meter('address', address, connections === undefined ? {} : { connections });
      group.addresses.set(address, meter);
    }
    return meter;
  }
}

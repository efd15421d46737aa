// The attached egress processes and every session, by id. Opens and closes connections by command; a session is gone
// when its end was reported, or its process.
import type { Extension } from '../flow/action.ts';
import type { EgressCommands, SessionId } from '../flow/attempt.ts';
import { InvariantError } from '../base/errors.ts';
import type { Relay } from '../flow/route.ts';
import type { Egress, Lane, Session } from './lane.ts';

export class Egresses {
  readonly #attached = new Map<string, Egress>();
  readonly #sessions = new Map<SessionId, Session>();

  /** Connections open, opening or closing. */
  get sessions(): number {
    return this.#sessions.size;
  }

  get all(): Iterable<Session> {
    return this.#sessions.values();
  }

  attach(name: string, commands: EgressCommands): Egress {
    if (this.#attached.has(name)) throw new InvariantError(`egress ${name} is attached twice`);
    const egress: Egress = { name, commands, sessions: new Set() };
    this.#attached.set(name, egress);
    return egress;
  }

  detach(name: string): Egress | undefined {
    const egress = this.#attached.get(name);
    this.#attached.delete(name);
    return egress;
  }

  isAttached(egress: Egress): boolean {
    return this.#attached.get(egress.name) === egress;
  }

  get count(): number {
    return this.#attached.size;
  }

  find(id: SessionId): Session | undefined {
    return this.#sessions.get(id);
  }

  leastBusy(): Egress | undefined {
    let best: Egress | undefined;
    for (const egress of this.#attached.values()) {
      if (best === undefined || egress.sessions.size < best.sessions.size) best = egress;
    }
    return best;
  }

  open(lane: Lane, relay: Relay, relayKey: string, id: SessionId, without: readonly Extension[]): Session {
    const egress = this.#home(lane) ?? this.leastBusy();
    if (egress === undefined) throw new InvariantError('no egress is attached');
    const session = this.adopt(egress, lane, relay, relayKey, id, without);
    const { provider, caps } = lane.destination;
    egress.commands.open({
      session: id,
      lane: lane.name,
      source: lane.source,
      relay,
      ...(provider !== undefined && { provider }),
      ...(without.length > 0 && { without }),
      ...(caps.connectionsPerAddress !== undefined && { claimsAddress: true }),
    });
    return session;
  }

  /**
   * A lane that follows a pace has all its sessions in one process: after a throttling reply that process holds all of
   * them before the scheduler has heard of it. Its group too, for what stops a source stops all of it.
   */
  #home(lane: Lane): Egress | undefined {
    if (lane.destination.provider === undefined) {
      return lane.pace?.cause === undefined ? undefined : homeOf(lane);
    }
    for (const each of [lane, ...lane.group.lanes]) {
      const home = homeOf(each);
      if (home !== undefined) return home;
    }
    return undefined;
  }

  /** A session that is open already (of an earlier life of the scheduler), or about to be opened. */
  adopt(
    egress: Egress,
    lane: Lane,
    relay: Relay,
    relayKey: string,
    id: SessionId,
    without: readonly Extension[] = [],
  ): Session {
    const session: Session = {
      id,
      lane,
      reach: lane.reach(relay.site),
      egress,
      relayKey,
      outstanding: [],
      granted: 0,
      reports: 0,
      without,
      address: undefined,
      reserved: undefined,
      refusedBy: [],
      isClosing: false,
      isConnected: false,
      recall: 'none',
      recalls: 0,
      hasBegun: false,
    };
    this.#sessions.set(id, session);
    lane.add(session);
    egress.sessions.add(session);
    return session;
  }

  /** One that idles, the earliest opened first. Looked for only when every connection of the host, a source or a group is taken. */
  findIdle(mayEnd: (session: Session) => boolean): Session | undefined {
    for (const session of this.#sessions.values()) {
      if (session.lane.idle.has(session) && mayEnd(session)) return session;
    }
    return undefined;
  }

  /** Asks for its end; idempotent. */
  closeSession(session: Session): void {
    if (session.isClosing) return;
    session.isClosing = true;
    session.lane.idle.delete(session);
    session.lane.half.delete(session);
    session.egress.commands.close(session.id);
  }

  /** Asks for what it has not begun, which comes back by `returned`. Idempotent until then. */
  recall(session: Session): void {
    if (session.isClosing || session.recall === 'asked') return;
    session.recall = 'asked';
    session.lane.idle.delete(session);
    session.lane.half.delete(session);
    session.egress.commands.recall(session.id);
  }

  /** Takes no more: gives back what it has not begun, and ends after what it has. */
  retire(session: Session): void {
    session.granted = Number.MAX_SAFE_INTEGER;
    session.lane.idle.delete(session);
    session.lane.half.delete(session);
    if (session.outstanding.length === 0) this.closeSession(session);
    else this.recall(session);
  }

  /** Its end was seen. */
  remove(session: Session): void {
    this.#sessions.delete(session.id);
    session.lane.remove(session);
    session.egress.sessions.delete(session);
  }
}

function homeOf({ sessions }: Lane): Egress | undefined {
  for (const { egress, isClosing } of sessions) if (!isClosing) return egress;
  return undefined;
}

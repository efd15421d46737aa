// Egress as the scheduler sees it: sessions it granted, attempts it ordered, reports it has not acknowledged. Decides
// nothing; forgets nothing before it may.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { AttemptId, EgressCommands, EgressHello, EgressReports, Report, SessionId } from '../flow/attempt.ts';
import type { MessageReader } from '../flow/spool.ts';
import { ownAddresses } from '../net/address.ts';
import { createDialer } from '../net/dialer.ts';
import type { Resolver } from '../net/resolver.ts';
import type { Dialer } from '../net/wire.ts';
import type { Credentials } from '../smtp/client-opening.ts';
import { BrokenFamilies } from './broken-families.ts';
import { createPlainHosts, type OpeningDeps } from './opening.ts';
import { LaneHolds, mayBeAboutPace } from './lane-hold.ts';
import { EGRESS_DEFAULTS, type EgressOptions } from './options.ts';
import type { Sign } from './payload.ts';
import { Session, type SessionOwner } from './session.ts';

export interface EgressDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly reader: MessageReader;
  readonly resolver: Resolver;
  /** Default: real sockets. */
  readonly dialer?: Dialer;
  /** Header fields to put in front of the content. */
  readonly sign?: Sign;
  /** Secret of a smart host by its name in the configuration. */
  readonly credentials?: (name: string) => Credentials | undefined;
  /** Canonical forms (net/address.ts) of this host's addresses; default: asked of the system, kept for a minute. */
  readonly own?: () => ReadonlySet<string>;
}

export interface Egress {
  readonly commands: EgressCommands;
  /** For a new scheduler: all that is open or not acknowledged. */
  hello(): EgressHello;
  /** Closes every session; resolves when the last has reported `closed`. Idempotent. */
  stop(): Promise<void>;
}

const OWN_KEPT_MS = 60_000;

export function createEgress(options: Partial<EgressOptions>, deps: EgressDeps, reports: EgressReports): Egress {
  const all: EgressOptions = { ...EGRESS_DEFAULTS, ...options };
  const { clock, random, log, reader, resolver } = deps;
  const shared: OpeningDeps = {
    clock,
    random,
    log,
    reader,
    resolver,
    options: all,
    dialer: deps.dialer ?? createDialer(clock),
    sign: deps.sign,
    credentials: deps.credentials ?? (() => undefined),
    own: deps.own ?? keptOwnAddresses(clock),
    plainHosts: createPlainHosts(clock),
    brokenFamilies: new BrokenFamilies(clock, all.families),
    isSample: everyNth(all.conversationEvery),
  };
  const sessions = new Map<SessionId, Session>();
  const unacknowledged = new Map<AttemptId, Report>();
  const stopped: (() => void)[] = [];
  const holds = new LaneHolds();

  const owner: SessionOwner = {
    report: (report, lane) => {
      unacknowledged.set(report.attempt, report);
      if (report.results.some(({ reply }) => mayBeAboutPace(reply))) holds.hold(lane, report.attempt);
      reports.report(report);
    },
    closed: (closed, lane) => {
      const session = sessions.get(closed.session);
      if (session !== undefined) holds.leave(lane, session);
      sessions.delete(closed.session);
      if (mayBeAboutPace(closed.failure?.reply)) holds.hold(lane, closed.session);
      reports.closed(closed);
      if (sessions.size === 0) for (const done of stopped.splice(0)) done();
    },
    claim: (claim) => reports.claim(claim),
    mayBegin: (lane) => !holds.isHeld(lane),
  };

  return {
    commands: {
      open: (grant) => {
        if (sessions.has(grant.session)) return log.warn({ session: grant.session }, 'a session was granted twice');
        const session = new Session(grant, shared, owner);
        sessions.set(grant.session, session);
        holds.join(grant.lane, session);
      },
      deliver: (session, attempt) => {
        const found = sessions.get(session);
        if (found !== undefined) return found.deliver(attempt);
        // It crossed our `closed`: given back in a second one.
        reports.closed({ session, why: 'quit', notBegun: [attempt.attempt] });
      },
      claimed: (claim, isGranted) => sessions.get(claim.session)?.claims.answered(claim, isGranted),
      recall: (session) => {
        const found = sessions.get(session);
        if (found !== undefined) reports.returned({ session, notBegun: found.recall() });
      },
      close: (session) => sessions.get(session)?.close(),
      acknowledge: (taken) => {
        for (const id of taken) {
          unacknowledged.delete(id);
          holds.release(id);
        }
      },
    },
    hello: () => {
      // A new scheduler does not know of sessions that are over; it closes those that are not.
      holds.releaseBut((id) => unacknowledged.has(id));
      return helloOf(sessions, unacknowledged);
    },
    stop: async () => {
      for (const session of sessions.values()) session.close();
      if (sessions.size > 0) await new Promise<void>((resolve) => stopped.push(resolve));
    },
  };
}

function helloOf(
  sessions: ReadonlyMap<SessionId, Session>,
  unacknowledged: ReadonlyMap<AttemptId, Report>,
): EgressHello {
  return {
    sessions: [...sessions.values()].map(({ grant, claims: { held } }) =>
      held === undefined ? grant : { ...grant, address: held },
    ),
    held: [...sessions].flatMap(([session, one]) => one.held().map((attempt) => ({ ...attempt, session }))),
    unacknowledged: [...unacknowledged.values()],
  };
}

/** The first says yes, then one in so many. */
function everyNth(n: number): () => boolean {
  let at = 0;
  return () => at++ % n === 0;
}

function keptOwnAddresses(clock: Clock): () => ReadonlySet<string> {
  let kept: ReadonlySet<string> = new Set();
  let until = -Infinity;
  return () => {
    const now = clock.monotonic();
    if (now >= until) {
      kept = ownAddresses();
      until = now + OWN_KEPT_MS;
    }
    return kept;
  };
}

// From a grant to a server that takes transactions: address after address, at most so many, without TLS where a
// handshake broke. Tells its one listener exactly once: `up`, or `failed` with the most telling failure.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { SessionClosed, SessionGrant } from '../flow/attempt.ts';
import type { MessageReader } from '../flow/spool.ts';
import { addressText } from '../net/address.ts';
import { DnsCache } from '../net/dns-cache.ts';
import type { Dialer } from '../net/wire.ts';
import type { Credentials } from '../smtp/client-opening.ts';
import { startSession } from '../smtp/client-session.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import type { EgressOptions } from './options.ts';
import { FamilyTrial } from './family-trial.ts';
import type { Sign } from './payload.ts';
import type { AddressClaims } from './address-claim.ts';
import { type Candidate, type NoCandidate, type TargetDeps, targetsOf } from './targets.ts';

export type Failure = NonNullable<SessionClosed['failure']>;

export interface OpeningDeps extends TargetDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly reader: MessageReader;
  readonly dialer: Dialer;
  readonly options: EgressOptions;
  readonly sign: Sign | undefined;
  readonly credentials: (name: string) => Credentials | undefined;
  readonly plainHosts: PlainHosts;
  /** Asked once for each attempt that ended well: is what was said to be told? */
  readonly isSample: () => boolean;
}

/** Hosts that are spoken to without TLS, because their handshake broke. */
export type PlainHosts = DnsCache<true>;

export function createPlainHosts(clock: Clock): PlainHosts {
  return new DnsCache<true>(clock, 10_000);
}

export interface OpeningListener {
  /** Returns who holds the connection from now on; it hears `ready` next. */
  up(connection: Connection, candidate: Candidate): ConnectionOwner;
  /** undefined: it was cancelled. capped: no address could be claimed, and what else was tried did not serve. */
  failed(failure: Failure | 'capped' | undefined): void;
}

export interface Opening {
  cancel(): void;
}

export function openConnection(
  grant: SessionGrant,
  claims: AddressClaims,
  deps: OpeningDeps,
  listener: OpeningListener,
): Opening {
  let isCancelled = false;
  let current: Connection | undefined;
  let best: Failure | undefined;
  const families = new FamilyTrial(grant.source, deps.brokenFamilies, deps.clock.monotonic());

  const attempt = (candidate: Candidate): Promise<Failure | 'up' | 'closed'> =>
    new Promise((resolve) => {
      const { host, address, port } = candidate;
      const { relay, source } = grant;
      const isLeftOut = grant.without?.includes('tls') === true || deps.plainHosts.get(host) === true;
      const isPlain = relay.tls.level === 'opportunistic' && isLeftOut;
      const level = relay.tls.implicit === true || isPlain ? 'none' : relay.tls.level;
      const credentials = relay.credentials === undefined ? undefined : deps.credentials(relay.credentials);
      let holder: ConnectionOwner | undefined;
      let failure: Failure | undefined;
      const owner: ConnectionOwner = {
        ready: () => {
          if (holder === undefined) {
            current = undefined;
            served(candidate);
            holder = listener.up(connection, candidate);
            resolve('up');
          }
          holder.ready();
        },
        failed: (phase, { error, reply }) => {
          const conversation = current?.transcript.lines() ?? [];
          failure = {
            phase,
            ...(error !== undefined && { error }),
            ...(reply !== undefined && { reply }),
            remote: candidate,
            ...(conversation.length > 0 && { conversation }),
          };
        },
        settled: (settled, steps) => holder?.settled(settled, steps),
        unbegun: () => holder?.unbegun(),
        closed: () => {
          if (holder !== undefined) return holder.closed();
          current = undefined;
          resolve(failure ?? 'closed');
        },
      };
      const target = {
        host,
        address,
        port,
        ...(source.address !== undefined && { localAddress: source.address }),
        isImplicitTls: relay.tls.implicit === true,
        connectMs: deps.options.timeouts.connectMs,
      };
      const state = startSession(source.ehlo, level, credentials);
      const connection = new Connection(deps.dialer, target, state, deps.options, deps.clock, owner);
      connection.isPlain = isPlain;
      current = connection;
    });

  const served = (candidate: Candidate): void => {
    for (const found of families.serves(candidate)) {
      deps.log.warn({ source: grant.source.name, ...found }, 'an address family does not work: it is tried last');
    }
  };

  const note = (failure: Failure): void => {
    best = moreTelling(best, failure);
    const { phase, error, reply, remote } = failure;
    deps.log.info({ session: grant.session, lane: grant.lane, remote, phase, error, reply }, 'a server was not usable');
  };

  /** Broken or stuck between STARTTLS and the end of the handshake: worth another try without TLS. */
  const isHandshakeBroken = (failure: Failure): boolean => {
    const { relay } = grant;
    const isOptional = relay.tls.level === 'opportunistic' && relay.tls.implicit !== true;
    return isOptional && failure.phase === 'starttls' && failure.reply === undefined;
  };

  const run = async (): Promise<'up' | 'capped' | Failure | undefined> => {
    const { addressesMax, greetedMax, plainMs } = deps.options;
    let addresses = 0;
    let greeted = 0;
    let capped = 0;
    for await (const target of targetsOf(grant, deps)) {
      if (isCancelled) return undefined;
      if ('error' in target) {
        note(withoutCandidate(target));
        continue;
      }
      if (grant.claimsAddress === true && !(await claims.claim(addressText(target.address, target.port)))) {
        if (++capped >= addressesMax) break;
        continue;
      }
      if (isCancelled) return undefined;
      let ended = await attempt(target);
      if (typeof ended === 'object' && !isCancelled && isHandshakeBroken(ended)) {
        note(ended);
        deps.plainHosts.set(target.host, true, plainMs);
        ended = await attempt(target);
      }
      if (ended === 'up') return 'up';
      if (isCancelled || ended === 'closed') return undefined;
      note(ended);
      families.failed(target, ended.error, ended.phase !== 'connect');
      if (ended.error?.kind !== 'unreachable') addresses++;
      if (ended.phase !== 'connect' && !(ended.phase === 'greeting' && ended.reply === undefined)) greeted++;
      if (addresses >= addressesMax || greeted >= greetedMax) break;
    }
    if (capped > 0) return 'capped';
    return best ?? { phase: 'dns', error: { kind: 'unreachable', text: 'no host has an address' } };
  };

  let isTold = false;
  const fail = (failure: Failure | 'capped' | undefined): void => {
    if (isTold) return;
    isTold = true;
    listener.failed(failure);
  };
  run().then(
    (end) => {
      if (end !== 'up') fail(isCancelled ? undefined : end);
    },
    (error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      deps.log.error({ session: grant.session, error: text }, 'opening a session failed unexpectedly');
      fail({ phase: 'connect', error: { kind: 'unreachable', text } });
    },
  );

  return {
    cancel: () => {
      isCancelled = true;
      // While DNS is asked there is nothing to close.
      if (current === undefined) fail(undefined);
      else current.quit();
    },
  };
}

function withoutCandidate({ host, port, address, error }: NoCandidate): Failure {
  return { phase: 'dns', error, ...(address !== undefined && { remote: { host, address, port } }) };
}

/** A reply tells more than an error, an error of a server more than one of DNS; of two alike the first MX's. */
function moreTelling(before: Failure | undefined, now: Failure): Failure {
  const rank = ({ reply, phase }: Failure): number => (reply !== undefined ? 2 : phase === 'dns' ? 0 : 1);
  return before === undefined || rank(now) > rank(before) ? now : before;
}

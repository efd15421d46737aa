// What follows from replies, carried out at its scope: a lane slows, a source or a sending domain stops at a provider, a
// campaign is held, somebody is told. The rules say what (src/flow/action.ts); here is how. Suppression and retry plans
// are carried out elsewhere (suppressions.ts, reports.ts).
import type { Clock } from '../base/clock.ts';
import type { Action, Extension, SuspendScope } from '../flow/action.ts';
import type { Report } from '../flow/attempt.ts';
import type { Judged } from '../flow/settlement.ts';
import { remedyOf } from '../policy/remedy.ts';
import type { Egresses } from './egresses.ts';
import type { Granting } from './granting.ts';
import { campaignScope, type HeldBack, sendingDomain } from './held-back.ts';
import type { OpenAttempt } from './in-flight.ts';
import { asksForTls, isUsed, otherwise } from './extension-use.ts';
import { groupScope, type Lane, type Session } from './lane.ts';
import type { LaneGate } from './lane-gate.ts';
import type { LeftOut } from './left-out.ts';
import type { Paces } from './paces.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';
import type { Suspensions } from './suspensions.ts';

export interface ConsequencesDeps {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly sources: Sources;
  readonly egresses: Egresses;
  readonly recorder: Recorder;
  readonly granting: Granting;
  readonly paces: Paces;
  readonly suspensions: Suspensions;
  readonly gate: LaneGate;
  readonly leftOut: LeftOut;
  readonly heldBack: HeldBack;
  /** Granted, and egress does not know it. */
  readonly takeBack: (attempt: OpenAttempt) => void;
}

/** One reply, with whom it may blame. */
interface Cause {
  readonly attempt: OpenAttempt;
  readonly lane: Lane;
  readonly report: Report;
  readonly judged: Judged;
  readonly by: string;
  readonly reply: string;
}

const REPLY_CHARS_MAX = 200;
/** After a probe that was only told to be slower. */
const AGAIN_MS_MAX = 3_600_000;

export class Consequences {
  readonly #deps: ConsequencesDeps;

  constructor(deps: ConsequencesDeps) {
    this.#deps = deps;
  }

  /** An attempt is over: before its report is acknowledged, so that nothing begins at the old pace. */
  follow(attempt: OpenAttempt, report: Report, judged: readonly Judged[]): void {
    const { lane } = attempt.session;
    if (judged.length > 0) this.#carryOut(attempt, lane, report, judged);
    if (this.#deps.suspensions.any) this.#probed(attempt, lane, report, judged);
  }

  #carryOut(attempt: OpenAttempt, lane: Lane, report: Report, judged: readonly Judged[]): void {
    // Ten recipients that were answered alike are one reply.
    const seen = new Set<string>();
    for (const one of judged) {
      const about = `${one.rule} ${one.category}`;
      if (seen.has(about)) continue;
      seen.add(about);
      const cause: Cause = { attempt, lane, report, judged: one, by: `rule ${one.rule}`, reply: replyText(one) };
      if (asksForTls(one, report)) this.#secureAgain(cause);
      for (const action of inForce(cause)) this.#act(action, cause);
    }
  }

  #act(action: Action, cause: Cause): void {
    const { attempt, lane, by, reply } = cause;
    switch (action.do) {
      case 'slow':
        return this.#deps.paces.throttled(lane, action.what, attempt.grantedAt, notBegunOf(attempt), { by, reply });
      case 'suspend':
        return this.#suspend(action.what, action.forMs, cause);
      case 'hold':
        return this.#suspend(action.what, undefined, cause);
      case 'disable':
        return this.#leaveOut(action.extension, action.forMs, cause);
      case 'alert':
        return this.#alert(cause);
      default:
    }
  }

  /** It says no without TLS as well: by what was opened without nobody else is answered so. */
  #secureAgain({ lane, by }: Cause): void {
    const { leftOut, egresses } = this.#deps;
    leftOut.clear(groupScope(lane), by, ['tls']);
    for (const session of Array.from(lane.sessions)) if (session.without.includes('tls')) egresses.retire(session);
  }

  /** What has begun ends; what has not, and what follows, does without it. */
  #leaveOut(extension: Extension, forMs: number | undefined, cause: Cause): void {
    const { attempt, lane, report, by, reply } = cause;
    const { leftOut, gate, egresses, granting } = this.#deps;
    if (!isUsed(extension, attempt, report) || !leftOut.leaveOut(lane, extension, forMs, by, reply)) return;
    const lanes = [...gate.lanesOf(lane)];
    if (leftOut.stops(lane)) return this.stop(lanes, lane);
    for (const one of lanes) {
      for (const session of Array.from(one.sessions)) egresses.retire(session);
      granting.dirty(one.destination);
    }
  }

  #suspend(what: SuspendScope, forMs: number | undefined, cause: Cause): void {
    const { attempt, lane, judged, by, reply } = cause;
    const { message } = attempt.queued;
    // What is no part of a campaign is one message, and has its outcome.
    if (what === 'campaign' && message.campaign === undefined) return;
    const { clock, suspensions } = this.#deps;
    const remedy = remedyOf({
      category: judged.category,
      rule: judged.rule,
      text: reply,
      source: lane.source,
      sendingDomain: sendingDomain(message),
      selectors: message.selectors ?? [],
    });
    const name = scopeName(what, cause);
    const isTaken = suspensions.suspend(
      {
        what,
        name,
        ...(forMs !== undefined && { until: clock.now() + forMs }),
        by,
        reply,
        ...(remedy !== undefined && { remedy }),
      },
      attempt.grantedAt,
    );
    if (!isTaken) return;
    if (what === 'lane' || what === 'source+provider')
      this.stop(what === 'lane' ? [lane] : this.#deps.gate.lanesOf(lane), lane);
    if (forMs === undefined) {
      const mend = remedy === undefined ? '' : `; mend ${remedy}`;
      const text = `${name} is held until it is cleared (postilion lane resume ${name}): ${reply} (${by})${mend}`;
      this.#deps.recorder.alarm('held', text, `held ${what} ${name}`);
    }
  }

  /** What it allows now is less: what is over it ends, what is not begun comes back. */
  slow(lane: Lane): void {
    const { egresses, paces, takeBack } = this.#deps;
    // Those that idle first; then those that are in another process than most. Those on their way out are none too many.
    const staying = [...new Set([...lane.idle, ...strayFirst(lane)])].filter(({ isClosing }) => !isClosing);
    const over = Math.max(0, staying.length - paces.of(lane).connections);
    for (const session of staying.slice(0, over)) egresses.closeSession(session);
    for (const session of lane.sessions) {
      // What egress was not told of yet, because its intent is being synced, is ours to take back.
      for (const attempt of Array.from(session.outstanding)) if (!attempt.isOrdered) takeBack(attempt);
      if (session.outstanding.length > 0) egresses.recall(session);
    }
  }

  /** What these lanes have not begun comes back, for others to take. */
  stop(lanes: Iterable<Lane>, { destination, source }: Lane): void {
    const { egresses, granting } = this.#deps;
    for (const lane of lanes) for (const session of Array.from(lane.sessions)) egresses.closeSession(session);
    granting.dirty(destination);
    this.#watchPools(destination, source.name);
  }

  /** Every source of a pool that has this one is stopped there: mail waits, and somebody is told at once. */
  #watchPools(destination: Lane['destination'], source: string): void {
    const { settings, sources, gate, recorder } = this.#deps;
    for (const pool of settings.poolNames) {
      const members = sources.tiers(pool).flat();
      if (!members.some((member) => member.source.name === source)) continue;
      if (!members.every((member) => gate.isStopped(destination.lane(member.source)))) continue;
      const text = `mail for ${destination.name} waits: every source of pool ${pool} is suspended there (postilion lane list)`;
      recorder.alarm('pool-suspended', text, `pool-suspended ${pool} ${destination.name}`);
    }
  }

  #alert({ lane, judged, by, reply }: Cause): void {
    const text = `${lane.name} was answered ${reply} (${judged.category}, ${by})`;
    this.#deps.recorder.alarm(judged.category, text, `${by} ${lane.name}`);
  }

  /** The first delivery after a suspension: by its answer the suspension is over, or goes on. */
  #probed(attempt: OpenAttempt, lane: Lane, report: Report, judged: readonly Judged[]): void {
    const { suspensions, heldBack, gate, paces, clock } = this.#deps;
    const { message } = attempt.queued;
    const isAnswered = report.results.some(({ reply, decidedAt }) => reply !== undefined && !EARLY.has(decidedAt));
    const tellsMore = judged.flatMap(({ actions }) => actions);
    const isRefused = tellsMore.some((action) => action.do === 'suspend' || action.do === 'hold');
    const isSlowed = tellsMore.some((action) => action.do === 'slow');
    for (const { what, name } of [
      { what: 'lane', name: lane.name },
      { what: 'source+provider', name: groupScope(lane) },
      { what: 'sending-domain+provider', name: sendingScopeOf(attempt, lane) },
    ] as const) {
      const known = suspensions.find(what, name);
      if (known?.until === undefined || !suspensions.isProbing(known) || attempt.grantedAt < known.until) continue;
      if (isSlowed && !isRefused) {
        const until = clock.now() + Math.min(AGAIN_MS_MAX, known.until - known.since);
        suspensions.suspend({ ...known, until }, attempt.grantedAt);
      } else if (isAnswered && !isRefused) {
        const lanes = what === 'lane' ? [lane] : what === 'source+provider' ? gate.lanesOf(lane) : [];
        // An operator's pause says nothing of the pace.
        if (known.by !== 'operator') for (const one of lanes) paces.restarted(one, 'probe');
        suspensions.clear(what, name, 'probe');
      }
    }
    if (!isAnswered) heldBack.undecided(message);
  }
}

const EARLY: ReadonlySet<string> = new Set(['dns', 'connect', 'greeting', 'ehlo', 'starttls', 'auth']);

/** Recipients that wait behind a transaction; behind the one that is over nothing has begun. */
function notBegunOf({ session: answered }: OpenAttempt): number {
  let count = 0;
  for (const session of answered.lane.sessions) {
    const waiting = session === answered ? session.outstanding : session.outstanding.slice(1);
    for (const { indexes } of waiting) count += indexes.length;
  }
  return count;
}

function strayFirst({ sessions }: Lane): readonly Session[] {
  const counts = new Map<Session['egress'], number>();
  for (const { egress } of sessions) counts.set(egress, (counts.get(egress) ?? 0) + 1);
  return [...sessions].toSorted((a, b) => (counts.get(a.egress) ?? 0) - (counts.get(b.egress) ?? 0));
}

function scopeName(what: SuspendScope, { attempt, lane }: Cause): string {
  const { tenant, campaign = '' } = attempt.queued.message;
  if (what === 'campaign') return campaignScope(tenant, campaign);
  if (what === 'lane') return lane.name;
  return what === 'source+provider' ? groupScope(lane) : sendingScopeOf(attempt, lane);
}

function sendingScopeOf({ queued: { message } }: OpenAttempt, { destination }: Lane): string {
  return `${sendingDomain(message)}/${destination.provider ?? destination.name}`;
}

function replyText({ result: { reply, error } }: Judged): string {
  const text =
    reply === undefined
      ? `${error?.kind ?? ''}: ${error?.text ?? ''}`
      : [reply.code, reply.enhanced, ...reply.lines].filter((part) => part !== undefined).join(' ');
  return text.length <= REPLY_CHARS_MAX ? text : `${text.slice(0, REPLY_CHARS_MAX - 1)}…`;
}

/** Where the lane goes on by another way at once, it is not stopped besides. */
function inForce({ attempt, report, judged, lane }: Cause): readonly Action[] {
  const { actions } = judged;
  if (otherwise(judged, attempt, report) !== 'now' || lane.source.address !== undefined) return actions;
  const stops = (action: Action): boolean =>
    (action.do === 'hold' || action.do === 'suspend') && (action.what === 'lane' || action.what === 'source+provider');
  return actions.filter((action) => !stops(action));
}

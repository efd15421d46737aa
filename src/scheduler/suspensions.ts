// What sends nothing now, because a reply or an operator said so: a lane, a source at a provider, a sending domain at a
// provider, a campaign. State `suspend/SCOPE/NAME`, so a restart changes nothing; nothing of what waits is touched.
//
// suspended (until an instant, or held until cleared) → probing (one delivery at a time) → over, once that is answered
// by anything but a refusal of the same kind; such a refusal suspends anew. A campaign has no probe: its time ends it.
import type { Clock } from '../base/clock.ts';
import type { SuspendScope } from '../flow/action.ts';
import type { StateEvent } from '../flow/event.ts';
import type { SuspensionReport } from '../flow/lanes.ts';
import type { Spool } from '../flow/spool.ts';
import type { DueTime } from './due-time.ts';
import type { Recorder } from './recorder.ts';
import type { Wakeable, Wakes } from './wakes.ts';

export interface Suspension {
  readonly what: SuspendScope;
  /** `out1/google`, `example.org/google`, of a campaign `tenant/name`. */
  readonly name: string;
  /** ms since 1970. */
  readonly since: number;
  /** ms since 1970; absent: until it is cleared. */
  readonly until?: number;
  /** `rule ID` or `operator`. */
  readonly by: string;
  /** The reply in one line. */
  readonly reply?: string;
  /** What to mend. */
  readonly remedy?: string;
}

export interface SuspensionsDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly recorder: Recorder;
  /** It may be probed now, or is over. */
  readonly onOpen: (suspension: Suspension) => void;
}

export const SUSPEND = 'suspend/';
/** Scopes suspended at a time. Beyond it the relay is blocked everywhere, and one more changes nothing. */
const SUSPENSIONS_MAX = 10_000;
/** Ended so long ago without anything to probe with: forgotten. */
const FORGOTTEN_MS = 7 * 24 * 3_600_000;

export class Suspensions implements Wakeable {
  readonly #deps: SuspensionsDeps;
  /** By `SCOPE/NAME`. */
  readonly #all = new Map<string, Suspension>();
  wakeAt: number | undefined;

  constructor(deps: SuspensionsDeps) {
    this.#deps = deps;
  }

  /** At a start. */
  load(spool: Spool): void {
    const old = this.#deps.clock.now() - FORGOTTEN_MS;
    for (const { key, value } of spool.states(SUSPEND)) {
      const kept = value as Suspension | undefined;
      if (typeof kept?.since !== 'number' || typeof kept.name !== 'string') continue;
      if (kept.until !== undefined && kept.until < old) this.#write(key, undefined, 'scheduler');
      else this.#all.set(key.slice(SUSPEND.length), kept);
    }
    this.wake();
  }

  get any(): boolean {
    return this.#all.size > 0;
  }

  get all(): Iterable<Suspension> {
    return this.#all.values();
  }

  find(what: SuspendScope, name: string): Suspension | undefined {
    return this.#all.size === 0 ? undefined : this.#all.get(`${what}/${name}`);
  }

  /** Its time has passed: one delivery may try. */
  isProbing({ until }: Suspension): boolean {
    return until !== undefined && until <= this.#deps.clock.now();
  }

  /**
   * False: it was suspended at least as long already. What was begun before it was suspended only repeats what is known:
   * `begunAt`, ms since 1970.
   */
  suspend(suspension: Omit<Suspension, 'since'>, begunAt: number): boolean {
    const key = `${suspension.what}/${suspension.name}`;
    const known = this.#all.get(key);
    if (known === undefined && this.#all.size >= SUSPENSIONS_MAX) {
      this.#deps.recorder.alarm('suspensions', `over ${SUSPENSIONS_MAX} suspensions: no more are taken`);
      return false;
    }
    if (known !== undefined && !isStronger(suspension, known, begunAt)) return false;
    const now = this.#deps.clock.now();
    const isNew = known === undefined || this.isProbing(known);
    const taken: Suspension = { ...suspension, since: isNew ? now : known.since };
    this.#all.set(key, taken);
    this.#write(`${SUSPEND}${key}`, taken, suspension.by);
    this.#arm();
    return true;
  }

  /** False: it was not suspended. */
  clear(what: SuspendScope, name: string, by: string): boolean {
    const key = `${what}/${name}`;
    const known = this.#all.get(key);
    if (known === undefined) return false;
    this.#all.delete(key);
    this.#write(`${SUSPEND}${key}`, undefined, by);
    this.#deps.onOpen(known);
    return true;
  }

  /** Some may be probed from now on. */
  wake(): void {
    for (const suspension of Array.from(this.#all.values())) {
      if (!this.isProbing(suspension)) continue;
      if (suspension.what === 'campaign') this.clear('campaign', suspension.name, 'scheduler');
      else this.#deps.onOpen(suspension);
    }
    this.#arm();
  }

  #arm(): void {
    const { clock, time, wakes } = this.#deps;
    const now = clock.now();
    let next = Infinity;
    for (const { until } of this.#all.values()) if (until !== undefined && until > now) next = Math.min(next, until);
    if (next < Infinity) wakes.set(this, time.ofWall(next));
  }

  #write(key: string, value: Suspension | undefined, by: string): void {
    const event: StateEvent = { type: 'state', at: this.#deps.clock.now(), key, by };
    this.#deps.recorder.add([value === undefined ? event : { ...event, value }]);
  }
}

/** For people. */
export function suspensionReport(suspension: Suspension, now: number): SuspensionReport {
  const { what, name, since, until, by, reply, remedy } = suspension;
  return {
    what,
    name,
    state: until === undefined ? 'held' : until <= now ? 'probing' : 'suspended',
    since,
    ...(until !== undefined && { until }),
    by,
    ...(reply !== undefined && { reply }),
    ...(remedy !== undefined && { remedy }),
  };
}

/** Longer; or anew after its time, by something that was begun since. */
function isStronger(next: Omit<Suspension, 'since'>, known: Suspension, begunAt: number): boolean {
  if (known.until === undefined) return next.by === 'operator' && next.until === undefined && known.by !== next.by;
  if (next.until === undefined) return true;
  if (next.by === 'operator') return next.until > known.until;
  return begunAt >= known.since && next.until > known.until;
}

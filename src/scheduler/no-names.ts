// Domains of which DNS says that they do not exist, and since when. Registries and their servers have bad minutes: only
// the second answer, 15 minutes after the first, fails mail. Kept as state `no-name/DOMAIN`, so that a restart in
// between neither forgets the first answer nor takes it for the second.
import type { Domain as DomainName } from '../flow/message.ts';
import type { Spool } from '../flow/spool.ts';
import type { Clock } from '../base/clock.ts';
import type { DueTime } from './due-time.ts';
import type { Recorder } from './recorder.ts';

export interface NoNamesDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly recorder: Recorder;
}

export const NO_NAME = 'no-name/';
export const NO_NAME_MS = 15 * 60_000;
/** Mail that comes within so long after the first answer fails with the next one. */
const KEPT_MS = 24 * 60 * 60_000;
/** More are forgotten, the oldest first: their mail waits another 15 minutes. */
const NAMES_MAX = 50_000;

export class NoNames {
  readonly #deps: NoNamesDeps;
  /** Due time of the first answer; oldest first. */
  readonly #since = new Map<DomainName, number>();

  constructor(deps: NoNamesDeps) {
    this.#deps = deps;
  }

  /** At a start. */
  load(spool: Spool): void {
    const now = this.#deps.time.now();
    const wall = this.#deps.clock.now();
    const found = spool.states(NO_NAME).map(({ key, value }) => ({
      name: key.slice(NO_NAME.length) as DomainName,
      // Of a clock that was set back nothing older than now is known.
      since: now - Math.max(0, wall - (typeof value === 'number' ? value : wall)),
    }));
    for (const { name, since } of found.toSorted((a, b) => a.since - b.since)) this.#since.set(name, since);
    this.#forgetOld(now);
  }

  /** DNS says that there is no such domain. Due time from which the same answer fails its mail; not after now: it does. */
  met(name: DomainName): number {
    const now = this.#deps.time.now();
    this.#forgetOld(now);
    const since = this.#since.get(name);
    if (since !== undefined) return since + NO_NAME_MS;
    this.#since.set(name, now);
    this.#write(name, this.#deps.clock.now());
    return now + NO_NAME_MS;
  }

  /** DNS knows it. */
  exists(name: DomainName): void {
    if (this.#since.size > 0 && this.#since.delete(name)) this.#write(name);
  }

  #forgetOld(now: number): void {
    for (const [name, since] of this.#since) {
      if (now - since < KEPT_MS && this.#since.size <= NAMES_MAX) return;
      this.#since.delete(name);
      this.#write(name);
    }
  }

  #write(name: DomainName, value?: number): void {
    const { clock, recorder } = this.#deps;
    const event = { type: 'state', at: clock.now(), key: `${NO_NAME}${name}`, by: 'scheduler' } as const;
    recorder.add([value === undefined ? event : { ...event, value }]);
  }
}

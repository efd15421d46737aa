// What egress is not to use on a lane: an extension or an address family that its provider is said not to get along with
// (`ipv6: false`), or that a reply spoke against (`disable`), the latter for a time. State `left-out/EXTENSION/NAME`, so a
// restart changes nothing. A source that has nothing but an IPv6 address begins nothing where IPv6 is left out; other
// sources of its pool do.
import type { Clock } from '../base/clock.ts';
import type { Extension } from '../flow/action.ts';
import type { StateEvent } from '../flow/event.ts';
import type { LeftOutReport } from '../flow/lanes.ts';
import type { Spool } from '../flow/spool.ts';
import type { DueTime } from './due-time.ts';
import { groupScope, type Lane } from './lane.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Wakeable, Wakes } from './wakes.ts';

export interface LeftOutDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly recorder: Recorder;
  readonly settings: Settings;
  /** Something is used again. */
  readonly onEnd: () => void;
}

export const LEFT_OUT = 'left-out/';
/** Remembered at a time; of more, those that would end first are used again. */
const KEPT_MAX = 10_000;
const HOUR = 3_600_000;
/** TLS as long as egress speaks plainly to a host whose handshake broke; what costs no secrecy for longer. */
const FOR_MS: Readonly<Record<Extension, number>> = {
  tls: HOUR,
  ipv6: 7 * 24 * HOUR,
  'look-ahead': 7 * 24 * HOUR,
  chunking: 7 * 24 * HOUR,
};
const EXTENSIONS: readonly Extension[] = ['tls', 'ipv6', 'look-ahead', 'chunking'];
const NOTHING: readonly Extension[] = [];

export class LeftOut implements Wakeable {
  readonly #deps: LeftOutDeps;
  /** By `EXTENSION/NAME`. */
  readonly #kept = new Map<string, LeftOutReport>();
  wakeAt: number | undefined;

  constructor(deps: LeftOutDeps) {
    this.#deps = deps;
  }

  /** At a start. */
  load(spool: Spool): void {
    for (const { key, value } of spool.states(LEFT_OUT)) {
      const kept = value as LeftOutReport | undefined;
      if (typeof kept?.until === 'number' && typeof kept.name === 'string')
        this.#kept.set(key.slice(LEFT_OUT.length), kept);
    }
    this.wake();
  }

  of(lane: Lane): readonly Extension[] {
    const { provider } = lane.destination;
    const policy = provider === undefined ? undefined : this.#deps.settings.provider(provider);
    if (this.#kept.size === 0 && policy?.ipv6 !== false) return NOTHING;
    const name = groupScope(lane);
    return EXTENSIONS.filter((extension) => {
      if (extension === 'ipv6' && policy?.ipv6 === false) return true;
      // A state of another name for the same thing, an older release's say, takes TLS from no provider.
      return (extension !== 'tls' || provider === undefined) && this.#kept.has(`${extension}/${name}`);
    });
  }

  /** Without it there is nothing to send by. */
  stops(lane: Lane): boolean {
    return lane.source.address?.includes(':') === true && this.of(lane).includes('ipv6');
  }

  /** What replies have brought about on the lane. */
  kept(lane: Lane): readonly LeftOutReport[] {
    if (this.#kept.size === 0) return [];
    const name = groupScope(lane);
    return EXTENSIONS.flatMap((extension) => this.#kept.get(`${extension}/${name}`) ?? []);
  }

  /** False: it is left out already. `forMs` absent: as long as is usual for it. */
  leaveOut(lane: Lane, extension: Extension, forMs: number | undefined, by: string, reply: string): boolean {
    const now = this.#deps.clock.now();
    const name = groupScope(lane);
    const key = `${extension}/${name}`;
    if (this.#kept.has(key)) return false;
    const until = now + (forMs ?? FOR_MS[extension]);
    this.#makeRoom();
    const kept: LeftOutReport = { extension, name, since: now, until, by, reply };
    this.#kept.set(key, kept);
    this.#write(key, kept, by);
    this.#arm();
    return true;
  }

  /** Used again. How many. */
  clear(name: string, by: string, only: readonly Extension[] = EXTENSIONS): number {
    let count = 0;
    for (const extension of only) {
      const key = `${extension}/${name}`;
      if (!this.#kept.delete(key)) continue;
      count++;
      this.#write(key, undefined, by);
    }
    if (count > 0) this.#deps.onEnd();
    return count;
  }

  /** The time of some has passed. */
  wake(): void {
    const now = this.#deps.clock.now();
    for (const { extension, name, until } of Array.from(this.#kept.values())) {
      if (until <= now) this.clear(name, 'scheduler', [extension]);
    }
    this.#arm();
  }

  #arm(): void {
    const { time, wakes } = this.#deps;
    let next = Infinity;
    for (const { until } of this.#kept.values()) next = Math.min(next, until);
    if (next < Infinity) wakes.set(this, time.ofWall(next));
  }

  #makeRoom(): void {
    if (this.#kept.size < KEPT_MAX) return;
    const [first] = [...this.#kept.values()].toSorted((a, b) => a.until - b.until);
    if (first !== undefined) this.clear(first.name, 'scheduler', [first.extension]);
  }

  #write(key: string, value: LeftOutReport | undefined, by: string): void {
    const event: StateEvent = { type: 'state', at: this.#deps.clock.now(), key: `${LEFT_OUT}${key}`, by };
    this.#deps.recorder.add([value === undefined ? event : { ...event, value }]);
  }
}

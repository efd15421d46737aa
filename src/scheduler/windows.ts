// What rates with a burst have let go, kept in the journal, so that a restart neither gives the burst anew nor pauses for
// what may have been sent. Each record stands ahead: it says how many more may go before the next one is written, and after
// a restart those count as sent when it began. State `window/CAP`. A cap without a record has let nothing go since the instant
// of the state `windows`, from which on all caps have been what they are; whatever went before it is taken to be all that was
// allowed (pacer.ts). A rate without a burst, or one that makes up for a restart within a minute, keeps nothing.
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { StateEvent } from '../flow/event.ts';
import type { Spool } from '../flow/spool.ts';
import type { KeptWindow } from '../policy/pacer.ts';
import type { DueTime } from './due-time.ts';
import type { Meter, Past } from './meter.ts';
import type { MeterCaps, SchedulerOptions } from './options.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Wakeable, Wakes } from './wakes.ts';

export interface WindowsDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly recorder: Recorder;
  readonly settings: Settings;
}

const WINDOW = 'window/';
const KNOWN = 'windows';
/** Of what a period allows: what may go by one record at most, and may count as sent though it was not. */
const AHEAD = 0.02;
/** A record of what has ended since the last one: no more often, nor more than so many a period. */
const AGAIN_MS = 60_000;
const PARTS = 24;

interface Kept {
  /** ms since 1970. */
  readonly at: number;
  readonly windows: readonly KeptWindow[];
  /** Until then, too, nothing more had gone. */
  readonly asOf?: number;
}

/** From this instant on the caps have been those of the digest. */
interface Known {
  readonly since: number;
  readonly digest: string;
}

export class Windows implements Wakeable {
  readonly #deps: WindowsDeps;
  readonly #kept = new Map<string, Kept>();
  /** Have let something go in this life. */
  readonly #live = new Map<string, Meter>();
  /** Something of them went, or ended, since their record. */
  readonly #moved = new Set<Meter>();
  #known: Known | undefined;
  /** Those that `#known` was found for. */
  #options: SchedulerOptions | undefined;
  /** At the start of this life: a cap without a record has let nothing go since. */
  #nothingSince = 0;
  #startedAt = 0;
  #spool: Spool | undefined;
  wakeAt: number | undefined;

  constructor(deps: WindowsDeps) {
    this.#deps = deps;
  }

  /** At a start, before anything goes. */
  load(spool: Spool): void {
    this.#spool = spool;
    this.#startedAt = this.#deps.clock.now();
    const { since } = this.#know(spool.state(KNOWN) as Known | undefined);
    this.#nothingSince = since;
    for (const { key, value } of spool.states(WINDOW)) {
      const kept = value as Partial<Kept> | undefined;
      const isWhole = typeof kept?.at === 'number' && Array.isArray(kept.windows);
      if (isWhole && (kept.asOf ?? kept.at ?? 0) >= since) this.#kept.set(key.slice(WINDOW.length), kept as Kept);
      else this.#write(key, undefined);
    }
  }

  /** Caps may be others: a record from before would not be trusted. What it says still holds. */
  reload(): void {
    const known = this.#known;
    if (known === undefined || this.#know(known) === known) return;
    const asOf = this.#deps.clock.now();
    for (const [name, kept] of this.#kept) {
      const meter = this.#live.get(name);
      if (meter !== undefined) this.#keep(meter, meter.ahead);
      else this.#record(name, { ...kept, asOf });
    }
  }

  /** Nothing is kept of this one, or no longer. */
  drop(meter: Meter): void {
    const name = nameOf(meter);
    meter.ahead = 0;
    this.#live.delete(name);
    this.#moved.delete(meter);
    if (this.#kept.delete(name)) this.#write(`${WINDOW}${name}`, undefined);
  }

  /** What a meter that is new in this life may have let go before. undefined: it is not kept. */
  past(meter: Meter, perMs: number): Past | undefined {
    // A cap that a reload brings begins as if it had stood since the start.
    if (this.#options !== this.#deps.settings.options) return undefined;
    const kept = this.#kept.get(nameOf(meter));
    const window = kept?.windows.find((one) => one.perMs === perMs);
    if (kept === undefined || window === undefined) return { since: this.#monotonicOf(this.#nothingSince) };
    return { since: this.#monotonicOf(kept.at), window };
  }

  /** A meter that is kept lets so many go: written before they do. */
  granted(meter: Meter, amount: number): void {
    this.#live.set(nameOf(meter), meter);
    meter.sent += amount;
    meter.ahead -= amount;
    // No more than it has sent in this life: who is killed again and again loses half of what may go, and not all.
    if (meter.ahead < 0) this.#keep(meter, Math.min(aheadOf(meter), meter.sent));
    this.moved(meter);
  }

  /** Something of it ended, or was given back. */
  moved(meter: Meter): void {
    this.#moved.add(meter);
    if (this.wakeAt === undefined) this.#arm();
  }

  wake(): void {
    const now = this.#deps.clock.now();
    for (const meter of this.#moved) {
      const kept = this.#kept.get(nameOf(meter));
      if (kept !== undefined && now - kept.at >= 0 && now - kept.at < shortest(kept) / PARTS) continue;
      this.#moved.delete(meter);
      this.#keep(meter, meter.ahead);
    }
    this.#sweep(now);
    if (this.#moved.size > 0) this.#arm();
  }

  /** An orderly stop: nothing more goes. */
  close(): void {
    for (const meter of this.#live.values()) this.#keep(meter, 0);
  }

  /** All of it has passed, and nothing went since: as if it had never let anything go. */
  #sweep(now: number): void {
    for (const [name, kept] of this.#kept) {
      const meter = this.#live.get(name);
      if (now - kept.at <= longest(kept) || (meter !== undefined && this.#moved.has(meter))) continue;
      if (now - this.#startedAt <= longest(kept) || meter?.isForgettable === false) continue;
      if (meter !== undefined) meter.ahead = 0;
      this.#live.delete(name);
      this.#kept.delete(name);
      this.#write(`${WINDOW}${name}`, undefined);
    }
  }

  /** `before` itself when the caps are still those. */
  #know(before: Known | undefined): Known {
    const { clock, settings } = this.#deps;
    const now = clock.now();
    const text = JSON.stringify(allCaps(settings.options));
    const digest = createHash('sha256').update(text).digest('base64url');
    const isSame = typeof before?.since === 'number' && before.digest === digest && before.since <= now;
    const known = isSame ? before : { since: now, digest };
    // Where nothing is kept and nothing was, there is nothing to trust.
    if (!isSame && (text.includes('"burst":') || this.#spool?.state(KNOWN) !== undefined)) this.#write(KNOWN, known);
    this.#known = known;
    this.#options = settings.options;
    return known;
  }

  #keep(meter: Meter, ahead: number): void {
    meter.ahead = ahead;
    this.#record(nameOf(meter), { at: this.#deps.clock.now(), windows: meter.windows(ahead) });
  }

  #record(name: string, kept: Kept): void {
    this.#kept.set(name, kept);
    this.#write(`${WINDOW}${name}`, kept);
  }

  #write(key: string, value: Kept | Known | undefined): void {
    const event: StateEvent = { type: 'state', at: this.#deps.clock.now(), key, by: 'scheduler' };
    this.#deps.recorder.write([value === undefined ? event : { ...event, value }]);
  }

  /** Never after now, whoever set the wall clock meanwhile; and rather late, for that counts in whole ms. */
  #monotonicOf(wall: number): number {
    const { clock } = this.#deps;
    return clock.monotonic() - Math.max(0, clock.now() - wall - 1);
  }

  #arm(): void {
    this.#deps.wakes.set(this, this.#deps.time.now() + AGAIN_MS);
  }
}

/** Whatever of this changes, caps may be others. */
function allCaps({ caps, providers = {}, sources, tenants, streams }: SchedulerOptions): unknown {
  const each = <T>(of: Readonly<Record<string, T>>, its: (one: T) => unknown): unknown =>
    Object.entries(of).map(([name, one]) => [name, its(one)]);
  const own = (one: { readonly caps?: MeterCaps }): unknown => one.caps;
  return [
    caps,
    each(providers, ({ caps: ofLane, group, lanes }) => [ofLane, group, lanes]),
    each(sources, own),
    each(tenants, own),
    each(streams, own),
  ];
}

function nameOf({ by, name }: Meter): string {
  return `${by}/${name}`;
}

function aheadOf({ caps: { rates = [] } }: Meter): number {
  return Math.ceil(AHEAD * Math.min(...rates.map(({ count }) => count)));
}

function shortest({ windows }: Kept): number {
  return Math.min(...windows.map(({ perMs }) => perMs));
}

function longest({ windows }: Kept): number {
  return Math.max(...windows.map(({ perMs }) => perMs));
}

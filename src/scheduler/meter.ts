// What one thing that has caps (a lane, a group, a source, a tenant, a stream, the host) has open and has sent, and who
// waits for it: destinations, those with the most urgent mail first, woken one by one as room comes. Nothing else wakes
// them: a thousand that wait for one delivery a second cost no more than one.
import { isKept, type KeptWindow, Pacer } from '../policy/pacer.ts';
import type { CapFigure, CappedBy } from '../flow/wait.ts';
import type { Destination } from './destination.ts';
import type { MeterCaps, Rate } from './options.ts';
import { WaitingLine } from './waiting-line.ts';
import type { Wakeable } from './wakes.ts';

/** What is known of a rate from before this life: since when, and what was sent then (`window` absent: whatever was allowed). */
export interface Past {
  /** Monotonic; the instant of the window where there is one. */
  readonly since: number;
  readonly window?: KeptWindow;
}

export interface MeterHost {
  /** Its instant of the next room has come, or something of it ended. */
  readonly onRoom: (meter: Meter) => void;
  readonly now: () => number;
  /** From then on everything that was sent is known. */
  readonly since: () => number;
  /** Of a rate that is new to a meter that is new. undefined: nothing is kept of it. */
  readonly past: (meter: Meter, perMs: number) => Past | undefined;
  /** From now on nothing is kept of it. */
  readonly notKept: (meter: Meter) => void;
}

const NONE: MeterCaps = {};

export class Meter implements Wakeable {
  readonly by: CappedBy;
  readonly name: string;
  /** What of an order rests with it: absent for those that stop a whole lane. */
  readonly restKey: string | undefined;
  /** Connections open, opening or closing. */
  sessions = 0;
  /** How many more its record lets go, and how many went in this life (windows.ts). */
  ahead = 0;
  sent = 0;
  wakeAt: number | undefined;
  #caps = NONE;
  #opens: Pacer | undefined;
  #rates: readonly Pacer[] = [];
  readonly #host: MeterHost;
  /** A rate holds them back. */
  readonly forMail = new WaitingLine();
  /** They would open a connection. */
  readonly forOpening = new WaitingLine();

  constructor(by: CappedBy, name: string, host: MeterHost, restKey?: string) {
    this.by = by;
    this.name = name;
    this.#host = host;
    this.restKey = restKey;
  }

  get caps(): MeterCaps {
    return this.#caps;
  }

  /** What was sent stays counted. */
  take(caps: MeterCaps): void {
    if (caps === this.#caps) return;
    const isNew = this.#caps === NONE;
    this.#caps = caps;
    const { newConnections, rates = [], burst } = caps;
    this.#opens =
      newConnections && this.#pacer(newConnections, 1, this.#opens === undefined ? [] : [this.#opens], false);
    this.#rates = rates.map((rate) => this.#pacer(rate, burst ?? 1, this.#rates, isNew));
    if (!this.isKept) this.#host.notKept(this);
  }

  /** Recipients that may be handed over now. */
  room(now: number): number {
    let room = Infinity;
    for (const pacer of this.#rates) {
      const each = pacer.room(now);
      if (each < room) room = each;
    }
    return room;
  }

  /** A connection may be opened now. */
  mayOpen(now: number): boolean {
    const { connections } = this.#caps;
    if (connections !== undefined && this.sessions >= connections) return false;
    return this.#opens === undefined || this.#opens.room(now) > 0;
  }

  get isFull(): boolean {
    return this.#caps.connections !== undefined && this.sessions >= this.#caps.connections;
  }

  get isOpeningPaced(): boolean {
    return this.#opens !== undefined;
  }

  /** Only one that is has to be told of what goes. */
  get isPaced(): boolean {
    return this.#rates.length > 0;
  }

  /** Its past is kept over restarts. */
  get isKept(): boolean {
    const { rates = [], burst } = this.#caps;
    return burst !== undefined && rates.some((rate) => isKept({ ...rate, burst }));
  }

  /** As a record has them. `ahead`: so many more are going to be let go by it. */
  windows(ahead: number): readonly KeptWindow[] {
    const now = this.#host.now();
    return this.#rates.map((pacer) => pacer.kept(now, ahead));
  }

  /** When there is room next for mail (`opens`: for a connection). Infinity: when something ends. */
  nextAt(now: number, opens: boolean): number {
    let at = now;
    const pacers = opens && this.#opens !== undefined ? [this.#opens] : opens ? [] : this.#rates;
    for (const pacer of pacers) if (pacer.room(now) === 0) at = Math.max(at, pacer.nextAt(now));
    return opens && this.isFull ? Infinity : at;
  }

  /** The cap that lets nothing go now (`opens`: lets no connection be opened), for who only asks. */
  hindrance(now: number, opens: boolean): { readonly figure: CapFigure; readonly until?: number } | undefined {
    const { connections, newConnections } = this.#caps;
    if (opens) {
      if (connections !== undefined && this.isFull) return { figure: { cap: 'connections', count: connections } };
      if (newConnections === undefined || this.mayOpen(now)) return undefined;
      return until({ cap: 'new_connections', ...newConnections }, this.nextAt(now, true));
    }
    let last: { readonly figure: CapFigure; readonly until?: number } | undefined;
    for (const [at, pacer] of this.#rates.entries()) {
      if (pacer.room(now) > 0) continue;
      const found = until({ cap: 'rate', ...(this.#caps.rates?.[at] as Rate) }, pacer.nextAt(now));
      if (last === undefined || (found.until ?? Infinity) > (last.until ?? Infinity)) last = found;
    }
    return last;
  }

  opened(now: number): void {
    this.sessions++;
    this.#opens?.granted(1, now);
  }

  /** It was open before this life. */
  adopted(): void {
    this.sessions++;
  }

  /** The connection stands, or was given up. */
  connected(now: number): void {
    this.#opens?.ended(1, now, now);
  }

  closed(): void {
    this.sessions--;
  }

  granted(amount: number, now: number): void {
    for (const pacer of this.#rates) pacer.granted(amount, now);
  }

  ended(amount: number, at: number, now: number): void {
    for (const pacer of this.#rates) pacer.ended(amount, at, now);
  }

  returned(amount: number): void {
    for (const pacer of this.#rates) pacer.returned(amount);
  }

  get hasWaiting(): boolean {
    return !this.forMail.isEmpty || !this.forOpening.isEmpty;
  }

  /** What its room now lets go: the next that waits for room for mail, or for a connection. */
  next(now: number): Destination | undefined {
    if (!this.forMail.isEmpty && this.room(now) > 0) return this.forMail.next();
    return !this.forOpening.isEmpty && this.mayOpen(now) ? this.forOpening.next() : undefined;
  }

  /** When somebody who waits can be let go. Infinity: when something ends, or nobody waits. */
  nextWakeAt(now: number): number {
    const mail = this.forMail.isEmpty ? Infinity : this.nextAt(now, false);
    const opening = this.forOpening.isEmpty ? Infinity : this.nextAt(now, true);
    return Math.min(mail, opening);
  }

  wake(): void {
    this.#host.onRoom(this);
  }

  /** Nothing is open and nothing need be remembered. */
  get isForgettable(): boolean {
    const now = this.#host.now();
    if (this.sessions > 0 || this.hasWaiting || this.#opens?.isQuiet(now) === false) return false;
    return this.#rates.every((pacer) => pacer.isQuiet(now));
  }

  #pacer(rate: Rate, burst: number, known: readonly Pacer[], isNew: boolean): Pacer {
    const same = known.find(({ perMs }) => perMs === rate.perMs);
    if (same === undefined) {
      const now = this.#host.now();
      const past = (isNew && isKept({ ...rate, burst }) ? this.#host.past(this, rate.perMs) : undefined) ?? {
        since: this.#host.since(),
      };
      return new Pacer({ ...rate, burst }, now, past.since, past.window);
    }
    same.take({ ...rate, burst });
    return same;
  }
}

function until(figure: CapFigure, at: number): { readonly figure: CapFigure; readonly until?: number } {
  return at === Infinity ? { figure } : { figure, until: at };
}

// What one thing that has caps (a lane, a group, a source, a tenant, a stream, the host) has open and has sent, and who
// waits for it: destinations, those with the most urgent mail first, woken one by one as room comes. Nothing else wakes
// them: a thousand that wait for one delivery a second cost no more than one.
import { Pacer } from '../policy/pacer.ts';
import type { CapFigure, CappedBy } from '../flow/wait.ts';
import type { Destination } from './destination.ts';
import type { MeterCaps, Rate } from './options.ts';
import { WaitingLine } from './waiting-line.ts';
import type { Wakeable } from './wakes.ts';

export interface MeterHost {
  /** Its instant of the next room has come, or something of it ended. */
  readonly onRoom: (meter: Meter) => void;
  readonly now: () => number;
  /** From then on everything that was sent is known. */
  readonly since: () => number;
}

const NONE: MeterCaps = {};

export class Meter implements Wakeable {
  readonly by: CappedBy;
  readonly name: string;
  /** What of an order rests with it: absent for those that stop a whole lane. */
  readonly restKey: string | undefined;
  /** Connections open, opening or closing. */
  sessions = 0;
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
    this.#caps = caps;
    const { newConnections, rates = [], burst } = caps;
    this.#opens = newConnections && this.#pacer(newConnections, 1, this.#opens === undefined ? [] : [this.#opens]);
    this.#rates = rates.map((rate) => this.#pacer(rate, burst ?? 1, this.#rates));
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

  #pacer(rate: Rate, burst: number, known: readonly Pacer[]): Pacer {
    const same = known.find(({ perMs }) => perMs === rate.perMs);
    if (same === undefined) return new Pacer({ ...rate, burst }, this.#host.now(), this.#host.since());
    same.take({ ...rate, burst });
    return same;
  }
}

function until(figure: CapFigure, at: number): { readonly figure: CapFigure; readonly until?: number } {
  return at === Infinity ? { figure } : { figure, until: at };
}

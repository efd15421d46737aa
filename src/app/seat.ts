// The place of one process of split mode: started, started again with back-off when it dies, told to stop.
//
// States: empty -> starting (a process exists) -> running (it said ready) -> waiting (it died; another comes) ->
// starting … ; from any of them -> stopping (told to end; none follows) -> ended.
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Child, ChildEnd, Spawn } from './child.ts';
import type { FromChild, RoleStart, ToChild } from './ipc-records.ts';
import type { EndedProcess, Role } from './roles.ts';

export type SeatState = 'empty' | 'starting' | 'running' | 'waiting' | 'stopping' | 'ended';

export interface SeatEvents {
  /** A process is there and waits for `begin`. */
  spawned(seat: Seat): void;
  heard(seat: Seat, message: FromChild): void;
  ended(seat: Seat, end: ChildEnd, ended: EndedProcess): void;
}

export interface SeatOptions {
  readonly name: string;
  readonly role: Role;
  readonly inherit: readonly number[];
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: SeatEvents;
}

/** Twice as long after each death in a row. The first is at once: mail waits for it. */
const DELAYS_MS = [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000] as const;
/** Who lived as long as this did not die of its start. */
const STEADY_MS = 60_000;
/** Files a dead process may have left with a tail; each holds minutes of mail. */
const SEGMENTS_MAX = 16;

export class Seat {
  readonly name: string;
  readonly role: Role;
  /** Number of the configuration its process has. */
  documentsNumber = 0;
  readonly #options: SeatOptions;
  #state: SeatState = 'empty';
  #child: Child | undefined;
  #hasBegun = false;
  #segments: string[] = [];
  #restarts = 0;
  /** In a row. */
  #deaths = 0;
  #spawnedAt = 0;
  #timer: Timer | undefined;
  #onEnded: (() => void) | undefined;

  constructor(options: SeatOptions) {
    this.name = options.name;
    this.role = options.role;
    this.#options = options;
  }

  get state(): SeatState {
    return this.#state;
  }

  /** 0: no process. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Its process was told what it is: it may have said hello. */
  get hasBegun(): boolean {
    return this.#child !== undefined && this.#hasBegun;
  }

  spawn(): void {
    const { clock, spawn, inherit, events } = this.#options;
    this.#enter('starting');
    this.#spawnedAt = clock.monotonic();
    this.#hasBegun = false;
    this.#segments = [];
    this.#child = spawn(this.name, inherit, {
      heard: (message) => this.#heard(message),
      ended: (end) => this.#ended(end),
    });
    events.spawned(this);
  }

  begin(start: RoleStart): void {
    this.#hasBegun = true;
    this.documentsNumber = start.documents.config.number;
    this.send({ say: 'start', start });
  }

  send(message: ToChild): void {
    this.#child?.send(message);
  }

  kill(): void {
    this.#child?.kill();
  }

  /** Resolves when its process has ended, by itself or after `withinMs` by force; none follows. */
  async stop(withinMs: number): Promise<void> {
    if (this.#state === 'ended') return;
    this.#timer?.cancel();
    const hasBegun = this.hasBegun;
    this.#enter('stopping');
    if (this.#child === undefined) return this.#enter('ended');
    const gone = new Promise<void>((resolve) => (this.#onEnded = resolve));
    if (hasBegun) this.send({ say: 'stop' });
    else this.kill();
    const late = this.#options.clock.after(withinMs, () => {
      this.#options.log.error({ process: this.name, withinMs }, 'a process did not stop in time and is killed');
      this.kill();
    });
    await gone;
    late.cancel();
    this.#enter('ended');
  }

  #heard(message: FromChild): void {
    if (message.say === 'ready' && this.#state === 'starting') this.#enter('running');
    if (message.say === 'segment') this.#segments = [...this.#segments, message.segment].slice(-SEGMENTS_MAX);
    this.#options.events.heard(this, message);
  }

  #ended(end: ChildEnd): void {
    const { clock, log, events } = this.#options;
    const ended: EndedProcess = { role: this.role, process: this.name, pid: this.pid, segments: this.#segments };
    this.#child = undefined;
    if (this.#state === 'stopping') {
      events.ended(this, end, ended);
      this.#onEnded?.();
      return;
    }
    const livedMs = clock.monotonic() - this.#spawnedAt;
    this.#deaths = livedMs >= STEADY_MS ? 1 : this.#deaths + 1;
    const delayMs = DELAYS_MS[Math.min(this.#deaths, DELAYS_MS.length) - 1] ?? 0;
    log.error({ process: this.name, pid: ended.pid, ...end, livedMs: Math.round(livedMs), delayMs }, 'a process ended');
    this.#enter('waiting');
    events.ended(this, end, ended);
    // Whoever heard of it may have begun to stop everything.
    if (this.state !== 'waiting') return;
    this.#timer = clock.after(delayMs, () => {
      this.#restarts++;
      this.spawn();
    });
  }

  #enter(state: SeatState): void {
    this.#state = state;
  }
}

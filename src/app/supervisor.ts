// Starts the processes of split mode, restarts what dies, carries reloads, and stops all in order. Does no work of its
// own: mail never passes here, so nothing a client or a remote server sends can reach this process.
import type { Clock } from '../base/clock.ts';
import { EXIT, type ExitCode, InvariantError, OperatorError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Health, Reloaded, UsersReloaded } from '../control/api.ts';
import type { Host } from '../control/control.ts';
import { type ChildEnd, FIRST_INHERITED_FD, type Spawn } from './child.ts';
import type { DocumentSource } from './document-source.ts';
import type { FromChild, SupervisorQuestion } from './ipc-records.ts';
import type { ListeningSocket } from './listening-socket.ts';
import { ReloadRound } from './reload-round.ts';
import { documentsFor } from './role-documents.ts';
import type { Documents, EndedProcess, Role } from './roles.ts';
import { Seat, type SeatState } from './seat.ts';

export interface SupervisorOptions {
  readonly documents: Documents;
  readonly source: DocumentSource;
  readonly listeners: readonly ListeningSocket[];
  /** Of the spool's lock: held by every child. */
  readonly lockFd: number;
  readonly spawn: Spawn;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
}

/**
 * How long each may take to stop (TimeoutStopSec is 90 s): submission 10 s for content under way, egress 30 s for what
 * is past its final dot, the scheduler as long and then its last sync.
 */
const STOP_MS: Readonly<Record<Role, number>> = {
  submission: 20_000,
  egress: 35_000,
  scheduler: 55_000,
  control: 5_000,
};

/** Restarts of one process, after which a relay that was never running gives up: its service manager sees it and begins anew. */
const START_RESTARTS_MAX = 3;

export class Supervisor implements Host {
  readonly #options: SupervisorOptions;
  readonly #seats: readonly Seat[];
  readonly #scheduler: Seat;
  readonly #startedAt: number;
  readonly #reload: ReloadRound;
  #documents: Documents;
  #phase: 'new' | 'starting' | 'running' | 'stopping' = 'new';
  #settleStart: { resolve: () => void; reject: (error: Error) => void } | undefined;
  /** An operator's trouble a child told before it ended, by process. */
  readonly #troubles = new Map<string, string>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#documents = options.documents;
    this.#startedAt = options.clock.now();
    const { submission, egress } = options.documents.config.processes;
    this.#scheduler = this.#seat('scheduler', 'scheduler');
    this.#seats = [
      this.#scheduler,
      ...numbered('egress', egress).map((name) => this.#seat(name, 'egress')),
      ...numbered('submission', submission).map((name) => this.#seat(name, 'submission')),
      this.#seat('control', 'control'),
    ];
    this.#reload = new ReloadRound({ clock: options.clock, log: options.log });
  }

  /** Resolves once every process works. Rejects with OperatorError when one cannot; then all have been stopped. */
  async start(): Promise<void> {
    this.#phase = 'starting';
    const started = new Promise<void>((resolve, reject) => {
      this.#settleStart = { resolve, reject };
    });
    for (const seat of this.#seats) seat.spawn();
    try {
      await started;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Listeners, submission, egress and scheduler together, control. */
  async stop(): Promise<void> {
    if (this.#phase === 'stopping') return;
    this.#phase = 'stopping';
    for (const listener of this.#options.listeners) listener.close();
    await this.#stopAll('submission');
    // The scheduler grants no more and waits for the reports of what is under way.
    await Promise.all([this.#stopAll('scheduler'), this.#stopAll('egress')]);
    await this.#stopAll('control');
  }

  health(): Promise<Health> {
    const processes = this.#seats.map((seat) => ({
      name: seat.name,
      pid: seat.pid,
      state: shown(seat.state),
      restarts: seat.restarts,
    }));
    const troubles = [
      ...processes.filter(({ state }) => state !== 'running').map(({ name, state }) => `${name} is ${state}`),
      ...this.#troubles.values(),
    ];
    return Promise.resolve({
      ok: troubles.length === 0,
      troubles,
      version: this.#options.version,
      startedAt: this.#startedAt,
      processes: [{ name: 'supervisor', pid: process.pid, state: 'running', restarts: 0 }, ...processes],
      configuration: this.#documents.config.number,
    });
  }

  reload(): Promise<Reloaded> {
    return this.#reload.alone(async () => {
      const { documents, changes, warnings } = this.#options.source.load(this.#documents.config);
      await this.#reload.prepare(this.#running(), documents);
      this.#documents = documents;
      const { number } = documents.config;
      for (const seat of this.#running()) {
        seat.documentsNumber = number;
        seat.send({ say: 'use', number });
      }
      this.#options.log.info({ configuration: number, changes, warnings }, 'the configuration was reloaded');
      return { configuration: number, changes, warnings };
    });
  }

  reloadUsers(): Promise<UsersReloaded> {
    return this.#reload.alone(async () => {
      const users = this.#options.source.loadUsers();
      this.#documents = { ...this.#documents, users };
      for (const seat of this.#running()) seat.send({ say: 'users', users });
      return Promise.resolve({ users: users.length });
    });
  }

  #seat(name: string, role: Role): Seat {
    const { spawn, clock, log, lockFd, listeners } = this.#options;
    const inherit = [lockFd, ...(role === 'submission' ? listeners.map(({ fd }) => fd) : [])];
    return new Seat({
      name,
      role,
      inherit,
      spawn,
      clock,
      log,
      events: {
        spawned: (seat) => this.#beginIfTime(seat),
        heard: (seat, message) => this.#heard(seat, message),
        ended: (seat, end, ended) => this.#ended(seat, end, ended),
      },
    });
  }

  #running(): readonly Seat[] {
    return this.#seats.filter(({ state }) => state === 'running');
  }

  async #stopAll(role: Role): Promise<void> {
    await Promise.all(this.#seats.filter((seat) => seat.role === role).map((seat) => seat.stop(STOP_MS[role])));
  }

  /** The scheduler first: no file of the spool is opened while it recovers, but by those it knows of. */
  #beginIfTime(seat: Seat): void {
    if (seat !== this.#scheduler && this.#scheduler.state !== 'running') return;
    const listeners = seat.role === 'submission' ? this.#options.listeners : [];
    seat.begin({
      role: seat.role,
      name: seat.name,
      documents: documentsFor(seat.role, this.#documents),
      listeners: listeners.map(({ name }, at) => ({ name, fd: FIRST_INHERITED_FD + 1 + at })),
      alive: seat === this.#scheduler ? this.#seats.filter(mayGreet).map(({ name }) => name) : [],
    });
  }

  #heard(seat: Seat, message: FromChild): void {
    switch (message.say) {
      case 'ready':
        return this.#ready(seat);
      case 'failed':
        return this.#failed(seat, message.message, message.exitCode);
      case 'prepared':
        return this.#reload.prepared(seat, message.number, message.trouble);
      case 'kill': {
        const other = this.#seats.find(({ name }) => name === message.process);
        this.#options.log.error({ process: message.process }, 'the scheduler asks for a process to be killed');
        return other?.kill();
      }
      case 'ask':
        this.#answer(seat, message.id, message.what);
        return;
      case 'segment':
        return;
      default:
        throw new InvariantError('a child said what is not ours');
    }
  }

  #ready(seat: Seat): void {
    this.#troubles.delete(seat.name);
    this.#options.log.info({ process: seat.name, pid: seat.pid, restarts: seat.restarts }, 'a process works');
    if (seat === this.#scheduler) {
      for (const other of this.#seats) if (!other.hasBegun && other.pid !== 0) this.#beginIfTime(other);
    }
    // It was started with what was in force then.
    const { number } = this.#documents.config;
    if (seat.documentsNumber !== number) {
      seat.send({ say: 'prepare', documents: documentsFor(seat.role, this.#documents) });
      seat.send({ say: 'use', number });
      seat.documentsNumber = number;
    } else seat.send({ say: 'users', users: this.#documents.users });
    if (this.#phase !== 'starting' || this.#running().length < this.#seats.length) return;
    this.#phase = 'running';
    this.#settleStart?.resolve();
  }

  #failed(seat: Seat, message: string, exitCode: number): void {
    this.#troubles.set(seat.name, message);
    this.#options.log.error({ process: seat.name, exitCode, trouble: message }, 'a process cannot start');
    if (this.#phase === 'starting') this.#settleStart?.reject(new OperatorError(message, knownExit(exitCode)));
  }

  #ended(seat: Seat, end: ChildEnd, ended: EndedProcess): void {
    this.#reload.ended(seat);
    if (this.#phase === 'starting' && seat.restarts === START_RESTARTS_MAX) this.#giveUp(seat, end);
    if (seat.role === 'submission' || seat.role === 'egress') this.#scheduler.send({ say: 'ended', ended });
  }

  #giveUp(seat: Seat, { code, signal }: ChildEnd): void {
    const how = signal ?? `exit code ${code}`;
    const message = `${seat.name} ended ${seat.restarts + 1} times before the relay was running, at last with ${how}: see what it logged above`;
    this.#settleStart?.reject(new OperatorError(message, EXIT.invariant));
  }

  #answer(seat: Seat, id: number, what: SupervisorQuestion): void {
    const asked: Promise<Health | Reloaded | UsersReloaded> =
      what === 'health' ? this.health() : what === 'reload' ? this.reload() : this.reloadUsers();
    asked.then(
      (value) => seat.send({ say: 'answer', id, value }),
      (error: unknown) => {
        if (!(error instanceof OperatorError)) return raise(error);
        seat.send({ say: 'refused', id, message: error.message, exitCode: error.exitCode });
      },
    );
  }
}

function mayGreet(seat: Seat): boolean {
  return (seat.role === 'submission' || seat.role === 'egress') && seat.hasBegun;
}

function numbered(role: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `${role}-${at + 1}`);
}

function shown(state: SeatState): 'starting' | 'running' | 'waiting' | 'stopping' {
  if (state === 'empty') return 'starting';
  return state === 'ended' ? 'stopping' : state;
}

function knownExit(code: number): ExitCode {
  return Object.values(EXIT).find((known) => known === code) ?? EXIT.configuration;
}

/** A fault of ours: out of every promise, to `main`. */
function raise(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

// The life of a child process: waits to be told its role, starts it, obeys the supervisor, ends when told or when the
// supervisor is gone. Signals are the supervisor's: a child that ended by itself would break the order of the stop.
import { createServer, type Server } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { EXIT, InvariantError, OperatorError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { guardConfig } from '../config/guard.ts';
import type { Health, Reloaded, UsersReloaded } from '../control/api.ts';
import { createLog, type FieldLog } from '../telemetry/log.ts';
import type { FromChild, RoleStart, SupervisorQuestion, ToChild } from './ipc-records.ts';
import { keepAlive } from './keep-alive.ts';
import { acceptFrom } from './listening-socket.ts';
import type { Documents, EndedProcess, Role, RoleContext, Roles, RunningRole, Supervision } from './roles.ts';
import { schedulerSocketOf } from './scheduler-socket.ts';

export interface ChildDeps {
  readonly roles: Roles;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * A supervisor that was killed leaves its children so long, then they end by force: the next start waits for them. As in
 * an orderly stop submission goes first; then the scheduler ends the sessions of egress and leaves with the last report.
 */
const ORPHAN_MS: Readonly<Record<Role, number>> = { submission: 4_000, scheduler: 10_000, egress: 10_000, control: 0 };

/** Returns when the child is set up; the process ends by `process.exit`. */
export function runChild(deps: ChildDeps): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  keepAlive();
  const life = new ChildLife(deps);
  process.on('message', (message) => life.heard(message as ToChild));
  process.on('disconnect', () => life.orphaned());
}

class ChildLife {
  readonly #deps: ChildDeps;
  readonly #questions = new Questions();
  readonly #servers: Server[] = [];
  #start: RoleStart | undefined;
  #log: FieldLog | undefined;
  #role: RunningRole | undefined;
  /** What came while the role was starting, in order. */
  #early: ((role: RunningRole) => void)[] = [];
  #prepared: Promise<boolean> = Promise.resolve(false);
  #stopping = false;

  constructor(deps: ChildDeps) {
    this.#deps = deps;
  }

  heard(message: ToChild): void {
    switch (message.say) {
      case 'start':
        return guard(this.#begin(message.start));
      case 'prepare':
        return this.#whenRunning((role) => this.#prepare(role, message.documents));
      case 'use':
        return this.#whenRunning((role) => guard(this.#use(role)));
      case 'users':
        return this.#whenRunning((role) => role.setUsers(message.users));
      case 'ended':
        return this.#whenRunning((role) => this.#ended(role, message.ended));
      case 'answer':
        return this.#questions.answered(message.id, message.value);
      case 'refused':
        return this.#questions.refused(message.id, message.message, message.exitCode);
      case 'stop':
        return this.#whenRunning((role) => guard(this.#stop(role)));
      default:
        throw new InvariantError('the supervisor said what is not ours');
    }
  }

  orphaned(): void {
    const start = this.#start;
    // Told nothing yet, or starting: nobody waits for anything from here.
    if (start === undefined || this.#role === undefined || start.role === 'control') return process.exit(EXIT.ok);
    this.#log?.error({}, 'the supervisor is gone: this process ends');
    const role = this.#role;
    const stop = (): void => guard(this.#stop(role));
    this.#deps.clock.after(ORPHAN_MS[start.role], () => process.exit(EXIT.ok));
    if (role.withoutSubmission === undefined) return stop();
    this.#deps.clock.after(ORPHAN_MS.submission, stop);
    guard(role.withoutSubmission().then(stop));
  }

  async #begin(start: RoleStart): Promise<void> {
    this.#start = start;
    const documents = received(start.documents);
    this.#log = createLog({
      level: documents.config.log.level,
      fields: { process: start.name, pid: process.pid },
    });
    try {
      const servers = start.listeners.map(({ name }) => ({ listener: name, server: createServer() }));
      const role = await this.#startRole(start, documents, servers);
      for (const [at, { listener, server }] of servers.entries()) {
        this.#servers.push(server);
        await acceptFrom(server, start.listeners[at]?.fd ?? -1, listener);
      }
      this.#role = role;
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      const { message, exitCode } = error;
      process.send?.({ say: 'failed', message, exitCode } satisfies FromChild, () => process.exit(exitCode));
      return;
    }
    tell({ say: 'ready' });
    const early = this.#early;
    this.#early = [];
    for (const run of early) run(this.#role);
  }

  #startRole(start: RoleStart, documents: Documents, servers: RoleContext['servers']): Promise<RunningRole> {
    const { roles, clock, random } = this.#deps;
    const log = this.#log;
    if (log === undefined) throw new InvariantError('a role without a log');
    const context: RoleContext = {
      name: start.name,
      pid: process.pid,
      documents,
      clock,
      random,
      log,
      schedulerSocket: schedulerSocketOf(documents.config),
      servers,
      alive: start.alive,
      supervision: supervisionOver(this.#questions),
    };
    switch (start.role) {
      case 'submission':
        return roles.startSubmissionRole(context);
      case 'scheduler':
        return roles.startSchedulerRole(context);
      case 'egress':
        return roles.startEgressRole(context);
      case 'control':
        return roles.startControlRole(context);
      default:
        throw new InvariantError(`no role ${String(start.role)}`);
    }
  }

  #whenRunning(run: (role: RunningRole) => void): void {
    if (this.#role === undefined) this.#early.push(run);
    else run(this.#role);
  }

  #prepare(role: RunningRole, documents: Documents): void {
    const { number } = documents.config;
    this.#prepared = role.prepare(received(documents)).then(
      () => {
        tell({ say: 'prepared', number });
        return true;
      },
      (error: unknown) => {
        if (!(error instanceof OperatorError)) throw error;
        tell({ say: 'prepared', number, trouble: error.message });
        return false;
      },
    );
    guard(this.#prepared);
  }

  async #use(role: RunningRole): Promise<void> {
    if (await this.#prepared) role.use();
  }

  #ended(role: RunningRole, ended: EndedProcess): void {
    if (role.ended === undefined) throw new InvariantError('only the scheduler is told of ended processes');
    role.ended(ended);
  }

  async #stop(role: RunningRole): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const server of this.#servers) server.close();
    await role.stop();
    process.exit(EXIT.ok);
  }
}

/** Questions to the supervisor that wait for an answer. */
class Questions {
  readonly #waiting = new Map<
    number,
    { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }
  >();
  #count = 0;

  ask<T>(what: SupervisorQuestion): Promise<T> {
    const id = ++this.#count;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      tell({ say: 'ask', id, what });
    });
  }

  answered(id: number, value: unknown): void {
    this.#waiting.get(id)?.resolve(value as never);
    this.#waiting.delete(id);
  }

  refused(id: number, message: string, exitCode: number): void {
    const code = Object.values(EXIT).find((known) => known === exitCode) ?? EXIT.invariant;
    this.#waiting.get(id)?.reject(new OperatorError(message, code));
    this.#waiting.delete(id);
  }
}

function supervisionOver(questions: Questions): Supervision {
  return {
    health: () => questions.ask<Health>('health'),
    reload: () => questions.ask<Reloaded>('reload'),
    reloadUsers: () => questions.ask<UsersReloaded>('reloadUsers'),
    segmentOpened: (segment) => tell({ say: 'segment', segment }),
    kill: (name) => tell({ say: 'kill', process: name }),
  };
}

function received({ config, users }: Documents): Documents {
  return { config: guardConfig(config), users };
}

function tell(message: FromChild): void {
  // Gone is gone: `disconnect` follows.
  if (process.connected) process.send?.(message, () => {});
}

/** A rejection here is a fault of ours: out of the promise, to the last resort. */
function guard(promise: Promise<unknown>): void {
  promise.catch((error: unknown) => {
    queueMicrotask(() => {
      throw error;
    });
  });
}

// What a process of split mode is made of. The wire files implement `Roles`; src/app/child-main.ts calls them with
// what the supervisor sent, and src/app/supervisor.ts never sees more of a role than its name.
import type { Server } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { Users } from '../config/users.ts';
import type { Host } from '../control/control.ts';
import type { FieldLog } from '../telemetry/log.ts';

export type Role = 'submission' | 'scheduler' | 'egress' | 'control';

/** All that is read from files, as one frozen document; `config.number` names it. */
export interface Documents {
  readonly config: Config;
  readonly users: Users;
}

/** The supervisor, as a child sees it. */
export interface Supervision extends Host {
  /** Submission, before the first record of the file is durable: named to the scheduler should this process die. */
  segmentOpened(segment: string): void;
  /** Scheduler: this process said no hello in time, or broke its channel. It is killed, its end told, another started. */
  kill(process: string): void;
}

export interface RoleContext {
  /** `submission-1`, `scheduler` … */
  readonly name: string;
  readonly pid: number;
  readonly documents: Documents;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: FieldLog;
  /** The scheduler's socket: scheduler listens (SchedulerDoor), the others call. */
  readonly schedulerSocket: string;
  /** Submission. Attach to each; it begins to accept once the role has started, and is closed before the role stops. */
  readonly servers: readonly { readonly listener: string; readonly server: Server }[];
  /** Scheduler: processes that live and whose hello comes before it serves. Empty at the first start. */
  readonly alive: readonly string[];
  readonly supervision: Supervision;
}

/** A process that has ended, however. */
export interface EndedProcess {
  readonly role: Role;
  readonly process: string;
  readonly pid: number;
  /** Submission: the last files it opened, oldest first. */
  readonly segments: readonly string[];
}

export interface RunningRole {
  /** Throws OperatorError when it could not go over to these; changes nothing. */
  prepare(documents: Documents): Promise<void>;
  /** Goes over to what was last prepared. Never throws. */
  use(): void;
  setUsers(users: Users): void;
  /**
   * Scheduler: a submission or egress process ended. Its last records may still stand in its socket: await
   * `SchedulerDoor.gone` before judging what it left.
   */
  ended?(process: EndedProcess): void;
  /** Scheduler: resolves once no submission process is connected. A relay without a supervisor stops then. */
  withoutSubmission?(): Promise<void>;
  /** Orderly. The process ends when this resolves. */
  stop(): Promise<void>;
}

/** Each resolves once the role works. Throws OperatorError for what an operator must mend. */
export interface Roles {
  startSubmissionRole(context: RoleContext): Promise<RunningRole>;
  startSchedulerRole(context: RoleContext): Promise<RunningRole>;
  startEgressRole(context: RoleContext): Promise<RunningRole>;
  startControlRole(context: RoleContext): Promise<RunningRole>;
}

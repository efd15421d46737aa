// The segment writer and submission as one part, made from the configuration. In one process or in one of its own.
import type { Server } from 'node:net';
import type { Timer } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { verifyPassword } from '../config/password.ts';
import type { Users as UserRecords } from '../config/users.ts';
import type { AlarmEvent } from '../flow/event.ts';
import type { Intake, Refusal } from '../flow/intake.ts';
import type { SegmentWriter } from '../spool/segment-writer.ts';
import type { ListenerOptions, SubmissionOptions } from '../submission/options.ts';
import { createSubmission, type Submission } from '../submission/submission.ts';
import type { WriterDeps } from './segment-writer-part.ts';
import { submissionOptionsOf, submissionUsersOf } from './submission-options.ts';

export interface SubmissionPartDeps extends WriterDeps {
  readonly raise: (alarm: AlarmEvent) => void;
}

export interface SubmissionPart {
  /** Takes the connections of a listening server; `name` as `listenerName` gives it. */
  attach(name: string, server: Server): void;
  /** Throws OperatorError when `reload` could not go over to it. */
  check(config: Config): void;
  /** Reads certificates again. Throws OperatorError, and then nothing has changed. */
  reload(config: Config, users: UserRecords): void;
  setUsers(users: UserRecords): void;
  readonly submission: Submission;
  readonly writer: SegmentWriter;
  stop(): Promise<void>;
}

/** An fdatasync under way for longer: no new mail is begun (DESIGN section 3). */
const SLOW_SYNC_MS = 2_000;
/** And for longer than that somebody must look at the disk. */
const ALARM_SYNC_MS = 10_000;
const WATCH_MS = 2000;

export function slowSync(writer: { syncAgeMs(): number }): Refusal | undefined {
  return writer.syncAgeMs() > SLOW_SYNC_MS ? 'slow-sync' : undefined;
}

/** `intake` may be the scheduler's own or a channel's; its gate already knows of `slowSync(writer)`. */
export function createSubmissionPart(
  config: Config,
  users: UserRecords,
  writer: SegmentWriter,
  intake: Intake,
  deps: SubmissionPartDeps,
): SubmissionPart {
  let table = submissionUsersOf(config, users);
  let current = config;
  let options: SubmissionOptions = submissionOptionsOf(config);
  const submission = createSubmission(options, {
    ...deps,
    intake,
    writer,
    users: () => table,
    verify: verifyPassword,
  });
  const watch = watchSync(writer, deps);
  return {
    submission,
    writer,
    attach: (name, server) => submission.attach(findListener(options, name), server),
    check: (changed) => void submissionOptionsOf(changed),
    reload: (changed, records) => {
      options = submissionOptionsOf(changed);
      current = changed;
      table = submissionUsersOf(changed, records);
      submission.reload(options);
    },
    setUsers: (records) => {
      table = submissionUsersOf(current, records);
    },
    stop: async () => {
      await submission.stop();
      watch.cancel();
      await writer.close();
    },
  };
}

function findListener(options: SubmissionOptions, name: string): ListenerOptions {
  const found = options.listeners.find((listener) => listener.name === name);
  if (found === undefined) throw new TypeError(`no listener ${name}`);
  return found;
}

/** One alarm for each sync that hangs. */
function watchSync(writer: SegmentWriter, { clock, log, raise, process }: SubmissionPartDeps): Timer {
  let timer: Timer;
  let told = false;
  const look = (): void => {
    const ageMs = writer.syncAgeMs();
    if (ageMs < ALARM_SYNC_MS) told = false;
    else if (!told) {
      told = true;
      const text = `${process}: the disk has not answered a sync for ${Math.round(ageMs / 1000)} s; mail is not accepted meanwhile`;
      log.error({ process, ageMs: Math.round(ageMs) }, 'the disk does not answer a sync');
      raise({ type: 'alarm', at: clock.now(), alarm: 'slow-sync', text });
    }
    timer = clock.after(WATCH_MS, look);
  };
  timer = clock.after(WATCH_MS, look);
  return { cancel: () => timer.cancel() };
}

// Where every error ends that nobody may catch: an operator's trouble is its one line, anything else is a fault of
// ours, logged in full, exit code 70. Nothing goes on after it.
import { EXIT, type ExitCode, OperatorError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

export interface LastResort {
  readonly log: Log;
  /** Writes to stderr at once. */
  readonly note: (line: string) => void;
  readonly exit: (code: ExitCode) => void;
}

export function endWith(error: unknown, { log, note, exit }: LastResort): void {
  if (error instanceof OperatorError) {
    note(`postilion: ${error.message}\n`);
    return exit(error.exitCode);
  }
  log.error({ error }, 'a fault of the relay itself: this process ends');
  exit(EXIT.invariant);
}

/** For the whole process: what was thrown out of every callback and promise. */
export function installLastResort(last: LastResort): void {
  process.on('uncaughtException', (error) => endWith(error, last));
  process.on('unhandledRejection', (reason) => endWith(reason, last));
}

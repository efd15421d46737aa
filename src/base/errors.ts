// Errors of our own making. What a remote did is a value, never an error (src/flow/).

/** A broken promise of our own. Nobody catches it but `main`, which logs it and ends the process with 70. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** Exit codes of the program, after sysexits.h. */
export const EXIT = {
  ok: 0,
  no: 1,
  usage: 64,
  noRelay: 69,
  invariant: 70,
  portInUse: 71,
  tryAgain: 75,
  permission: 77,
  configuration: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An operator's mistake or a trouble only an operator can mend: one line that says what to do, and the exit code. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** For the last branch of a switch over a union: the compiler refuses a missing case. */
export function unreachable(value: never): never {
  throw new InvariantError(`unexpected value ${JSON.stringify(value)}`);
}

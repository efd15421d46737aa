// The accounting files as the configuration asks for them, beside the scheduler that settles.
import { dirname, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import { AccountingFile } from '../telemetry/accounting-file.ts';

export interface Accounting {
  /** For the scheduler; empty when no files are wanted. */
  readonly hooks: { readonly onOutcome?: (event: OutcomeEvent) => void };
  close(): void;
}

/** Throws OperatorError when the folder cannot be made. */
export function openAccounting({ accounting, folders }: Config, clock: Clock, log: Log): Accounting {
  const { format, keepMs, keepOctets } = accounting;
  const folder = resolve(dirname(folders.config), accounting.folder);
  if (format === 'off') return { hooks: {}, close: () => {} };
  try {
    const file = new AccountingFile({ folder, format, keepMs, keepOctets }, clock, log);
    return { hooks: { onOutcome: (event) => file.write(event) }, close: () => file.close() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const exit = code === 'EACCES' || code === 'EPERM' ? EXIT.permission : EXIT.configuration;
    throw new OperatorError(
      `the accounting folder ${folder} cannot be made (${code}): make it, or change accounting.folder`,
      exit,
      { cause: error },
    );
  }
}

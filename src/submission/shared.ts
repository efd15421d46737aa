// What all sessions of one process share. `options` is replaced as a whole by a reload; a session looks it up anew for
// every transaction.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Intake } from '../flow/intake.ts';
import type { MessageWriter } from '../flow/spool.ts';
import type { MemoryBudget } from './content.ts';
import type { SubmissionCounts } from './counters.ts';
import type { Credentials } from './credentials.ts';
import type { SubmissionOptions } from './options.ts';
import type { Users } from './users.ts';

export interface Shared {
  options: SubmissionOptions;
  /** Lower-case control field name → key. */
  control: ReadonlyMap<string, string>;
  stopping: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly intake: Intake;
  readonly writer: MessageWriter;
  readonly users: () => Users;
  readonly credentials: Credentials;
  readonly budget: MemoryBudget;
  readonly counts: SubmissionCounts;
}

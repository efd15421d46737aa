// After domains.yaml was changed: a running relay takes it over at once, and the person is told whether one did. The
// other files are read again with it, for a domain may stand in either.
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Folders } from '../config/config.ts';
import { ask, askIfRunning } from './control-client.ts';
import type { Terminal } from './terminal.ts';

/** True: in force now. False: no relay runs, so it counts from the next start. */
export async function takeOverDomains(folders: Folders, terminal: Terminal): Promise<boolean> {
  try {
    const done = await askIfRunning(() => ask(folders, 'POST /v1/reload', undefined));
    return done !== undefined;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    await terminal.note('the keys are kept, but the relay did not take them over: run postilion reload\n');
    throw new OperatorError(error.message, error.exitCode === EXIT.no ? EXIT.tryAgain : error.exitCode, {
      cause: error,
    });
  }
}

// After users.yaml was changed: a running relay takes it over at once, and the person is told whether one did.
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Folders } from '../config/config.ts';
import type { Terminal } from './terminal.ts';
import { ask, askIfRunning } from './control-client.ts';

/** True: in force now. False: no relay runs, so it counts from the next start. */
export async function takeOverUsers(folders: Folders, terminal: Terminal): Promise<boolean> {
  try {
    const done = await askIfRunning(() => ask(folders, 'POST /v1/users/reload', undefined));
    return done !== undefined;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    await terminal.note('the file is written, but the relay did not take it over: run postilion reload\n');
    throw new OperatorError(error.message, error.exitCode === EXIT.no ? EXIT.tryAgain : error.exitCode, {
      cause: error,
    });
  }
}

export function effectText(isInForce: boolean): string {
  return isInForce ? 'in force now' : 'no relay is running here: in force from its next start';
}

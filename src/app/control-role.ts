// The control process: the HTTP API on its socket; it asks the scheduler over a channel and the supervisor for the rest.
import { openControl } from '../control/control.ts';
import { connectOperations } from './operations-link.ts';
import type { RoleContext, RunningRole } from './roles.ts';

export async function startControlRole(context: RoleContext): Promise<RunningRole> {
  const { name, pid, clock, log, documents, schedulerSocket, supervision } = context;
  const link = connectOperations({ path: schedulerSocket, process: name, pid, clock });
  const control = await openControl({
    run: documents.config.folders.run,
    operations: link.operations,
    host: supervision,
    clock,
    log,
  });
  return {
    prepare: () => Promise.resolve(),
    use: () => {},
    setUsers: () => {},
    stop: async () => {
      await control.close();
      link.close();
    },
  };
}

// A submission process: its own segment, its sessions, and the scheduler at the other end of a socket.
import { makeFolders } from '../spool/layout.ts';
import { realDisk } from '../spool/disk.ts';
import { IntakeClient } from './intake-client.ts';
import { connectOperations } from './operations-link.ts';
import type { Documents, RoleContext, RunningRole } from './roles.ts';
import { createWriter } from './segment-writer-part.ts';
import { createSubmissionPart, slowSync, type SubmissionPartDeps } from './submission-part.ts';

export async function startSubmissionRole(context: RoleContext): Promise<RunningRole> {
  const { name, pid, clock, random, log, documents, schedulerSocket, supervision } = context;
  const disk = realDisk(documents.config.folders.spool);
  await makeFolders(disk);
  const alarms = connectOperations({ path: schedulerSocket, process: `${name}/alarms`, pid, clock });
  const deps: SubmissionPartDeps = {
    clock,
    random,
    log,
    disk,
    process: name,
    raise: (alarm) => {
      // The log has it already; while the scheduler is away there is nobody to write it to the journal.
      alarms.operations.alarm(alarm).catch(() => {});
    },
  };
  const writer = createWriter(deps, {
    onOpened: (segment) => {
      supervision.segmentOpened(segment);
      intake.segmentOpened(segment);
    },
  });
  const intake = new IntakeClient({
    path: schedulerSocket,
    process: name,
    pid,
    clock,
    log,
    ownRefusal: () => slowSync(writer),
  });
  const part = createSubmissionPart(documents.config, documents.users, writer, intake, deps);
  for (const { listener, server } of context.servers) part.attach(listener, server);

  let prepared: Documents | undefined;
  return {
    prepare: (next) => {
      part.check(next.config);
      prepared = next;
      return Promise.resolve();
    },
    use: () => {
      if (prepared !== undefined) part.reload(prepared.config, prepared.users);
    },
    setUsers: (users) => part.setUsers(users),
    stop: async () => {
      await part.stop();
      intake.close();
      alarms.close();
    },
  };
}

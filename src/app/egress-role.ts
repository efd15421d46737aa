// An egress process: connections and DNS; the scheduler at the other end of a socket grants every one of them.
import type { EgressReports } from '../flow/attempt.ts';
import type { AlarmEvent } from '../flow/event.ts';
import { realDisk } from '../spool/disk.ts';
import { RecentRecords } from '../spool/recent-records.ts';
import { SegmentReader } from '../spool/segment-reader.ts';
import { connectEgress } from './egress-client.ts';
import { createEgressPart } from './egress-part.ts';
import { connectOperations } from './operations-link.ts';
import type { RoleContext, RunningRole } from './roles.ts';

const LOOK_MS = 20;
/** Beyond the time a final dot may take at a stop: what the scheduler has not acknowledged then, its next life asks for. */
const STOP_SPARE_MS = 2_000;

export function startEgressRole(context: RoleContext): Promise<RunningRole> {
  const { name, pid, clock, random, log, documents, schedulerSocket } = context;
  const reader = new SegmentReader(realDisk(documents.config.folders.spool), { recent: new RecentRecords() });
  const link: { reports?: EgressReports } = {};
  const toScheduler: EgressReports = {
    report: (report) => link.reports?.report(report),
    claim: (claim) => link.reports?.claim(claim),
    returned: (returned) => link.reports?.returned(returned),
    closed: (closed) => link.reports?.closed(closed),
  };
  const alarms = connectOperations({ path: schedulerSocket, process: `${name}/alarms`, pid, clock });
  // The log has it already; while the scheduler is away there is nobody to write it to the journal.
  const raise = (alarm: AlarmEvent): void => void alarms.operations.alarm(alarm).catch(() => {});
  const part = createEgressPart(documents.config, { clock, random, log, reader, raise }, toScheduler);
  let schedulerIsGone = false;
  const client = connectEgress({
    path: schedulerSocket,
    process: name,
    pid,
    clock,
    log,
    hello: () => part.egress.hello(),
    commands: part.egress.commands,
    router: part.router,
    lost: () => {
      schedulerIsGone = true;
    },
  });
  link.reports = client.reports;

  const pause = (): Promise<void> => new Promise((resolve) => void clock.after(LOOK_MS, resolve));
  let prepared: (() => void) | undefined;
  return Promise.resolve({
    prepare: (next) => {
      prepared = part.prepare(next.config);
      return Promise.resolve();
    },
    use: () => {
      prepared?.();
    },
    setUsers: () => {},
    // The scheduler is stopping too: it closes every connection and leaves once it has acknowledged every report. Then,
    // or when it is not there to do so, what is still open is closed here.
    stop: async () => {
      schedulerIsGone = !client.isConnected();
      const until = clock.monotonic() + documents.config.stopMs + STOP_SPARE_MS;
      while (!schedulerIsGone && clock.monotonic() < until) await pause();
      await part.stop();
      alarms.close();
      client.close();
      await reader.close();
    },
  });
}

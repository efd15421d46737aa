// The whole relay in one process: the same stages that split mode joins by sockets, joined by calls.
import type { Server } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { Users as UserRecords } from '../config/users.ts';
import type { EgressReports } from '../flow/attempt.ts';
import type { AlarmEvent } from '../flow/event.ts';
import type { Intake } from '../flow/intake.ts';
import type { Operations } from '../flow/operations.ts';
import type { Spool } from '../flow/spool.ts';
import { suppressOrders } from '../rules/suppress-orders.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import { openDiskSpool } from '../spool/disk-spool.ts';
import { type Disk, realDisk } from '../spool/disk.ts';
import { makeFolders } from '../spool/layout.ts';
import { RecentRecords } from '../spool/recent-records.ts';
import { SegmentReader } from '../spool/segment-reader.ts';
import { openAccounting } from './accounting-part.ts';
import { createEgressPart } from './egress-part.ts';
import { Judgement } from './judgement.ts';
import { createFeedbackPart } from './feedback-part.ts';
import { schedulerOptionsOf } from './scheduler-options.ts';
import { SourceWatch } from './source-watch.ts';
import { createWriter } from './segment-writer-part.ts';
import { createSubmissionPart, slowSync } from './submission-part.ts';

export interface SingleDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly disk: Disk;
  /** Not started yet. */
  readonly spool: Spool;
}

export interface SingleRelay {
  readonly operations: Operations;
  /** Takes the connections of a listening server. */
  attach(listener: string, server: Server): void;
  /** Throws OperatorError, and then nothing has changed. */
  reload(config: Config, users: UserRecords): void;
  setUsers(users: UserRecords): void;
  /** Listeners are closed before. Submission, egress, scheduler, spool, in this order. */
  stop(): Promise<void>;
}

/** The relay on its spool's folder. */
export async function startSingleOnDisk(
  config: Config,
  users: UserRecords,
  deps: Omit<SingleDeps, 'disk' | 'spool'>,
): Promise<SingleRelay> {
  const { spool: root } = config.folders;
  const disk = realDisk(root);
  await makeFolders(disk);
  const spool = openDiskSpool({ root, historyMs: config.historyMs }, { ...deps, disk });
  return startSingle(config, users, { ...deps, disk, spool });
}

/** Recovers the spool and begins to deliver; mail is taken once a server is attached. */
export async function startSingle(config: Config, users: UserRecords, deps: SingleDeps): Promise<SingleRelay> {
  const { clock, random, log, disk, spool } = deps;
  const accounting = openAccounting(config, clock, log);
  await spool.start();

  // The two know each other: egress reports to the scheduler, which commands it.
  const link: { reports?: EgressReports } = {};
  const toScheduler: EgressReports = {
    report: (report) => link.reports?.report(report),
    claim: (claim) => link.reports?.claim(claim),
    returned: (returned) => link.reports?.returned(returned),
    closed: (closed) => link.reports?.closed(closed),
  };
  const recent = new RecentRecords();
  const reader = new SegmentReader(disk, { recent });
  const raise = (alarm: AlarmEvent): void => {
    scheduler.operations.alarm(alarm).catch((error: unknown) => log.error({ error }, 'an alarm was not recorded'));
  };
  const egressPart = createEgressPart(config, { clock, random, log, reader, raise }, toScheduler);
  const judgement = new Judgement(config);
  const feedbackPart = createFeedbackPart(config, {
    clock,
    random,
    log,
    disk,
    spool,
    reader,
    recent,
    raise,
    accepted: (accepted) => scheduler.intake.accepted(accepted),
  });
  const { feedback } = feedbackPart;
  feedback.start();
  const scheduler = createScheduler(schedulerOptionsOf(config), {
    clock,
    random,
    log,
    spool,
    router: egressPart.router,
    settle: judgement.settle,
    providerOf: judgement.providerOf,
    suppresses: suppressOrders,
    feedback,
    ...accounting.hooks,
  });
  link.reports = scheduler.attachEgress('egress', egressPart.egress.commands);

  const submissionDeps = { clock, random, log, disk, process: 'single', raise };
  const writer = createWriter(submissionDeps, { recent });
  const intake = withSegments(scheduler.intake, spool, () => slowSync(writer));
  const submissionPart = createSubmissionPart(config, users, writer, intake, submissionDeps);
  const sourceWatch = new SourceWatch(config, { clock, log, onMissing: (names) => scheduler.setMissing(names) });
  await sourceWatch.start();
  await scheduler.start();

  return {
    operations: scheduler.operations,
    attach: (listener, server) => submissionPart.attach(listener, server),
    reload: (changed, records) => {
      const useKeys = egressPart.prepare(changed);
      submissionPart.reload(changed, records);
      useKeys();
      judgement.take(changed);
      feedbackPart.reload(changed);
      scheduler.reload(schedulerOptionsOf(changed));
      sourceWatch.reload(changed);
    },
    setUsers: (records) => submissionPart.setUsers(records),
    stop: async () => {
      sourceWatch.stop();
      await submissionPart.stop();
      await feedbackPart.stop();
      const settled = scheduler.stop();
      await egressPart.stop();
      await settled;
      accounting.close();
      await reader.close();
      await spool.close();
    },
  };
}

/** Tells the spool when the writer went on to another segment; adds what this process knows to the gate. */
function withSegments(intake: Intake, spool: Spool, ownRefusal: Intake['gate']['refusal']): Intake {
  let current: string | undefined;
  return {
    ask: (question) => intake.ask(question),
    accepted: (accepted) => {
      intake.accepted(accepted);
      const { segment } = accepted.location;
      if (current !== undefined && current !== segment) spool.segmentClosed(current);
      current = segment;
    },
    gate: { refusal: () => ownRefusal() ?? intake.gate.refusal() },
  };
}

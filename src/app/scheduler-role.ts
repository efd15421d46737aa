// The scheduler's process: the only writer of journal and index, and the socket at which all others say hello. It hears
// who lives, reads the spool, and only then grants anything.
import type { AlarmEvent } from '../flow/event.ts';
import type { EgressReports } from '../flow/attempt.ts';
import { suppressOrders } from '../rules/suppress-orders.ts';
import { createScheduler, type Scheduler } from '../scheduler/scheduler.ts';
import { realDisk } from '../spool/disk.ts';
import { openDiskSpool } from '../spool/disk-spool.ts';
import { SegmentReader } from '../spool/segment-reader.ts';
import { openAccounting } from './accounting-part.ts';
import { type EgressPeer, EgressServer } from './egress-server.ts';
import { createFeedbackPart } from './feedback-part.ts';
import { IntakeServer } from './intake-server.ts';
import { Judgement } from './judgement.ts';
import { serveOperations } from './operations-link.ts';
import type { Documents, EndedProcess, RoleContext, RunningRole } from './roles.ts';
import { schedulerOptionsOf } from './scheduler-options.ts';
import { SourceWatch } from './source-watch.ts';
import { SchedulerDoor } from './scheduler-door.ts';

/** DESIGN section 2: who has not said hello by then is killed. */
const HELLO_MS = 5_000;
/** A process whose channel closed and that has not ended by then has lost track of what it was granted: it is killed. */
const BROKEN_MS = 1_000;

/** A process and the one started in its place have the same name. */
function lifeOf({ process, pid }: { readonly process: string; readonly pid: number }): string {
  return `${process}/${pid}`;
}

export async function startSchedulerRole(context: RoleContext): Promise<RunningRole> {
  const { clock, random, log, documents, supervision } = context;
  const { config } = documents;
  const accounting = openAccounting(config, clock, log);
  const door = await SchedulerDoor.open({ path: context.schedulerSocket, clock, log });
  for (const process of await door.gather(context.alive, HELLO_MS)) supervision.kill(process);

  const link: { scheduler?: Scheduler } = {};
  const early: AlarmEvent[] = [];
  const spool = openDiskSpool(
    { root: config.folders.spool, historyMs: config.historyMs },
    { clock, random, log, onAlarm: (alarm) => void early.push(alarm) },
  );
  const open = door.hellos().flatMap((hello) => (hello.kind === 'submission' ? hello.open : []));
  await spool.start(open);

  const attached = new Set<string>();
  const broken = new Set<string>();
  let stopping = false;
  const breakWith = (peer: EgressPeer): void => {
    const life = lifeOf(peer);
    clock.after(BROKEN_MS, () => {
      if (stopping || !attached.has(life)) return;
      log.error({ process: peer.process }, 'an egress process broke its channel and is ended');
      supervision.kill(peer.process);
    });
  };
  const nowhere: EgressReports = { report: () => {}, claim: () => {}, returned: () => {}, closed: () => {} };
  const egressServer = new EgressServer({
    clock,
    joined: (peer, hello) => {
      const life = lifeOf(peer);
      // It has lost commands with its channel: only its end makes sure what it holds.
      if (attached.has(life) || broken.has(life) || link.scheduler === undefined) return nowhere;
      attached.add(life);
      return link.scheduler.attachEgress(life, peer.commands, hello);
    },
    left: (peer) => {
      broken.add(lifeOf(peer));
      breakWith(peer);
    },
  });
  const judgement = new Judgement(config);
  const disk = realDisk(config.folders.spool);
  const reader = new SegmentReader(disk);
  const feedbackPart = createFeedbackPart(config, {
    clock,
    random,
    log,
    disk,
    spool,
    reader,
    accepted: (accepted) => scheduler.intake.accepted(accepted),
    raise: (alarm) => void scheduler.operations.alarm(alarm).catch(() => {}),
  });
  feedbackPart.feedback.start();
  const scheduler = createScheduler(schedulerOptionsOf(config), {
    clock,
    random,
    log,
    spool,
    router: egressServer.router,
    settle: judgement.settle,
    providerOf: judgement.providerOf,
    suppresses: suppressOrders,
    feedback: feedbackPart.feedback,
    ...accounting.hooks,
  });
  link.scheduler = scheduler;
  const intakeServer = new IntakeServer({
    intake: scheduler.intake,
    clock,
    segmentClosed: (segment) => spool.segmentClosed(segment),
  });
  door.begin({
    submission: (visitor) => intakeServer.take(visitor),
    egress: (visitor) => egressServer.take(visitor),
    control: (visitor) => serveOperations(scheduler.operations, visitor),
  });
  const sourceWatch = new SourceWatch(config, { clock, log, onMissing: (names) => scheduler.setMissing(names) });
  await sourceWatch.start();
  await scheduler.start();

  const submissionEnded = async (ended: EndedProcess): Promise<void> => {
    const remains = intakeServer.ended(ended.process, ended.pid);
    const segments = new Set([...remains.segments, ...ended.segments]);
    for (const segment of segments) await scheduler.detachSubmission(NO_HOLDER, segment);
    for (const { user, key, holder } of remains.claims) {
      await scheduler.intake.ask({ ask: 'release', user, key, holder });
    }
  };
  const afterEnd = async (ended: EndedProcess): Promise<void> => {
    await door.gone(ended.process, ended.pid);
    if (ended.role === 'submission') return submissionEnded(ended);
    const life = lifeOf(ended);
    broken.delete(life);
    if (attached.delete(life)) scheduler.detachEgress(life);
  };

  let prepared: Documents | undefined;
  return {
    prepare: (next) => {
      prepared = next;
      return Promise.resolve();
    },
    use: () => {
      if (prepared === undefined) return;
      judgement.take(prepared.config);
      feedbackPart.reload(prepared.config);
      scheduler.reload(schedulerOptionsOf(prepared.config));
      sourceWatch.reload(prepared.config);
    },
    setUsers: () => {},
    ended: (ended) => {
      afterEnd(ended).catch((error: unknown) => {
        queueMicrotask(() => {
          throw error;
        });
      });
    },
    withoutSubmission: () => door.withoutSubmission(),
    stop: async () => {
      stopping = true;
      sourceWatch.stop();
      await feedbackPart.stop();
      await scheduler.stop();
      await reader.close();
      accounting.close();
      intakeServer.close();
      await door.close();
      await spool.close();
    },
  };
}

/** Claims of a dead process are released one by one, after its tail was read: no holder begins like this. */
const NO_HOLDER = '\0';

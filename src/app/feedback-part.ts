// The feedback stage with its segment writer, made from the configuration. Beside the scheduler, in its process: what is
// owed stands in the journal that it writes, and a report is a record like those that submission processes write.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { fromRoutesOf } from '../config/route-table.ts';
import { createFeedback, type FeedbackDeps, type FeedbackStage } from '../feedback/feedback.ts';
import type { FeedbackOptions } from '../feedback/options.ts';
import { SYSTEM_STREAM } from '../flow/feedback.ts';
import type { Disk } from '../spool/disk.ts';
import type { RecentRecords } from '../spool/recent-records.ts';
import { signingOptionsOf } from './signing-options.ts';
import { createWriter } from './segment-writer-part.ts';

export interface FeedbackPartDeps extends Pick<FeedbackDeps, 'spool' | 'reader' | 'accepted' | 'raise'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly disk: Disk;
  /** Of an egress in the same process. */
  readonly recent?: RecentRecords;
}

export interface FeedbackPart {
  readonly feedback: FeedbackStage;
  reload(config: Config): void;
  /** Before the scheduler stops. */
  stop(): Promise<void>;
}

/** Mailings: who sends them looks at accounting files, not at a mailbox with as many reports. */
const BULK = 'bulk';
const OWED_MAX = 100_000;

export function feedbackOptionsOf(config: Config): FeedbackOptions {
  const { hostname, streams, dsn } = config;
  const system = streams[SYSTEM_STREAM];
  if (system === undefined) throw new TypeError(`no stream ${SYSTEM_STREAM}`);
  const { table, isRelaxed, validityMs } = signingOptionsOf(config);
  return {
    hostName: hostname,
    streams: Object.fromEntries(
      Object.entries(streams).map(([name, stream]) => [name, stream.dsn ?? (name === BULK ? 'never' : 'failure')]),
    ),
    delayAfterMs: dsn.delayAfterMs,
    perReversePath: dsn.perReversePath,
    total: dsn.total,
    returnOctetsMax: dsn.returnOctets,
    owedMax: OWED_MAX,
    system: {
      lifetimeMs: system.lifetimeMs,
      ...(system.pool === undefined ? {} : { pool: system.pool }),
      signing: { table, isRelaxed, ...(validityMs === undefined ? {} : { validityMs }) },
      fromRoutes: fromRoutesOf(config),
    },
  };
}

export function createFeedbackPart(config: Config, deps: FeedbackPartDeps): FeedbackPart {
  const { clock, random, log, disk, spool, recent } = deps;
  const writer = createWriter(
    { clock, random, log, disk, process: 'feedback' },
    { onClosed: (segment) => spool.segmentClosed(segment), ...(recent === undefined ? {} : { recent }) },
  );
  const feedback = createFeedback(feedbackOptionsOf(config), { ...deps, writer });
  return {
    feedback,
    reload: (changed) => feedback.reload(feedbackOptionsOf(changed)),
    stop: async () => {
      await feedback.stop();
      await writer.close();
    },
  };
}

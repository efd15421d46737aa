// The segment writer of a process, made for the disk it writes to.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { killSelf } from '../spool/die.ts';
import type { Disk } from '../spool/disk.ts';
import { sizesFor } from '../spool/reserve.ts';
import { SegmentWriter, type SegmentWriterOptions } from '../spool/segment-writer.ts';

export interface WriterDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly disk: Disk;
  /** Names the writer's segments: `single`, `submission-1` … */
  readonly process: string;
}

export function createWriter(
  { clock, random, log, disk, process }: WriterDeps,
  hooks: Pick<SegmentWriterOptions, 'onOpened' | 'onClosed' | 'recent'> = {},
): SegmentWriter {
  const { segmentOctets } = sizesFor(disk.space());
  return new SegmentWriter({ disk, clock, random, die: killSelf(log), writer: process, segmentOctets, ...hooks });
}

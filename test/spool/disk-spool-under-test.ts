// A disk spool with a submission process's writer beside it, on a disk and an index that a test gives.
import { createHash } from 'node:crypto';
import { seededRandom } from '../../src/base/random.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Message } from '../../src/flow/message.ts';
import type { Disk } from '../../src/spool/disk.ts';
import {
  type DiskSpool,
  type DiskSpoolDeps,
  type DiskSpoolOptions,
  openDiskSpool,
} from '../../src/spool/disk-spool.ts';
import type { IndexStore } from '../../src/spool/index-store.ts';
import { SegmentWriter } from '../../src/spool/segment-writer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { SpoolUnderTest } from './contract.ts';
import { T0 } from './mail.ts';

export interface DiskSpoolUnderTest extends SpoolUnderTest {
  readonly spool: DiskSpool;
  readonly writer: SegmentWriter;
}

export interface Making {
  readonly disk: Disk;
  readonly index: IndexStore;
  readonly clock?: FakeClock;
  readonly seed?: number;
  readonly segmentOctets?: number;
  readonly options?: Partial<DiskSpoolOptions>;
  readonly deps?: Partial<DiskSpoolDeps>;
}

export const die = (reason: string): void => {
  throw new Error(`died: ${reason}`);
};

/** Content of `message.size` octets that belongs to it. */
export function contentOf(message: Message): Buffer {
  return Buffer.alloc(message.size, message.id);
}

export function withContent(message: Message, size: number): Message {
  const sized = { ...message, size };
  return { ...sized, sha256: createHash('sha256').update(contentOf(sized)).digest('hex') };
}

export async function makeDiskSpool(making: Making): Promise<DiskSpoolUnderTest> {
  const { disk, index, clock = new FakeClock(T0), seed = 1, segmentOctets = 1024 * 1024 } = making;
  const random = seededRandom(seed);
  const deps = { clock, random, log: silentLog, disk, index, die, ...making.deps };
  const sizes = { journalStepOctets: 16_384, ballastOctets: 0 };
  const options = { root: '/nowhere', historyMs: 7 * 24 * 3_600_000, ...sizes, ...making.options };
  const spool = openDiskSpool(options, deps);
  await spool.start();
  const writer = new SegmentWriter({ disk, clock, random, die: deps.die, writer: 'submission-1', segmentOctets });
  return {
    spool,
    clock,
    writer,
    async put(message) {
      return { message, location: await writer.append(message, [contentOf(message)]) };
    },
    async close() {
      await writer.close();
      await spool.close();
    },
  };
}

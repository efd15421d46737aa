// A segment writer on a fake disk, and what tests ask of the two.
import { seededRandom } from '../../src/base/random.ts';
import type { Location, Message } from '../../src/flow/message.ts';
import type { StoredMessage } from '../../src/flow/spool.ts';
import type { Disk } from '../../src/spool/disk.ts';
import { SEGMENTS } from '../../src/spool/layout.ts';
import { type SegmentItem, scanSegment } from '../../src/spool/segment-scan.ts';
import { SegmentWriter, type SegmentWriterOptions } from '../../src/spool/segment-writer.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { type DiskCall, FakeDisk, type FakeDiskOptions } from '../support/fake-disk.ts';
import { contentOf, mail, sha256 } from './mail.ts';

export interface SegmentRig {
  readonly disk: FakeDisk;
  readonly clock: FakeClock;
  readonly writer: SegmentWriter;
  readonly deaths: string[];
  readonly calls: DiskCall[];
}

export function segmentRig(
  options: Partial<FakeDiskOptions> = {},
  changes: Partial<SegmentWriterOptions> = {},
): SegmentRig {
  const random = seededRandom(3);
  const disk = new FakeDisk({ random, ...options });
  const clock = new FakeClock();
  const deaths: string[] = [];
  const calls: DiskCall[] = [];
  disk.fault = (call) => {
    calls.push(call);
    return undefined;
  };
  const die = (reason: string): void => void deaths.push(reason);
  const base = { disk, clock, random, die, writer: 'a', segmentOctets: 1_000_000 };
  return { disk, clock, writer: new SegmentWriter({ ...base, ...changes }), deaths, calls };
}

const random = seededRandom(11);

export function letter(size = 40): { readonly message: Message; readonly content: Buffer } {
  const content = contentOf(size, random);
  return { message: mail(['a@one.example'], { size, sha256: sha256(content) }), content };
}

/** Appended one after the other: each has a sync of its own. */
export async function appendAll(
  writer: SegmentWriter,
  letters: readonly { readonly message: Message; readonly content: Uint8Array }[],
): Promise<Location[]> {
  const locations: Location[] = [];
  for (const { message, content } of letters) locations.push(await writer.append(message, [content]));
  return locations;
}

export async function scanned(disk: Disk, segment: string, from = 0, until = Infinity): Promise<SegmentItem[]> {
  const items: SegmentItem[] = [];
  for await (const item of scanSegment(disk, segment, from, until)) items.push(item);
  return items;
}

/** Ids of the records, then one word for each of the rest. */
export async function outline(disk: Disk, segment: string): Promise<string[]> {
  return (await scanned(disk, segment)).map((item) => (item.item === 'record' ? item.message.id : item.item));
}

export async function contentIn(stored: StoredMessage): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stored.content()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const pathOf = (segment: string): string => `${SEGMENTS}/${segment}`;

/** 'waits' when nothing came of it in some turns of the event loop. */
export async function stateOf(promise: Promise<unknown>): Promise<'waits' | 'resolved' | 'rejected'> {
  let state: 'waits' | 'resolved' | 'rejected' = 'waits';
  promise.then(
    () => (state = 'resolved'),
    () => (state = 'rejected'),
  );
  for (let turn = 0; turn < 5; turn++) await settle();
  return state;
}

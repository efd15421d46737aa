// What the parts of the disk spool share: its disk, its clock, what it knows, and how an alarm is raised.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { AlarmEvent } from '../flow/event.ts';
import { Ballast } from './ballast.ts';
import { killSelf } from './die.ts';
import { type Die, type Disk, realDisk } from './disk.ts';
import type { IndexStore } from './index-store.ts';
import { createLmdbIndex } from './lmdb-index.ts';
import { Overlay } from './overlay.ts';
import type { RecoveryRules } from './recovery.ts';
import { Reserve } from './reserve.ts';
import { SegmentReader } from './segment-reader.ts';
import { SegmentWriter } from './segment-writer.ts';

export interface SpoolParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly die: Die;
  readonly store: IndexStore;
  readonly overlay: Overlay;
  readonly reserve: Reserve;
  readonly ballast: Ballast;
  readonly reader: SegmentReader;
  /** Of copies: what recovery, `adopt` and the keeper write. */
  readonly writer: SegmentWriter;
  /** Goes to the journal (as soon as there is one), to the log, and to whoever listens. */
  readonly alarm: (alarm: AlarmEvent['alarm'], text: string) => void;
}

export interface DiskSpoolOptions {
  /** The spool's folder; made when absent. */
  readonly root: string;
  /** Journal files younger than this are kept. */
  readonly historyMs: number;
  readonly checkpointMs?: number;
  readonly checkpointChanges?: number;
  readonly keeperMs?: number;
  readonly keeperOctetsPerS?: number;
  readonly journalFileOctets?: number;
  readonly journalStepOctets?: number;
  /** Absent: a quarter of the reserve. */
  readonly ballastOctets?: number;
}

export interface DiskSpoolDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly disk?: Disk;
  readonly index?: IndexStore;
  readonly die?: Die;
  readonly onAlarm?: (alarm: AlarmEvent) => void;
  /** One group of events was synced: events, octets, ms. */
  readonly onJournalSync?: (count: number, octets: number, ms: number) => void;
  /** For the test of the test alone. */
  readonly rules?: RecoveryRules;
}

/** Between two MiB of ballast: at most five minutes until all of it is there. */
const BALLAST_REST_MS = 500;

/** Makes the spool's folder; opens nothing. */
export function makeParts(options: DiskSpoolOptions, deps: DiskSpoolDeps, alarm: SpoolParts['alarm']): SpoolParts {
  const { clock, random, log } = deps;
  const disk = deps.disk ?? realDisk(options.root);
  disk.makeFolder('.');
  const die = deps.die ?? killSelf(log);
  const store = deps.index ?? createLmdbIndex(`${options.root}/index`);
  const overlay = new Overlay(store);
  let ballastOctets = (): number => 0;
  const reserve = new Reserve(disk, clock, () => ballastOctets());
  const rest = (): Promise<void> => new Promise((resolve) => clock.after(BALLAST_REST_MS, resolve));
  const ballast = new Ballast(disk, random, options.ballastOctets ?? reserve.sizes.ballastOctets, rest);
  ballastOctets = () => ballast.octets;
  const { segmentOctets } = reserve.sizes;
  const onClosed = (name: string): void => overlay.segments.close(name);
  const writer = new SegmentWriter({ disk, clock, random, die, writer: 'keeper', segmentOctets, onClosed });
  const reader = new SegmentReader(disk);
  return { disk, clock, random, log, die, store, overlay, reserve, ballast, reader, writer, alarm };
}

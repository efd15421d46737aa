// What the spool knows of each segment: how much of it still lives, up to where its records have been taken, whether
// something may still be appended, and who reads it. Few and small: in memory, and in the index with each checkpoint.
import type { Location } from '../flow/message.ts';
import { FIRST_BLOCK } from './file-head.ts';
import type { ChangeBatch, IndexStore } from './index-store.ts';
import { decodeJson, encodeJson, nameKey, nameOf, tableEnd, tableStart } from './rows.ts';

export interface Segment {
  readonly name: string;
  /** Messages that wait, and the octets of their records. */
  live: number;
  liveOctets: number;
  /** Every record before this offset was taken. */
  upTo: number;
  /** Records beyond it that were taken: offset → end. Told out of order; nearly always empty. */
  readonly beyond: Map<number, number>;
  /** Its writer may append to it. */
  isOpen: boolean;
  /** Attempts that may read it. */
  pins: number;
}

interface SegmentValue {
  readonly live: number;
  readonly liveOctets: number;
  readonly upTo: number;
  readonly beyond?: readonly (readonly [number, number])[];
}

/** What a checkpoint has to write of the segments; undefined: forgotten. */
export type SegmentChanges = readonly { readonly name: string; readonly value: SegmentValue | undefined }[];

/** More than any disk holds. */
const SEGMENTS_MAX = 10_000_000;

export class SegmentTable {
  readonly #store: IndexStore;
  readonly #byName = new Map<string, Segment>();
  #touched = new Set<string>();
  /** Of the checkpoint in flight. */
  #committing: ReadonlySet<string> = new Set();
  /** Rows were moved out of them since the last checkpoint began, or by the one in flight. */
  #movedFrom = new Set<string>();
  #movedCommitting: ReadonlySet<string> = new Set();
  messages = 0;

  constructor(store: IndexStore) {
    this.#store = store;
  }

  /** All of the index, as finished segments. */
  load(): void {
    for (const { key, value } of this.#store.range(tableStart('segment'), tableEnd('segment'), SEGMENTS_MAX)) {
      const { live, liveOctets, upTo, beyond = [] } = decodeJson(value) as SegmentValue;
      const name = nameOf(key);
      const state = { isOpen: false, pins: 0 };
      this.#byName.set(name, { name, live, liveOctets, upTo, beyond: new Map(beyond), ...state });
      this.messages += live;
    }
  }

  all(): readonly Segment[] {
    return [...this.#byName.values()];
  }

  find(name: string): Segment | undefined {
    return this.#byName.get(name);
  }

  /** A segment not heard of before is open: its writer told of it. */
  of(name: string): Segment {
    let segment = this.#byName.get(name);
    if (segment === undefined) {
      const state = { isOpen: true, pins: 0 };
      segment = { name, live: 0, liveOctets: 0, upTo: FIRST_BLOCK, beyond: new Map(), ...state };
      this.#byName.set(name, segment);
    }
    return segment;
  }

  /**
   * Notes that the record was taken; false when it was before. Records may be told in any order: a gap holds back the
   * mark, so that what stands in it is read after a crash.
   */
  take({ segment: name, offset, length }: Location): boolean {
    const segment = this.of(name);
    if (offset < segment.upTo || segment.beyond.has(offset)) return false;
    segment.beyond.set(offset, offset + length);
    this.#advance(segment);
    return true;
  }

  /** Everything before `offset` was read: whatever is not a record there needs no second look. */
  takeAll(name: string, offset: number): void {
    const segment = this.of(name);
    if (offset > segment.upTo) segment.upTo = offset;
    for (const at of segment.beyond.keys()) if (at < offset) segment.beyond.delete(at);
    this.#advance(segment);
  }

  #advance(segment: Segment): void {
    for (;;) {
      const end = segment.beyond.get(segment.upTo);
      if (end === undefined) break;
      segment.beyond.delete(segment.upTo);
      segment.upTo = end;
    }
    this.#touched.add(segment.name);
  }

  isTaken({ segment: name, offset }: Location): boolean {
    const segment = this.#byName.get(name);
    return segment !== undefined && (offset < segment.upTo || segment.beyond.has(offset));
  }

  /** Its writer is done with it. */
  close(name: string): void {
    this.of(name).isOpen = false;
    this.#touched.add(name);
  }

  /** The committed index knows of it what we know. */
  isCommitted(name: string): boolean {
    return !this.#touched.has(name) && !this.#committing.has(name);
  }

  /** The committed index may show messages here that were moved: without a checkpoint they would be lost with it. */
  isMovedFrom(name: string): boolean {
    return this.#movedFrom.has(name) || this.#movedCommitting.has(name);
  }

  movedFrom(name: string): void {
    this.#movedFrom.add(name);
  }

  begin(): SegmentChanges {
    const touched = this.#touched;
    this.#committing = touched;
    this.#touched = new Set();
    this.#movedCommitting = this.#movedFrom;
    this.#movedFrom = new Set();
    return [...touched].map((name) => {
      const segment = this.#byName.get(name);
      if (segment === undefined) return { name, value: undefined };
      const { live, liveOctets, upTo, beyond } = segment;
      return { name, value: { live, liveOctets, upTo, ...(beyond.size > 0 ? { beyond: [...beyond] } : {}) } };
    });
  }

  end(): void {
    this.#committing = new Set();
    this.#movedCommitting = new Set();
  }

  enter(location: Location): void {
    const segment = this.of(location.segment);
    segment.live++;
    segment.liveOctets += location.length;
    this.messages++;
    this.#touched.add(segment.name);
  }

  leave(location: Location): void {
    const segment = this.of(location.segment);
    segment.live--;
    segment.liveOctets -= location.length;
    this.messages--;
    this.#touched.add(segment.name);
  }

  /** Its file is gone. */
  forget(name: string): void {
    this.#byName.delete(name);
    this.#touched.add(name);
  }
}

export function putSegments(batch: ChangeBatch, changes: SegmentChanges): void {
  for (const { name, value } of changes) {
    if (value === undefined) batch.remove(nameKey('segment', name));
    else batch.put(nameKey('segment', name), encodeJson(value));
  }
}

// One checkpoint: takes all changes of the overlay at one instant, encodes them in slices that let others run, and
// commits them with the mark up to which the journal is contained. The marks of the segments are in their rows.
import type { MessageId } from '../flow/message.ts';
import type { Position } from './file-head.ts';
import { ChangeBatch } from './index-store.ts';
import { type OrderChanges, putOrder } from './layered-order.ts';
import type { Entry, Layer, Overlay } from './overlay.ts';
import { putQueues, type QueueChanges } from './queue-table.ts';
import { decodeJson, deliveryKey, encodeDelivery, encodeJson, encodeLive, idKey, nameKey } from './rows.ts';
import { putSegments, type SegmentChanges } from './segment-table.ts';
import type { StateChanges } from './state-table.ts';

export const INDEX_FORMAT = 1;
const MARKS_KEY = nameKey('meta', 'marks');
/** Steps of encoding before others run: about 2 ms. */
const STEPS_AT_ONCE = 500;

/** What the committed index says of itself. */
export interface Marks {
  /** Of the index's rows. */
  readonly format: number;
  /** The journal before this position is contained. */
  readonly journal: Position;
}

export interface Checkpoint {
  /** undefined: not complete up to anything (a rebuild on its way). */
  readonly marks: Marks | undefined;
  readonly layer: Layer;
  readonly queues: QueueChanges;
  readonly expiry: OrderChanges;
  readonly segments: SegmentChanges;
  readonly states: StateChanges;
  /** Over when it is committed: their files in `large/` may go. */
  readonly ownFilesEnded: readonly MessageId[];
}

export function readMarks(get: (key: Buffer) => Buffer | undefined): Marks | undefined {
  const value = get(MARKS_KEY);
  return value === undefined ? undefined : (decodeJson(value) as Marks);
}

/** From here on changes are of the next checkpoint. */
export function beginCheckpoint(overlay: Overlay, journal: Position | undefined): Checkpoint {
  return {
    marks: journal && { format: INDEX_FORMAT, journal },
    ...overlay.begin(),
    queues: overlay.queues.begin(),
    expiry: overlay.expiry.begin(),
    segments: overlay.segments.begin(),
    states: overlay.states.begin(),
  };
}

export async function encodeCheckpoint(overlay: Overlay, checkpoint: Checkpoint, now: number): Promise<ChangeBatch> {
  const batch = new ChangeBatch();
  if (checkpoint.marks !== undefined) batch.put(MARKS_KEY, encodeJson(checkpoint.marks));
  putSegments(batch, checkpoint.segments);
  let steps = 0;
  for (const part of [
    putMessages(batch, checkpoint.layer),
    putQueues(batch, checkpoint.queues),
    putOrder(batch, checkpoint.expiry),
    overlay.states.put(batch, checkpoint.states, now),
  ]) {
    for (const _ of part) if (++steps % STEPS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return batch;
}

function* putMessages(batch: ChangeBatch, layer: Layer): Generator<void> {
  for (const [id, entry] of layer) {
    putMessage(batch, id, entry);
    yield;
  }
}

function putMessage(batch: ChangeBatch, id: MessageId, { live, message, deliveries }: Entry): void {
  if (live === undefined) {
    batch.remove(idKey('live', id));
    batch.remove(idKey('message', id));
  } else {
    batch.put(idKey('live', id), encodeLive(live));
    if (message !== undefined) batch.put(idKey('message', id), encodeJson(message));
  }
  // forEach passes over the holes.
  deliveries.forEach((row, index) => {
    if (row === null) batch.remove(deliveryKey(id, index));
    else batch.put(deliveryKey(id, index), encodeDelivery(row));
  });
}

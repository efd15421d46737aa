// What a record or an event of the files does to what is known. Used by a start for what lies past the marks, and by
// `rebuild` for everything.
import type { JournalEvent, KeyEvent } from '../flow/event.ts';
import { dsnKey, dsnState } from '../flow/feedback.ts';
import type { Message } from '../flow/message.ts';
import type { WaitingDelivery } from '../flow/spool.ts';
import type { Overlay } from './overlay.ts';
import { claimOf, intentKey } from './reading.ts';
import type { SegmentRecord } from './segment-scan.ts';

/** Applies an event: false when it is an outcome whose delivery does not wait. Nothing is written. */
export function applyEvent(overlay: Overlay, event: JournalEvent): boolean {
  switch (event.type) {
    case 'outcome':
      // Also where the message is gone already: what stands in the journal is owed until it says that it was made.
      if (event.dsn !== undefined) overlay.states.set(dsnKey(event.dsn.id, event.index), dsnState(event));
      return overlay.settle(event);
    case 'intent':
      for (const index of event.indexes) {
        if (overlay.waits(event.messageId, index)) overlay.states.set(intentKey(event.messageId, index), event.at);
      }
      return true;
    case 'state':
      overlay.states.set(event.key, event.value);
      return true;
    case 'key':
      overlay.states.setClaim(event.user, event.key, event);
      return true;
    case 'alarm':
      overlay.states.addAlarm(event);
      return true;
    case 'note':
      return true;
  }
}

/** One part of a snapshot of the state, as the keeper writes it into the journal. */
export interface Snapshot {
  readonly states: readonly (readonly [key: string, value: unknown])[];
  /** The last part: from here on the journal needs no earlier file for the state. */
  readonly isEnd: boolean;
}

export function applySnapshot(overlay: Overlay, value: unknown): void {
  const { states = [] } = value as Partial<Snapshot>;
  for (const [key, state] of states) overlay.states.set(key, state);
}

/**
 * For `rebuild`, which reads all segments before the journal: an accept makes its message wait, a copy makes it wait as
 * it did when it was copied. The later record is the one that is read, whatever its kind.
 */
export function rebuildFrom(overlay: Overlay, record: SegmentRecord): void {
  const { message, location, copied, ownFile } = record;
  overlay.segments.take(location);
  if (copied !== undefined) {
    const waiting = copied.waiting.map((state): WaitingDelivery => ({ messageId: message.id, ...state }));
    overlay.restore({ message, location }, waiting, ownFile);
    claimFor(overlay, message);
  } else if (overlay.live(message.id) !== undefined) overlay.relocate(message.id, location);
  else {
    overlay.add({ message, location }, undefined, ownFile);
    claimFor(overlay, message);
  }
}

/** The claim of a message with an idempotency key. */
export function claimFor(overlay: Overlay, message: Message): void {
  const event = keyEventOf(message);
  if (event !== undefined) applyEvent(overlay, event);
}

/** Stands in the journal too: the record may be gone before its claim is over. */
export function keyEventOf(message: Message): KeyEvent | undefined {
  const { user, idempotencyKey: key } = message;
  return key === undefined ? undefined : { type: 'key', user, key, ...claimOf(message) };
}

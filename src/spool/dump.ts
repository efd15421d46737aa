// What waits, one plain object a message, for `spool dump` and `message show`: names and meanings are the CLI's promise.
import type { Message, MessageId } from '../flow/message.ts';
import type { QueuedMessage } from '../flow/spool.ts';
import type { OfflineView } from './offline.ts';
import { allIds } from './verify.ts';

export interface DumpLine {
  readonly id: MessageId;
  /** RFC 3339. */
  readonly accepted_at: string;
  readonly user: string;
  readonly tenant: string;
  readonly stream: string;
  readonly reverse_path: string;
  readonly forward_paths: readonly string[];
  readonly size: number;
  readonly sha256: string;
  readonly body_sha256: string;
  readonly state: 'queued' | 'settled';
  /** Deliveries that wait. */
  readonly waiting: readonly {
    readonly forward_path: string;
    readonly due_at: string;
    readonly attempts: number;
    readonly last_reply?: string;
  }[];
}

export function* dumpSpool(view: OfflineView): Generator<DumpLine> {
  for (const id of allIds(view)) {
    const queued = view.overlay.message(id);
    if (queued !== undefined) yield dumpLine(queued.message, queued);
  }
}

/** `queued` absent: it is over. */
export function dumpLine(message: Message, queued: QueuedMessage | undefined): DumpLine {
  return {
    id: message.id,
    accepted_at: new Date(message.acceptedAt).toISOString(),
    user: message.user,
    tenant: message.tenant,
    stream: message.stream,
    reverse_path: message.reversePath,
    forward_paths: message.forwardPaths.map(({ mailbox }) => mailbox),
    size: message.size,
    sha256: message.sha256,
    body_sha256: message.bodySha256,
    state: queued === undefined ? 'settled' : 'queued',
    waiting: (queued?.waiting ?? []).map(({ index, dueAt, attempts, lastReply }) => ({
      forward_path: message.forwardPaths[index]?.mailbox ?? '',
      due_at: new Date(dueAt).toISOString(),
      attempts,
      ...(lastReply === undefined ? {} : { last_reply: lastReply }),
    })),
  };
}

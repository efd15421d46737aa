// Messages and events for tests of the spool: small, valid, made in one line.
import { createHash } from 'node:crypto';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import type { Domain, Mailbox, Message, MessageId } from '../../src/flow/message.ts';
import { newMessageId } from '../../src/flow/message-id.ts';
import type { OutcomeKind } from '../../src/flow/outcome.ts';

export const T0 = Date.UTC(2026, 0, 5, 12);
export const HOUR = 3_600_000;
const random = seededRandom(7);

/** Of as many forward-paths as `to`, each `local@domain`. */
export function mail(to: readonly string[], changes: Partial<Message> = {}): Message {
  const acceptedAt = changes.acceptedAt ?? T0;
  return {
    id: newMessageId(acceptedAt, random),
    acceptedAt,
    tenant: 'acme',
    user: 'app',
    stream: 'bulk',
    lifetimeMs: 96 * HOUR,
    reversePath: 'bounce@sender.example' as Mailbox,
    forwardPaths: to.map((mailbox) => ({
      mailbox: mailbox as Mailbox,
      domain: mailbox.slice(mailbox.indexOf('@') + 1) as Domain,
    })),
    body: '7bit',
    smtpUtf8: false,
    requireTls: false,
    size: 11,
    sha256: '64ec88ca00b268e5ba1a35678a1b5316d212f4f366b2477232534a8aeca37f3c',
    bodySha256: 'cJc+PHE/0gN4ouOl8jqxuQzRPZYwNj5tLwlN6nJLcNI=',
    has8bit: false,
    has8bitHeader: false,
    ...changes,
  };
}

/** `nextAttemptAt` only with `deferred`. */
export function outcome(
  message: Message,
  index: number,
  kind: OutcomeKind,
  changes: Partial<OutcomeEvent> = {},
): OutcomeEvent {
  const path = message.forwardPaths[index];
  if (path === undefined) throw new RangeError(`no forward-path ${index}`);
  return {
    type: 'outcome',
    at: T0 + 1000,
    messageId: message.id,
    index,
    outcome: kind,
    category: 'test',
    scope: 'recipient',
    rule: 'test',
    forwardPath: path.mailbox,
    domain: path.domain,
    reversePath: message.reversePath,
    tenant: message.tenant,
    user: message.user,
    stream: message.stream,
    acceptedAt: message.acceptedAt,
    size: message.size,
    attempts: 1,
    ...changes,
  };
}

/** An id nobody has. */
export function strangerId(): MessageId {
  return newMessageId(T0, random);
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Octets of any value; they repeat after 61, so that long content costs little. */
export function contentOf(size: number, from: Random): Buffer {
  return Buffer.alloc(size, from.bytes(61));
}

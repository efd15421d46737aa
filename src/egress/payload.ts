// What one attempt sends: the stored message, our header fields in front of it, and its envelope.
import { InvariantError } from '../base/errors.ts';
import type { Attempt, AttemptError } from '../flow/attempt.ts';
import type { Message } from '../flow/message.ts';
import { DamagedRecord, type MessageReader, type StoredMessage } from '../flow/spool.ts';
import type { Transaction } from '../smtp/transaction.ts';

/**
 * Header fields to put in front, as octets that end in CRLF; empty for none. `content`: the whole content, or its first
 * chunk (at most 1 MiB), which holds the header section.
 */
export type Sign = (message: Message, content: Uint8Array) => Promise<Uint8Array>;

/** The message must wait: the keys it was accepted with are not here. */
export class NoSigningKey extends Error {
  override readonly name = 'NoSigningKey';
}

export interface Payload {
  readonly stored: StoredMessage;
  readonly header: Uint8Array;
  readonly transaction: Transaction;
}

const NOTHING = new Uint8Array(0);

/** Never rejects: what cannot be sent is an error of the attempt. */
export async function preparePayload(
  attempt: Attempt,
  reader: MessageReader,
  sign: Sign | undefined,
): Promise<Payload | AttemptError> {
  try {
    const stored = await reader.read(attempt.location);
    if (stored.message.id !== attempt.messageId) {
      return { kind: 'damaged', text: `the record at ${attempt.location.segment} is of another message` };
    }
    const header = sign === undefined ? NOTHING : await sign(stored.message, await head(stored));
    return { stored, header, transaction: transactionOf(attempt, stored.message, header.length) };
  } catch (error) {
    return contentError(error);
  }
}

async function head(stored: StoredMessage): Promise<Uint8Array> {
  if (stored.whole !== undefined) return stored.whole;
  for await (const chunk of stored.content()) return chunk;
  return NOTHING;
}

/** Why content cannot be read. A damaged record is never sent; everything else may pass. */
export function contentError(error: unknown): AttemptError {
  if (error instanceof InvariantError) throw error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof NoSigningKey) return { kind: 'no-key', text };
  return error instanceof DamagedRecord ? { kind: 'damaged', text } : { kind: 'lost', text: `not readable: ${text}` };
}

function transactionOf(attempt: Attempt, message: Message, headerOctets: number): Transaction {
  return {
    id: attempt.attempt,
    reversePath: message.reversePath,
    recipients: attempt.indexes.map((index) => {
      const path = message.forwardPaths[index];
      if (path === undefined) throw new InvariantError(`message ${message.id} has no forward-path ${index}`);
      return {
        index,
        mailbox: path.mailbox,
        ...(path.notify !== undefined && { notify: path.notify }),
        ...(path.orcpt !== undefined && { orcpt: path.orcpt }),
      };
    }),
    size: message.size + headerOctets,
    has8bit: message.has8bit,
    is8bitMime: message.body === '8bitmime',
    hasUtf8Header: message.smtpUtf8 && message.has8bitHeader,
    requireTls: message.requireTls,
    ...(message.ret !== undefined && { ret: message.ret }),
    ...(message.envid !== undefined && { envid: message.envid }),
  };
}

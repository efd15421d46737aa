// Messages of an export, into another spool: under their old ids, with the forward-paths that still waited, so that
// nobody gets a second copy for having been delivered before. Attempts are counted anew; what is there already is left.
import { createHash } from 'node:crypto';
import { OperatorError, EXIT } from '../base/errors.ts';
import type { Message, MessageId } from '../flow/message.ts';
import { parseMessageId } from '../flow/message-id.ts';
import type { MessageWriter, Spool, WaitingDelivery } from '../flow/spool.ts';
import { EXPORT_HEAD } from './export.ts';

export interface Imported {
  readonly taken: number;
  /** Were there already, or nothing of them waits. */
  readonly left: number;
}

/** A longer line is not one of ours. */
const LINE_OCTETS_MAX = 32 * 1024 * 1024;

/** `spool` is started, `writer` writes to its segments; both are closed by the caller. Throws OperatorError (64). */
export async function importStream(
  input: AsyncIterable<Uint8Array>,
  writer: MessageWriter,
  spool: Spool,
  onMessage: (id: MessageId) => void = () => {},
): Promise<Imported> {
  const stream = new OctetStream(input);
  if (`${await stream.line()}\n` !== EXPORT_HEAD) throw notAnExport('it does not begin as one');
  let taken = 0;
  let left = 0;
  for (;;) {
    const line = await stream.line();
    if (line === undefined) return { taken, left };
    const { message, waiting } = parse(line);
    const content = await stream.octets(message.size);
    if (createHash('sha256').update(content).digest('hex') !== message.sha256) {
      throw notAnExport(`the content of ${message.id} is damaged`);
    }
    const rest = stillWaiting(message, waiting);
    if (rest === undefined || spool.message(message.id) !== undefined) {
      left++;
      continue;
    }
    const location = await writer.append(rest, [content]);
    spool.accept({ message: rest, location });
    taken++;
    onMessage(message.id);
  }
}

/** undefined: nothing waits. */
function stillWaiting(message: Message, waiting: readonly WaitingDelivery[]): Message | undefined {
  const indexes = new Set(waiting.map(({ index }) => index));
  const forwardPaths = message.forwardPaths.filter((_, index) => indexes.has(index));
  if (forwardPaths.length === 0) return undefined;
  return { ...message, forwardPaths, notBefore: Math.min(...waiting.map(({ dueAt }) => dueAt)) };
}

function parse(line: string): { readonly message: Message; readonly waiting: readonly WaitingDelivery[] } {
  let value: { readonly message?: Message; readonly waiting?: readonly WaitingDelivery[] };
  try {
    value = JSON.parse(line) as typeof value;
  } catch (error) {
    throw notAnExport('a line is no JSON', error);
  }
  const { message, waiting } = value;
  const isWhole =
    message !== undefined && parseMessageId(message.id) === message.id && message.size >= 0 && Array.isArray(waiting);
  if (!isWhole) throw notAnExport('a line is no message');
  return { message, waiting: waiting as readonly WaitingDelivery[] };
}

function notAnExport(why: string, cause?: unknown): OperatorError {
  return new OperatorError(`this is no whole export of a spool: ${why}`, EXIT.usage, { cause });
}

/** Lines and counted octets out of chunks that are cut anywhere. */
class OctetStream {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer[] = [];
  #octets = 0;

  constructor(input: AsyncIterable<Uint8Array>) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done === true) return false;
    this.#held.push(Buffer.from(value));
    this.#octets += value.length;
    return true;
  }

  #take(octets: number): Buffer {
    const all = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
    this.#held = octets < all.length ? [all.subarray(octets)] : [];
    this.#octets -= octets;
    return all.subarray(0, octets);
  }

  /** Without its end; undefined at the end of the stream. */
  async line(): Promise<string | undefined> {
    let searched = 0;
    for (;;) {
      let before = 0;
      for (const chunk of this.#held) {
        const at = before + chunk.length > searched ? chunk.indexOf(10) : -1;
        if (at >= 0) return this.#take(before + at + 1).toString('utf8', 0, before + at);
        before += chunk.length;
      }
      searched = before;
      if (before > LINE_OCTETS_MAX) throw notAnExport('a line is too long');
      if (await this.#more()) continue;
      if (this.#octets > 0) throw notAnExport('it ends within a line');
      return undefined;
    }
  }

  async octets(count: number): Promise<Buffer> {
    while (this.#octets < count) if (!(await this.#more())) throw notAnExport('it ends within a message');
    return this.#take(count);
  }
}

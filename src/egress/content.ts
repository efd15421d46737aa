// Writes one message's content with dot stuffing and the final dot: small content in one write, large content block by
// block, checked on the way. When the record turns out damaged the final dot is never written.
import type { AttemptError } from '../flow/attempt.ts';
import { finalDot, type LineState, stuff } from '../smtp/transparency.ts';
import { contentError, type Payload } from './payload.ts';

export interface ContentSink {
  readonly wholeOctetsMax: number;
  /** False: wait for `drained` before the next. */
  write(chunks: readonly Uint8Array[]): boolean;
  drained(): Promise<void>;
  /** False when the transaction has ended meanwhile. */
  isWanted(): boolean;
  /** The final dot has been written. */
  done(): void;
  failed(error: AttemptError): void;
}

const BLOCK_OCTETS = 64 * 1024;
const DOT: Readonly<Record<LineState, Buffer>> = {
  start: Buffer.from(finalDot('start')),
  cr: Buffer.from(finalDot('cr')),
  middle: Buffer.from(finalDot('middle')),
};

/** Returns at once; the end is told by `done` or `failed`, before it returns when the content is small. */
export function sendContent(payload: Payload, sink: ContentSink): void {
  const { header, stored } = payload;
  const { whole } = stored;
  if (whole === undefined || whole.length > sink.wholeOctetsMax) {
    sendBlocks(payload, sink).then(
      (isWhole) => {
        if (isWhole) sink.done();
      },
      (error: unknown) => {
        if (sink.isWanted()) sink.failed(contentError(error));
      },
    );
    return;
  }
  const { octets, state } = stuff(asBuffer(whole), 'start');
  sink.write(header.length > 0 ? [header, octets, DOT[state]] : [octets, DOT[state]]);
  sink.done();
}

/** False: it was no longer wanted. */
async function sendBlocks({ header, stored }: Payload, sink: ContentSink): Promise<boolean> {
  let state: LineState = 'start';
  if (header.length > 0) sink.write([header]);
  for await (const chunk of stored.whole === undefined ? stored.content() : [stored.whole]) {
    for (let at = 0; at < chunk.length; at += BLOCK_OCTETS) {
      if (!sink.isWanted()) return false;
      const block = stuff(asBuffer(chunk.subarray(at, at + BLOCK_OCTETS)), state);
      state = block.state;
      if (!sink.write([block.octets])) await sink.drained();
    }
  }
  if (!sink.isWanted()) return false;
  sink.write([DOT[state]]);
  return true;
}

function asBuffer(octets: Uint8Array): Buffer {
  return Buffer.isBuffer(octets) ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

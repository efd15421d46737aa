// Writes records anew into this life's own segment, a bounded number of octets at a time, and tells where each stands
// once it is durable. What cannot be read any more is told, and left where it is. An accept for which there is no room
// is synced where it stands: that trusts a sync which an earlier life may have seen fail, but loses nothing for want of
// room.
import type { Location, Message } from '../flow/message.ts';
import { DamagedRecord, SpoolFull } from '../flow/spool.ts';
import { codeOf } from './disk.ts';
import { SEGMENTS } from './layout.ts';
import type { Copied, RecordKind } from './record.ts';
import type { SpoolParts } from './spool-parts.ts';

export interface Forwarded {
  readonly message: Message;
  readonly from: Location;
  readonly to: Location;
  readonly ownFile: boolean;
}

type CopyParts = Pick<SpoolParts, 'reader' | 'writer' | 'disk' | 'die'>;

/** Octets on their way at a time. */
const IN_FLIGHT_OCTETS_MAX = 8 * 1024 * 1024;

export class CopyForward {
  readonly #parts: CopyParts;
  readonly #onDurable: (forwarded: Forwarded) => void;
  #inFlight: Promise<void>[] = [];
  #octets = 0;

  /** `onDurable`: in the order of the calls. */
  constructor(parts: CopyParts, onDurable: (forwarded: Forwarded) => void) {
    this.#parts = parts;
    this.#onDurable = onDurable;
  }

  /**
   * Reads the record now, and writes it soon. False: it is damaged. A copy rejects, here or at a later call, with
   * SpoolFull.
   * `copied`: durable state of the message, asked when the record is read; undefined: it is not needed any more.
   */
  async copy(kind: RecordKind, from: Location, copied?: () => Promise<Copied | undefined>): Promise<boolean> {
    const { reader, writer } = this.#parts;
    let content: readonly Uint8Array[] | 'own-file';
    let record: Awaited<ReturnType<typeof reader.read>>;
    try {
      record = await reader.read(from);
      content = record.ownFile ? 'own-file' : record.whole !== undefined ? [record.whole] : await all(record.content());
    } catch (error) {
      if (error instanceof DamagedRecord) return false;
      throw error;
    }
    const state = await copied?.();
    if (copied !== undefined && state === undefined) return true;
    const { message, ownFile } = record;
    const inPlace = async (error: unknown): Promise<Location> => {
      if (kind !== 'accept' || !(error instanceof SpoolFull)) throw error;
      await this.#sync(from.segment);
      return from;
    };
    const written = writer
      .put(kind, message, content, state)
      .catch(inPlace)
      .then((to) => this.#onDurable({ message, from, to, ownFile }));
    written.catch(() => {});
    this.#inFlight.push(written);
    this.#octets += from.length;
    if (this.#octets >= IN_FLIGHT_OCTETS_MAX) await this.finish();
    return true;
  }

  /** Never settles when it fails: the process ends. */
  async #sync(segment: string): Promise<void> {
    const { disk, die } = this.#parts;
    const file = disk.openRead(`${SEGMENTS}/${segment}`);
    try {
      await file.fdatasync();
    } catch (error) {
      die(`sync of ${file.path}: ${codeOf(error)}`);
      await new Promise(() => {});
    } finally {
      file.close();
    }
  }

  /** Resolves when all of it is durable. */
  async finish(): Promise<void> {
    const written = this.#inFlight;
    this.#inFlight = [];
    this.#octets = 0;
    await Promise.all(written);
  }
}

async function all(content: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return chunks;
}

// Records that this process has just written, for whoever reads them next: nearly every message is sent within a
// second. What is given out are the very octets and the very message that were written, so there is nothing to check.
// Bounded; the oldest go first. A miss is a read from disk, so losing one costs nothing but that.
import type { Location, Message } from '../flow/message.ts';

export interface RecentRecord {
  readonly message: Message;
  readonly content: Uint8Array;
}

const OCTETS_MAX = 16 * 1024 * 1024;
/** A larger record leaves room for too few others. */
const RECORD_OCTETS_MAX = 1024 * 1024;
/** What a record holds beside its octets. */
const OVERHEAD_OCTETS = 2048;

export class RecentRecords {
  readonly #octetsMax: number;
  /** By the record's name, oldest first. */
  readonly #records = new Map<string, RecentRecord>();
  #octets = 0;

  constructor(octetsMax: number = OCTETS_MAX) {
    this.#octetsMax = octetsMax;
  }

  /** Octets held, all told. */
  get octets(): number {
    return this.#octets;
  }

  /** The record is durable. Nobody changes `content` from here on. */
  put(location: Location, message: Message, content: readonly Uint8Array[]): void {
    if (message.size > RECORD_OCTETS_MAX) return;
    const [only] = content;
    const whole =
      content.length === 1 && only !== undefined && holdsLittleElse(only) ? only : Buffer.concat(content, message.size);
    this.#records.set(nameOf(location), { message, content: whole });
    this.#octets += costOf(message);
    if (this.#octets <= this.#octetsMax) return;
    for (const [name, record] of this.#records) {
      this.#drop(name, record);
      if (this.#octets <= this.#octetsMax) return;
    }
  }

  /** One that goes to a single place is read once, and no longer held. */
  take(location: Location): RecentRecord | undefined {
    const name = nameOf(location);
    const record = this.#records.get(name);
    if (record?.message.forwardPaths.length === 1) this.#drop(name, record);
    return record;
  }

  #drop(name: string, record: RecentRecord): void {
    this.#records.delete(name);
    this.#octets -= costOf(record.message);
  }
}

/** Octets that are a small part of a large buffer would keep all of it. */
function holdsLittleElse(octets: Uint8Array): boolean {
  return octets.buffer.byteLength <= 2 * octets.length + Buffer.poolSize;
}

function costOf(message: Message): number {
  return message.size + OVERHEAD_OCTETS;
}

function nameOf({ segment, offset }: Location): string {
  return `${offset} ${segment}`;
}

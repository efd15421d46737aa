// Records that this process has just written, or read and checked, for whoever reads them next: nearly every message is
// sent within a second, and one for many places is read for each of them. What is given out are the very octets and the
// very message that were written, so there is nothing to check.
// Bounded; the oldest go first. A miss is a read from disk, so losing one costs nothing but that.
//
// The octets stand in a few slabs that are used again and again. Buffers of their own would each live long enough to be
// the collector's old ones, and it lets four times as much of those pile up outside its heap as are held.
import type { Location, Message } from '../flow/message.ts';

export interface RecentRecord {
  readonly message: Message;
  /** A copy: the caller's own. */
  readonly content: Uint8Array;
}

const SLABS = 4;
const SLAB_OCTETS = 2 * 1024 * 1024;
/** A larger record leaves room for too few others. */
const RECORD_OCTETS_MAX = 1024 * 1024;
/** What a record holds beside its octets, and for each further recipient; counted as if it stood in the slab. */
const OVERHEAD_OCTETS = 2048;
const RECIPIENT_OCTETS = 256;

interface Slab {
  readonly octets: Buffer;
  /** Content stands before this. */
  end: number;
  /** What records hold beside it, taken ones too. */
  beside: number;
  held: number;
}

interface Place {
  readonly message: Message;
  readonly slab: Slab;
  readonly at: number;
}

export class RecentRecords {
  readonly #slabOctets: number;
  /** The one that is being filled comes last; made when first needed. */
  readonly #slabs: Slab[] = [];
  /** By the record's name, oldest first. */
  readonly #records = new Map<string, Place>();

  constructor(slabOctets: number = SLAB_OCTETS) {
    this.#slabOctets = slabOctets;
  }

  /** Records held. */
  get count(): number {
    return this.#records.size;
  }

  /** The record is durable. Idempotent. */
  put(location: Location, message: Message, content: readonly Uint8Array[]): void {
    if (this.#records.has(nameOf(location))) return;
    const beside = OVERHEAD_OCTETS + RECIPIENT_OCTETS * (message.forwardPaths.length - 1);
    if (message.size > RECORD_OCTETS_MAX || message.size + beside > this.#slabOctets) return;
    const slab = this.#roomFor(message.size + beside);
    const at = slab.end;
    for (const part of content) {
      slab.octets.set(part, slab.end);
      slab.end += part.length;
    }
    slab.beside += beside;
    slab.held++;
    this.#records.set(nameOf(location), { message, slab, at });
  }

  /** One that goes to a single place is read once, and no longer held. */
  take(location: Location): RecentRecord | undefined {
    const name = nameOf(location);
    const place = this.#records.get(name);
    if (place === undefined) return undefined;
    const { message, slab, at } = place;
    const content = Buffer.from(slab.octets.subarray(at, at + message.size));
    if (message.forwardPaths.length === 1) this.#drop(name, slab);
    return { message, content };
  }

  #drop(name: string, slab: Slab): void {
    this.#records.delete(name);
    slab.held--;
    if (slab.held === 0) wipe(slab);
  }

  /** `octets`: with what it holds beside. */
  #roomFor(octets: number): Slab {
    const last = this.#slabs.at(-1);
    if (last !== undefined && last.end + last.beside + octets <= this.#slabOctets) return last;
    const next = this.#slabs.length < SLABS ? this.#newSlab() : this.#emptied();
    this.#slabs.push(next);
    return next;
  }

  #newSlab(): Slab {
    return { octets: Buffer.allocUnsafeSlow(this.#slabOctets), end: 0, beside: 0, held: 0 };
  }

  /** The oldest slab without its records: those are the oldest of all. */
  #emptied(): Slab {
    const slab = this.#slabs.shift() as Slab;
    for (const [name, place] of this.#records) {
      if (place.slab !== slab) break;
      this.#records.delete(name);
    }
    wipe(slab);
    return slab;
  }
}

function wipe(slab: Slab): void {
  slab.end = 0;
  slab.beside = 0;
  slab.held = 0;
}

function nameOf({ segment, offset }: Location): string {
  return `${offset} ${segment}`;
}

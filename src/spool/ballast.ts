// A file that only takes room. Given up when a disk is so full that the journal cannot go on: what is being delivered
// can then still be settled. Filled by `fill`, slowly: mail that comes meanwhile needs the disk more.
import type { Random } from '../base/random.ts';
import { type Disk, isFull } from './disk.ts';

const BALLAST = 'ballast';
const STEP_OCTETS = 1024 * 1024;

export class Ballast {
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #wanted: number;
  readonly #rest: () => Promise<void>;
  #octets: number;
  #filling: Promise<void> | undefined;
  /** Times it was given up: a write that was under way then is undone. */
  #given = 0;

  /** `rest`: how long between two steps of a MiB. */
  constructor(disk: Disk, random: Random, wantedOctets: number, rest: () => Promise<void>) {
    this.#disk = disk;
    this.#random = random;
    this.#wanted = wantedOctets;
    this.#rest = rest;
    this.#octets = disk.findSize(BALLAST) ?? 0;
  }

  /** What it holds now. */
  get octets(): number {
    return this.#octets;
  }

  get isFull(): boolean {
    return this.#octets >= this.#wanted;
  }

  /** Takes its room, a step at a time, while `mayTake` says so. Resolves also when the disk had less. */
  async fill(mayTake: () => boolean): Promise<void> {
    this.#filling ??= this.#fill(mayTake).finally(() => (this.#filling = undefined));
    return this.#filling;
  }

  async #fill(mayTake: () => boolean): Promise<void> {
    if (this.isFull) return;
    const given = this.#given;
    const isNew = this.#disk.findSize(BALLAST) === undefined;
    const file = isNew ? this.#disk.openNew(BALLAST) : this.#disk.openWrite(BALLAST);
    // Random, so that a file system that compresses does not see through it.
    const step = this.#random.bytes(Math.min(STEP_OCTETS, this.#wanted));
    try {
      while (!this.isFull && this.#given === given && mayTake()) {
        const piece = step.subarray(0, Math.min(step.length, this.#wanted - this.#octets));
        const written = await file.writev([piece], this.#octets);
        if (this.#given !== given) return file.truncateSync(0);
        this.#octets += written;
        // Each step by itself: all of it at once would keep the disk for seconds.
        await file.fdatasync();
        if (written < piece.length) break;
        if (!this.isFull) await this.#rest();
      }
    } catch (error) {
      if (!isFull(error)) throw error;
    } finally {
      file.close();
    }
  }

  /** Frees its room at once. False: there was none. */
  give(): boolean {
    if (this.#octets === 0) return false;
    const file = this.#disk.openWrite(BALLAST);
    try {
      file.truncateSync(0);
    } finally {
      file.close();
    }
    this.#octets = 0;
    this.#given++;
    return true;
  }
}

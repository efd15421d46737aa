// How much of the file system stays free: what is still needed when nothing new is taken any more. Scales with it.
import type { Clock } from '../base/clock.ts';
import type { Disk, DiskSpace } from './disk.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const RESERVE_OCTETS_MAX = 2 * GIB;
const SEGMENT_OCTETS_MAX = 64 * MIB;
/** statfs is a system call; under load it is asked at most ten times a second. */
const SPACE_AGE_MS_MAX = 100;

export interface SpoolSizes {
  /** Below this many free octets, the ballast counted as free, nothing new is taken. */
  readonly reserveOctets: number;
  readonly reserveInodes: number;
  readonly ballastOctets: number;
  readonly segmentOctets: number;
}

/** 10 % of the file system, at most 2 GiB; 5 % of the inodes; a quarter of it ballast. */
export function sizesFor(space: DiskSpace): SpoolSizes {
  const reserveOctets = Math.min(Math.floor(space.octets / 10), RESERVE_OCTETS_MAX);
  return {
    reserveOctets,
    reserveInodes: Math.floor(space.inodes / 20),
    ballastOctets: Math.floor(reserveOctets / 4),
    segmentOctets: Math.min(Math.floor(space.octets / 16), SEGMENT_OCTETS_MAX),
  };
}

export class Reserve {
  readonly sizes: SpoolSizes;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #ballast: () => number;
  #askedAt = -Infinity;
  #isReached = false;

  /** `ballast`: octets it holds now. */
  constructor(disk: Disk, clock: Clock, ballast: () => number = () => 0) {
    this.#disk = disk;
    this.#clock = clock;
    this.#ballast = ballast;
    this.sizes = sizesFor(disk.space());
  }

  /** True when nothing new may be taken. At most 100 ms old. */
  isReached(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#askedAt >= SPACE_AGE_MS_MAX) {
      this.#askedAt = now;
      const { octetsFree, inodesFree } = this.#disk.space();
      this.#isReached =
        octetsFree + this.#ballast() < this.sizes.reserveOctets || inodesFree < this.sizes.reserveInodes;
    }
    return this.#isReached;
  }

  /** Asks anew the next time: something was freed or filled. */
  forget(): void {
    this.#askedAt = -Infinity;
  }
}

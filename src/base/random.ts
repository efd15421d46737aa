// Chance as an argument. The only file that draws random numbers.
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). For jitter and shuffles, not for secrets. */
  next(): number;
  /** `length` octets that cannot be guessed: ids, salts, keys. */
  bytes(length: number): Uint8Array;
}

/** Drawn in one go: for the 16 octets of an id the call itself costs more than the octets. */
const POOL_OCTETS = 4096;
let pool = new Uint8Array(0);
let used = 0;

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes(length) {
    if (length > POOL_OCTETS / 16) return randomFillSync(new Uint8Array(length));
    if (used + length > pool.length) {
      pool = randomFillSync(new Uint8Array(POOL_OCTETS));
      used = 0;
    }
    const given = pool.slice(used, used + length);
    // Nobody finds here what was given away.
    pool.fill(0, used, used + length);
    used += length;
    return given;
  },
};

/** The same numbers for the same seed (mulberry32): simulations and tests, never ids of a real relay. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)) };
}

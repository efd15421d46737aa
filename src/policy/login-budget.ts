// How often somebody may try a password: per address and per user, over all processes. Told the time, bounded, no I/O.
// A check is charged before the password is hashed, so that many at once cannot pass the limit; a success gives its
// charge back. Charges in flight never lock: then the answer is 'wait' until one of them ends.

export interface LoginLimits {
  /** Failures within `windowMs` that lock an address. */
  readonly failuresPerAddress: number;
  readonly failuresPerUser: number;
  readonly windowMs: number;
  readonly lockMs: number;
  /** From this failure of an address on, the next try must wait: 1 s, then twice as long each time. */
  readonly slowDownFrom: number;
  readonly slowDownMaxMs: number;
  /** Addresses and users remembered; of more the longest untouched is forgotten. */
  readonly remembered: number;
}

export const DEFAULT_LOGIN_LIMITS: LoginLimits = {
  failuresPerAddress: 10,
  failuresPerUser: 20,
  windowMs: 10 * 60_000,
  lockMs: 15 * 60_000,
  slowDownFrom: 3,
  slowDownMaxMs: 30_000,
  remembered: 100_000,
};

/** A check whose end is never told (its process died) counts as failed after so long. */
const CHECK_MS_MAX = 60_000;

interface Record {
  /** Instants of failures within the window, oldest first; at most the limit. */
  failures: number[];
  /** Instants at which checks in flight began. */
  checks: number[];
  lockedUntil: number;
}

export type LoginAnswer =
  | { readonly answer: 'yes' }
  | { readonly answer: 'wait' }
  | { readonly answer: 'no'; readonly why: 'locked' | 'slow-down'; readonly retryMs: number };

const YES: LoginAnswer = { answer: 'yes' };
const WAIT: LoginAnswer = { answer: 'wait' };

export class LoginBudget {
  #limits: LoginLimits;
  readonly #addresses = new Map<string, Record>();
  readonly #users = new Map<string, Record>();

  constructor(limits: LoginLimits) {
    this.#limits = limits;
  }

  setLimits(limits: LoginLimits): void {
    this.#limits = limits;
  }

  /** `now`: monotonic. 'yes' charges both; anything else charges nothing. */
  ask(address: string, user: string, now: number): LoginAnswer {
    const limits = this.#limits;
    const byAddress = this.#record(this.#addresses, network(address), now);
    const byUser = this.#record(this.#users, user, now);
    const lockedUntil = Math.max(byAddress.lockedUntil, byUser.lockedUntil);
    if (lockedUntil > now) return { answer: 'no', why: 'locked', retryMs: Math.ceil(lockedUntil - now) };
    const wait = slowDownMs(byAddress.failures, limits, now);
    if (wait > 0) return { answer: 'no', why: 'slow-down', retryMs: Math.ceil(wait) };
    if (byAddress.failures.length + byAddress.checks.length >= limits.failuresPerAddress) return WAIT;
    if (byUser.failures.length + byUser.checks.length >= limits.failuresPerUser) return WAIT;
    byAddress.checks.push(now);
    byUser.checks.push(now);
    return YES;
  }

  /** What was locked by this result. */
  result(address: string, user: string, ok: boolean, now: number): readonly ('address' | 'user')[] {
    const locked: ('address' | 'user')[] = [];
    const byAddress = this.#record(this.#addresses, network(address), now);
    const byUser = this.#record(this.#users, user, now);
    byAddress.checks.shift();
    byUser.checks.shift();
    if (ok) return locked;
    if (this.#fail(byAddress, this.#limits.failuresPerAddress, now)) locked.push('address');
    if (this.#fail(byUser, this.#limits.failuresPerUser, now)) locked.push('user');
    return locked;
  }

  #fail(record: Record, failuresMax: number, now: number): boolean {
    record.failures.push(now);
    if (record.failures.length < failuresMax) return false;
    record.failures = [];
    record.lockedUntil = now + this.#limits.lockMs;
    return true;
  }

  /** Found or made, cleaned of what is past, and moved to the end of the map: the first is the longest untouched. */
  #record(records: Map<string, Record>, key: string, now: number): Record {
    let record = records.get(key);
    if (record === undefined) {
      if (records.size >= this.#limits.remembered) records.delete(records.keys().next().value as string);
      record = { failures: [], checks: [], lockedUntil: 0 };
    } else {
      records.delete(key);
      while (record.checks.length > 0 && record.checks[0]! + CHECK_MS_MAX <= now) {
        record.failures.push(record.checks.shift()! + CHECK_MS_MAX);
      }
      const since = now - this.#limits.windowMs;
      if (record.failures.length > 0 && record.failures[0]! <= since) {
        record.failures = record.failures.filter((at) => at > since);
      }
    }
    records.set(key, record);
    return record;
  }
}

function slowDownMs(failures: readonly number[], limits: LoginLimits, now: number): number {
  const over = failures.length - limits.slowDownFrom;
  const last = failures[failures.length - 1];
  if (over < 0 || last === undefined) return 0;
  return last + Math.min(limits.slowDownMaxMs, 1000 * 2 ** over) - now;
}

/** One host of IPv6 has a whole /64 of addresses. */
function network(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = ''] = address.split('::');
  const groups = head.split(':');
  while (groups.length < 4) groups.push('0');
  return groups.slice(0, 4).join(':');
}

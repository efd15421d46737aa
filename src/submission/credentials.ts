// Is this the user's password? One hash at a time in this process, a bounded number waiting, and the budget of
// failures charged before hashing, so that nobody can make us hash more than the scheduler allows. Unknown user and
// wrong password take the same way. Passwords are never kept: the memory of verified logins holds keyed HMACs.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { type Intake, IntakeAway } from '../flow/intake.ts';
import { mayComeFrom } from './rights.ts';
import type { User, Users } from './users.ts';

export type Verify = (hash: string, password: string) => Promise<boolean>;

export type LoginResult =
  | { readonly login: 'ok'; readonly user: User; readonly cached: boolean }
  | { readonly login: 'wrong' }
  /** Too many checks wait. */
  | { readonly login: 'busy' }
  /** The scheduler says: not now. */
  | { readonly login: 'limited' }
  | { readonly login: 'away' };

interface Verified {
  readonly mac: Buffer;
  /** Monotonic ms. */
  readonly until: number;
}

const VERIFIED_MS = 10 * 60_000;
const VERIFIED_MAX = 10_000;
/** Longer names and passwords are nobody's; argon2 itself would take 4 GB. */
const NAME_MAX = 256;
const PASSWORD_MAX = 1024;
/** A slowed-down login waits this long at most; the session costs memory meanwhile. */
const SLOW_DOWN_MS_MAX = 10_000;

export class Credentials {
  readonly #clock: Clock;
  readonly #intake: Intake;
  readonly #users: () => Users;
  readonly #verify: Verify;
  readonly #macKey: Uint8Array;
  readonly #verified = new Map<string, Verified>();
  #waitingMax: number;
  /** Asked or waiting, without the one in flight. */
  #waiting = 0;
  #inFlight = 0;
  readonly #queue: (() => void)[] = [];

  constructor(
    deps: { clock: Clock; random: Random; intake: Intake; users: () => Users; verify: Verify },
    waitingMax: number,
  ) {
    this.#clock = deps.clock;
    this.#intake = deps.intake;
    this.#users = deps.users;
    this.#verify = deps.verify;
    this.#macKey = deps.random.bytes(32);
    this.#waitingMax = waitingMax;
  }

  set waitingMax(value: number) {
    this.#waitingMax = value;
  }

  /** Never rejects. `address`: of the client. */
  async login(address: string, name: string, password: string): Promise<LoginResult> {
    if (name === '' || name.length > NAME_MAX || password.length > PASSWORD_MAX) return { login: 'wrong' };
    const found = this.#users().find(name);
    const user = found?.hash !== undefined && mayComeFrom(found, address) ? found : undefined;
    const cacheKey = `${address}\0${name}`;
    const mac = this.#mac(name, password, user?.hash ?? '');
    if (user !== undefined && this.#isVerified(cacheKey, mac)) return { login: 'ok', user, cached: true };
    if (this.#waiting + this.#inFlight > this.#waitingMax) return { login: 'busy' };
    const hash = user?.hash ?? this.#users().decoyHash;
    const passed = await this.#check(address, name, hash, password, user !== undefined);
    if (typeof passed !== 'boolean') return passed;
    if (!passed || user === undefined) return { login: 'wrong' };
    this.#remember(cacheKey, mac);
    return { login: 'ok', user, cached: false };
  }

  async #check(
    address: string,
    user: string,
    hash: string,
    password: string,
    isKnown: boolean,
  ): Promise<boolean | LoginResult> {
    // The place is taken before the question, so that not even questions pile up.
    this.#waiting++;
    let allowed: boolean;
    try {
      const answer = await this.#intake.ask({ ask: 'login', address, user });
      allowed = answer.answer !== 'no';
      if (answer.answer === 'no' && answer.why === 'slow-down') {
        const { retryMs = 0 } = answer;
        this.#waiting--;
        await new Promise<void>((resolve) => this.#clock.after(Math.min(retryMs, SLOW_DOWN_MS_MAX), resolve));
        this.#waiting++;
      }
    } catch (error) {
      this.#waiting--;
      if (error instanceof IntakeAway) return { login: 'away' };
      throw error;
    }
    if (!allowed) {
      this.#waiting--;
      return { login: 'limited' };
    }
    await this.#turn();
    const ok = await this.#hash(hash, password);
    const passed = ok && isKnown;
    this.#intake.ask({ ask: 'login-result', address, user, ok: passed }).catch(() => {
      // The scheduler went away: the charge stays, which errs on the safe side.
    });
    return passed;
  }

  /** Resolves when it is our turn; then we are the one in flight. */
  async #turn(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#inFlight++;
    this.#waiting--;
  }

  /** A hash that cannot be read fits nothing. */
  async #hash(hash: string, password: string): Promise<boolean> {
    try {
      return await this.#verify(hash, password);
    } catch {
      return false;
    } finally {
      const next = this.#queue.shift();
      // The flight is handed over, never free in between.
      if (next === undefined) this.#inFlight--;
      else next();
    }
  }

  #mac(name: string, password: string, hash: string): Buffer {
    const mac = createHmac('sha256', this.#macKey);
    for (const part of [name, password, hash]) mac.update(`${Buffer.byteLength(part)}:${part}`);
    return mac.digest();
  }

  /**
   * One entry for each address and user: a right password is only known where it was used, and one wrong guess there
   * forgets it. So a lock of the user stops guesses from elsewhere and not the application itself.
   */
  #isVerified(key: string, mac: Buffer): boolean {
    const entry = this.#verified.get(key);
    if (entry === undefined) return false;
    if (entry.until > this.#clock.monotonic() && timingSafeEqual(entry.mac, mac)) return true;
    this.#verified.delete(key);
    return false;
  }

  #remember(key: string, mac: Buffer): void {
    this.#verified.delete(key);
    if (this.#verified.size >= VERIFIED_MAX) {
      for (const oldest of this.#verified.keys()) {
        this.#verified.delete(oldest);
        break;
      }
    }
    this.#verified.set(key, { mac, until: this.#clock.monotonic() + VERIFIED_MS });
  }
}

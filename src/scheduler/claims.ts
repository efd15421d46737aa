// Idempotency keys in use (DESIGN section 3). Done ones are the spool's; those whose transaction is still open are here,
// each with its holder: a claim ends with the record, the session, or the dead process's read tail.
import type { Answer, ClaimQuestion, ReleaseQuestion } from '../flow/intake.ts';
import type { Spool } from '../flow/spool.ts';

interface Claim {
  readonly digest: string;
  readonly holder: string;
}

const YES: Answer = { answer: 'yes' };

export class Claims {
  readonly #spool: Spool;
  readonly #open = new Map<string, Claim>();

  constructor(spool: Spool) {
    this.#spool = spool;
  }

  get open(): number {
    return this.#open.size;
  }

  ask({ user, key, digest, holder }: ClaimQuestion): Answer {
    const done = this.#spool.claim(user, key);
    if (done !== undefined) {
      return done.digest === digest ? { answer: 'done', messageId: done.messageId } : { answer: 'other-envelope' };
    }
    const name = nameOf(user, key);
    const claim = this.#open.get(name);
    // A session has one transaction at a time: if it asks again, the one before is over.
    if (claim !== undefined && claim.holder !== holder) return { answer: 'busy' };
    this.#open.set(name, { digest, holder });
    return YES;
  }

  release({ user, key, holder }: ReleaseQuestion): void {
    const name = nameOf(user, key);
    if (this.#open.get(name)?.holder === holder) this.#open.delete(name);
  }

  /** The record is there: the spool answers from now on. */
  done(user: string, key: string): void {
    this.#open.delete(nameOf(user, key));
  }

  /** A process ended and its tail was read. */
  releaseAll(holderPrefix: string): void {
    for (const [name, claim] of this.#open) if (claim.holder.startsWith(holderPrefix)) this.#open.delete(name);
  }
}

function nameOf(user: string, key: string): string {
  return `${user}\0${key}`;
}

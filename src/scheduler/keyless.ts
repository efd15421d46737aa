// From domains that have no key: their mail is signed by the operator's domain alone, which no receiver can align with
// what its reader sees. Counted since the start, for the eyes of an operator.
import type { Message } from '../flow/message.ts';
import type { KeylessDomain } from '../flow/operations.ts';

/** A bound of memory: domains beyond it are counted together. */
const DOMAINS_MAX = 1000;
const OTHERS = 'others';

export class Keyless {
  readonly #messages = new Map<string, number>();

  /** `message` was signed by the operator's domain alone. */
  saw({ fromDomain }: Pick<Message, 'fromDomain'>): void {
    const wanted = fromDomain ?? 'no From';
    const domain = this.#messages.has(wanted) || this.#messages.size < DOMAINS_MAX ? wanted : OTHERS;
    this.#messages.set(domain, (this.#messages.get(domain) ?? 0) + 1);
  }

  /** Those with most mail first. */
  most(domainsMax: number): readonly KeylessDomain[] {
    return Array.from(this.#messages, ([domain, messages]) => ({ domain, messages }))
      .sort((a, b) => b.messages - a.messages || (a.domain < b.domain ? -1 : 1))
      .slice(0, domainsMax);
  }
}

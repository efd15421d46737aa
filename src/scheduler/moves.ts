// What an operator has moved to another pool: state keys, looked at when mail is given its pool, so that moving a million
// messages is one record and nothing of them is rewritten. `move/campaign/TENANT/NAME`, `move/tenant/NAME`,
// `move/stream/NAME`, each with the name of a pool; of several the first in this order counts.
import type { QueueName, Spool } from '../flow/spool.ts';

export const MOVE = 'move/';

export class Moves {
  readonly #pools = new Map<string, string>();

  load(spool: Spool): void {
    for (const { key, value } of spool.states(MOVE)) {
      if (typeof value === 'string') this.#pools.set(key.slice(MOVE.length), value);
    }
  }

  /** undefined: nobody has moved it. */
  poolOf(queue: QueueName): string | undefined {
    if (this.#pools.size === 0) return undefined;
    const { tenant, campaign, stream } = queue;
    return (
      this.#pools.get(`campaign/${tenant}/${campaign}`) ??
      this.#pools.get(`tenant/${tenant}`) ??
      this.#pools.get(`stream/${stream}`)
    );
  }

  set(mark: string, pool: string): void {
    this.#pools.set(mark, pool);
  }

  /** False: it was not moved. */
  end(mark: string): boolean {
    return this.#pools.delete(mark);
  }

  /** Pool of this very mark. */
  find(mark: string): string | undefined {
    return this.#pools.get(mark);
  }

  get all(): readonly { readonly mark: string; readonly pool: string }[] {
    return [...this.#pools].map(([mark, pool]) => ({ mark, pool })).toSorted((a, b) => (a.mark < b.mark ? -1 : 1));
  }
}

/** Is this queue's mail what a mark of this form names? */
export function isOf({ tenant, campaign, stream }: QueueName, mark: string): boolean {
  return mark === `tenant/${tenant}` || mark === `stream/${stream}` || mark === `campaign/${tenant}/${campaign}`;
}

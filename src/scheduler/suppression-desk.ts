// What an operator does to the suppression list: synced before the answer, refused while the disk is at its reserve.
import type { Operations, SuppressAnswer } from '../flow/operations.ts';
import type { Spool } from '../flow/spool.ts';
import type { Suppression, SuppressionScope } from '../flow/suppression.ts';
import type { Recorder } from './recorder.ts';
import type { Suppressions } from './suppressions.ts';

export interface SuppressionDeskDeps {
  readonly spool: Spool;
  readonly suppressions: Suppressions;
  readonly recorder: Recorder;
}

export class SuppressionDesk implements Pick<Operations, 'suppress' | 'unsuppress'> {
  readonly #deps: SuppressionDeskDeps;

  constructor(deps: SuppressionDeskDeps) {
    this.#deps = deps;
  }

  suppress = async (entries: readonly Suppression[], by: string): Promise<SuppressAnswer> => {
    const { spool, suppressions, recorder } = this.#deps;
    if (spool.atReserve()) return { added: 0, kept: 0, unreadable: 0, salt: '', isFull: true };
    const { salt, events: first } = suppressions.salt();
    const readable = entries.filter(({ address }) => suppressions.isReadable(address));
    const { events, added } = suppressions.add(readable, by);
    recorder.write([...first, ...events]);
    await this.#synced();
    return { added, kept: readable.length - added, unreadable: entries.length - readable.length, salt };
  };

  unsuppress = async (address: string, scope: SuppressionScope | undefined, by: string): Promise<number> => {
    const { events, removed } = this.#deps.suppressions.remove(address, scope, by);
    this.#deps.recorder.write(events);
    await this.#synced();
    return removed;
  };

  #synced(): Promise<void> {
    return new Promise((resolve) => this.#deps.recorder.afterSync(resolve));
  }
}

// What egress processes are to be told at the end of the turn: their reports are written, the refusals of their sessions
// taken in. Until then they keep the reports and begin nothing more on lanes that were refused.
import type { TakenId } from '../flow/attempt.ts';
import type { Egresses } from './egresses.ts';
import type { Egress } from './lane.ts';

export class Acknowledgements {
  readonly #taken = new Map<Egress, TakenId[]>();

  add(egress: Egress, id: TakenId): void {
    const taken = this.#taken.get(egress);
    if (taken === undefined) this.#taken.set(egress, [id]);
    else taken.push(id);
  }

  /** The process ended. */
  drop(egress: Egress): void {
    this.#taken.delete(egress);
  }

  /** After the turn's events are written, and all that follows from them is ordered. */
  send(egresses: Egresses): void {
    for (const [egress, taken] of this.#taken) if (egresses.isAttached(egress)) egress.commands.acknowledge(taken);
    this.#taken.clear();
  }
}

// Dues in their order: due instant, message id, index. A sorted array: what comes is nearly always last, what goes is
// nearly always first, and both are cheap there.
import type { Due } from '../flow/spool.ts';

export function compareDues(a: Due, b: Due): number {
  if (a.dueAt !== b.dueAt) return a.dueAt - b.dueAt;
  if (a.messageId !== b.messageId) return a.messageId < b.messageId ? -1 : 1;
  return a.index - b.index;
}

export class DueOrder {
  readonly #sorted: Due[] = [];

  get size(): number {
    return this.#sorted.length;
  }

  get first(): Due | undefined {
    return this.#sorted[0];
  }

  /** One already there is not doubled. */
  insert(due: Due): void {
    const last = this.#sorted[this.#sorted.length - 1];
    if (last === undefined || compareDues(last, due) < 0) {
      this.#sorted.push(due);
      return;
    }
    const at = this.#position(due);
    const found = this.#sorted[at];
    if (found === undefined || compareDues(found, due) !== 0) this.#sorted.splice(at, 0, due);
  }

  /** False when it was not there. */
  remove(due: Due): boolean {
    const at = this.#position(due);
    const found = this.#sorted[at];
    if (found === undefined || compareDues(found, due) !== 0) return false;
    if (at === 0) this.#sorted.shift();
    else this.#sorted.splice(at, 1);
    return true;
  }

  /** At most `limit`, strictly after `after` when given. */
  slice(limit: number, after?: Due): readonly Due[] {
    const from = after === undefined ? 0 : this.#after(after);
    return this.#sorted.slice(from, from + limit);
  }

  /** First position whose due is not before `due`. */
  #position(due: Due): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareDues(this.#sorted[middle] as Due, due) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #after(due: Due): number {
    const at = this.#position(due);
    const found = this.#sorted[at];
    return found !== undefined && compareDues(found, due) === 0 ? at + 1 : at;
  }
}

// Destinations that wait for the room of a meter: those with the most urgent mail first, of the same in order.
import type { Destination } from './destination.ts';

export class WaitingLine {
  /** By priority of what they have ready. */
  readonly #waiting = new Map<number, Set<Destination>>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  add(destination: Destination, priority: number): void {
    let same = this.#waiting.get(priority);
    if (same === undefined) this.#waiting.set(priority, (same = new Set()));
    same.add(destination);
  }

  /** Who is next, and waits no longer. */
  next(): Destination | undefined {
    let best = -Infinity;
    for (const priority of this.#waiting.keys()) if (priority > best) best = priority;
    const same = this.#waiting.get(best);
    const [first] = same ?? [];
    if (same === undefined || first === undefined) return undefined;
    same.delete(first);
    if (same.size === 0) this.#waiting.delete(best);
    return first;
  }
}

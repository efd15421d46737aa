// What warm-up must know of mail that waits: how much there is for each provider, and who is looked at when a budget has
// room again.
import type { Spool } from '../flow/spool.ts';
import { IN_ALL, OTHER } from '../flow/warmup.ts';
import type { Destination } from './destination.ts';
import type { Destinations } from './destinations.ts';
import type { Queues } from './queues.ts';

/** Deliveries by provider. */
export function waitingByProvider(spool: Spool, queues: Queues): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { queue, waiting } of spool.queues()) {
    const provider = queues.find(queue)?.binding.domain.provider ?? OTHER;
    found.set(provider, (found.get(provider) ?? 0) + waiting);
  }
  return found;
}

/** Destinations of one budget take turns: the first that is looked at is the one behind whoever was granted last. */
export class Rousing {
  readonly #destinations: Destinations;
  readonly #dirty: (destination: Destination) => void;
  /** By provider. */
  readonly #last = new Map<string, Destination>();

  constructor(destinations: Destinations, dirty: (destination: Destination) => void) {
    this.#destinations = destinations;
    this.#dirty = dirty;
  }

  rouse(provider: string): void {
    const last = this.#last.get(provider);
    const until: Destination[] = [];
    const behind: Destination[] = [];
    let isBehind = false;
    for (const destination of this.#destinations.all) {
      const isOfIt = provider === IN_ALL || (destination.provider ?? OTHER) === provider;
      if (isOfIt && destination.hasReady) (isBehind ? behind : until).push(destination);
      if (destination === last) isBehind = true;
    }
    for (const destination of [...behind, ...until]) {
      destination.rousedAll();
      this.#dirty(destination);
    }
  }

  granted(destination: Destination): void {
    this.#last.set(destination.provider ?? OTHER, destination);
    this.#last.set(IN_ALL, destination);
  }
}

// Greylisting servers let in whom they have refused before: the same address, a few minutes later. So a delivery that was
// greylisted remembers its source, and goes by it again when that has room; from another one it would begin anew. The only
// delivery that belongs to a source at all, and not for long. In memory: after a restart it is greylisted once more.
import type { OutcomeEvent } from '../flow/event.ts';
import type { Pulled } from './pulling.ts';

/** 10 MB. Of more the ones refused longest ago are forgotten. */
const KEPT_MAX = 100_000;
const GREYLIST = 'retry greylist';

export class Greylisted {
  readonly #keptMax: number;
  /** Name of the source by delivery, refused longest ago first. */
  readonly #sources = new Map<string, string>();

  constructor(keptMax = KEPT_MAX) {
    this.#keptMax = keptMax;
  }

  /** Each outcome, once it is written. */
  follow({ messageId, index, outcome, actions, source }: OutcomeEvent): void {
    const isGreylisted = outcome === 'deferred' && source !== undefined && actions?.includes(GREYLIST) === true;
    if (!isGreylisted && this.#sources.size === 0) return;
    const key = keyOf(messageId, index);
    this.#sources.delete(key);
    if (!isGreylisted) return;
    if (this.#sources.size >= this.#keptMax) this.#sources.delete(this.#sources.keys().next().value as string);
    this.#sources.set(key, source);
  }

  /** By which source this goes if it can. Of several deliveries one decides: they were refused together. */
  sourceOf({ queued, indexes }: Pulled): string | undefined {
    if (this.#sources.size === 0) return undefined;
    return this.#sources.get(keyOf(queued.message.id, indexes[0] ?? 0));
  }
}

function keyOf(messageId: string, index: number): string {
  return `${messageId}/${index}`;
}

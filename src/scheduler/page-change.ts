// Changes to pages on their way to the journal: each page is read once, changed in memory, and becomes one state event,
// whole, so that replaying it twice is the same as once.
import type { StateEvent } from '../flow/event.ts';
import type { AddressPages, OfAddress } from './address-pages.ts';

export class PageChange<T extends OfAddress> {
  readonly #pages: AddressPages<T>;
  readonly #changed = new Map<number, { readonly entries: readonly T[]; readonly by: string }>();

  constructor(pages: AddressPages<T>) {
    this.#pages = pages;
  }

  /** As changed so far. undefined: cannot be read. */
  entries(page: number): readonly T[] | undefined {
    return this.#changed.get(page)?.entries ?? this.#pages.read(page);
  }

  set(page: number, entries: readonly T[], by: string): void {
    this.#changed.set(page, { entries, by });
    this.#pages.changed(page, entries);
  }

  finish(at: number): readonly StateEvent[] {
    const { key, encode } = this.#pages.form;
    return Array.from(this.#changed, ([page, { entries, by }]): StateEvent => {
      const value = encode(entries);
      return { type: 'state', at, key: key(page), by, ...(value === undefined ? {} : { value }) };
    });
  }
}

// Pages of what is known of addresses, as they stand among the spool's states: each address has its page by a salted
// hash, and prints in memory tell nearly always, without reading anything, that a page has nothing of an address.
import type { Spool } from '../flow/spool.ts';
import { placeOf } from '../policy/suppression-page.ts';

export interface OfAddress {
  readonly address: string;
}

export interface AddressPagesForm<T extends OfAddress> {
  readonly key: (page: number) => string;
  /** undefined: damaged. */
  readonly decode: (value: unknown) => readonly T[] | undefined;
  /** undefined: an empty page is none. */
  readonly encode: (entries: readonly T[]) => unknown;
}

const NO_PRINTS = new Uint32Array(0);

export class AddressPages<T extends OfAddress> {
  readonly form: AddressPagesForm<T>;
  readonly #spool: Spool;
  readonly #onDamage: (key: string) => void;
  /** By page, as far as it was asked for: the prints of its addresses. 4 octets for each entry. */
  readonly #prints: (Uint32Array | undefined)[] = [];
  /** Of the spool; '' until there has ever been an entry. */
  salt = '';

  /** `onDamage` is told the key of a page that cannot be read. */
  constructor(spool: Spool, form: AddressPagesForm<T>, onDamage: (key: string) => void) {
    this.#spool = spool;
    this.form = form;
    this.#onDamage = onDamage;
  }

  place(address: string): number {
    return placeOf(address, this.salt).page;
  }

  /** The page that has, most probably, something of this address. */
  pageWith(address: string): number | undefined {
    const { page, print } = placeOf(address, this.salt);
    return this.#printsOf(page).includes(print) ? page : undefined;
  }

  /** undefined: damaged. */
  read(page: number): readonly T[] | undefined {
    const key = this.form.key(page);
    const entries = this.form.decode(this.#spool.state(key));
    if (entries === undefined) this.#onDamage(key);
    return entries;
  }

  isEmpty(page: number): boolean {
    return this.#printsOf(page).length === 0;
  }

  /** A page is about to be written so. */
  changed(page: number, entries: readonly T[]): void {
    this.#prints[page] = this.#printsFor(entries);
  }

  #printsOf(page: number): Uint32Array {
    const known = this.#prints[page];
    if (known !== undefined) return known;
    const entries = this.read(page);
    // What is damaged is looked at again each time, so that its alarm comes back every day.
    if (entries === undefined) return NO_PRINTS;
    const prints = this.#printsFor(entries);
    this.#prints[page] = prints;
    return prints;
  }

  #printsFor(entries: readonly T[]): Uint32Array {
    if (entries.length === 0) return NO_PRINTS;
    return Uint32Array.from(entries, ({ address }) => placeOf(address, this.salt).print);
  }
}

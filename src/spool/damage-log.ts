// Damaged places found while a file is scanned, until it is known what they are: with a later record which says that
// they had been synced they were promised mail; without one they may be the remains of a write that was cut off.

export interface Damage {
  readonly item: 'damaged';
  readonly file: string;
  readonly from: number;
  readonly to: number;
  /** It had been durable once: something that was promised is gone. */
  readonly wasSynced: boolean;
}

export class DamageLog {
  readonly #file: string;
  #open: { readonly from: number; readonly to: number }[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  add(from: number, to: number): void {
    this.#open.push({ from, to });
  }

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }

  /** What a record that was written after `syncedTo` octets were durable proves. */
  proven(syncedTo: number): readonly Damage[] {
    const proven = this.#open.filter(({ from }) => from < syncedTo);
    this.#open = this.#open.filter(({ from }) => from >= syncedTo);
    return proven.map((place) => ({ item: 'damaged', file: this.#file, ...place, wasSynced: true }));
  }

  rest(): readonly Damage[] {
    const rest = this.#open;
    this.#open = [];
    return rest.map((place) => ({ item: 'damaged', file: this.#file, ...place, wasSynced: false }));
  }
}

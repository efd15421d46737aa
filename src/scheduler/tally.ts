// What became of deliveries, counted by provider, and by routing domain where nobody knows a provider: for whoever watches.
// Bounded: of names that are not heard of any more the count is forgotten.
import type { OutcomeEvent } from '../flow/event.ts';

export interface Tallied {
  delivered: number;
  deferred: number;
  /** Every other end. */
  failed: number;
  /** Of the last that was no success: reply or error in one line. */
  lastTrouble: string | undefined;
  isProvider: boolean;
}

/** Names of one generation; at most twice as many are kept. */
const NAMES_MAX = 1000;

export class Tally {
  readonly #namesMax: number;
  #young = new Map<string, Tallied>();
  #old = new Map<string, Tallied>();

  constructor(namesMax = NAMES_MAX) {
    this.#namesMax = namesMax;
  }

  /** Once for each outcome that was written: must be cheap. */
  note(event: OutcomeEvent): void {
    const tallied = this.#of(event.provider ?? event.domain, event.provider !== undefined);
    if (event.outcome === 'delivered') tallied.delivered++;
    else {
      if (event.outcome === 'deferred') tallied.deferred++;
      else tallied.failed++;
      tallied.lastTrouble = troubleOf(event) ?? tallied.lastTrouble;
    }
  }

  find(name: string): Tallied | undefined {
    return this.#young.get(name) ?? this.#old.get(name);
  }

  names(): Iterable<string> {
    return new Set([...this.#young.keys(), ...this.#old.keys()]);
  }

  #of(name: string, isProvider: boolean): Tallied {
    const known = this.#young.get(name);
    if (known !== undefined) return known;
    // Heard of again: it goes on with its count.
    const tallied = this.#old.get(name) ?? { delivered: 0, deferred: 0, failed: 0, lastTrouble: undefined, isProvider };
    if (this.#young.size >= this.#namesMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, tallied);
    return tallied;
  }
}

const TROUBLE_CHARS_MAX = 120;

function troubleOf({ reply, error }: OutcomeEvent): string | undefined {
  if (reply !== undefined) {
    const enhanced = reply.enhanced === undefined ? '' : `${reply.enhanced} `;
    return `${reply.code} ${enhanced}${reply.lines[0] ?? ''}`.slice(0, TROUBLE_CHARS_MAX);
  }
  return error === undefined ? undefined : `${error.kind}: ${error.text}`.slice(0, TROUBLE_CHARS_MAX);
}

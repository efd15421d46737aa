// Finds which of many text fragments occur in a text, in one pass over it whatever their number: the automaton of Aho and
// Corasick (1975) with every transition written out. Built once for a rule set.

/** Class of characters that no fragment has. */
const OTHER = 0;

export class FragmentIndex {
  /** Class of each character that a fragment has, from 1. */
  readonly #classes = new Map<number, number>();
  /** The same for ASCII, where nearly all text is. */
  readonly #ascii = new Uint16Array(128);
  readonly #width: number;
  /** `state * width + class` → state. State 0 is the beginning. */
  readonly #next: Uint32Array;
  /** Fragment that ends in a state, or -1. */
  readonly #ends: Int32Array;
  /** Longest proper suffix of a state in which a fragment ends; 0: none. */
  readonly #shorter: Uint32Array;
  readonly #seen: Uint32Array;
  #stamp = 0;

  /** Fragments are numbered as they stand; none is empty, none occurs twice. */
  constructor(fragments: readonly string[]) {
    const states = 1 + fragments.reduce((sum, fragment) => sum + fragment.length, 0);
    for (const fragment of fragments) for (let i = 0; i < fragment.length; i++) this.#learn(fragment.charCodeAt(i));
    this.#width = this.#classes.size + 1;
    this.#ends = new Int32Array(states).fill(-1);
    this.#shorter = new Uint32Array(states);
    this.#seen = new Uint32Array(fragments.length);
    const tree = new Uint32Array(states * this.#width);
    const used = this.#plant(fragments, tree);
    this.#link(tree, used);
    this.#next = tree.slice(0, used * this.#width);
  }

  /** Calls `found` once for each fragment that occurs. Not to be called from within `found`. */
  scan(text: string, found: (fragment: number) => void): void {
    const next = this.#next;
    const ends = this.#ends;
    const stamp = ++this.#stamp;
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      const kind = code < 128 ? (this.#ascii[code] as number) : (this.#classes.get(code) ?? OTHER);
      state = next[state * this.#width + kind] as number;
      let at = ends[state] === -1 ? (this.#shorter[state] as number) : state;
      while (at !== 0) {
        const fragment = ends[at] as number;
        // Its shorter ones were told with it.
        if (this.#seen[fragment] === stamp) break;
        this.#seen[fragment] = stamp;
        found(fragment);
        at = this.#shorter[at] as number;
      }
    }
  }

  #learn(code: number): void {
    if (this.#classes.has(code)) return;
    const kind = this.#classes.size + 1;
    this.#classes.set(code, kind);
    if (code < 128) this.#ascii[code] = kind;
  }

  /** The fragments as a tree; how many states it has. */
  #plant(fragments: readonly string[], tree: Uint32Array): number {
    let used = 1;
    for (const [number, fragment] of fragments.entries()) {
      let state = 0;
      for (let i = 0; i < fragment.length; i++) {
        const edge = state * this.#width + (this.#classes.get(fragment.charCodeAt(i)) ?? OTHER);
        if (tree[edge] === 0) tree[edge] = used++;
        state = tree[edge] as number;
      }
      this.#ends[state] = number;
    }
    return used;
  }

  /** Where no edge leads on, the longest suffix goes on: level by level, so that it is complete before it is needed. */
  #link(tree: Uint32Array, used: number): void {
    const suffix = new Uint32Array(used);
    const queue = new Uint32Array(used);
    let filled = 1;
    for (let at = 0; at < filled; at++) {
      const state = queue[at] as number;
      for (let kind = 0; kind < this.#width; kind++) {
        const edge = state * this.#width + kind;
        const below = tree[edge] as number;
        const elsewhere = state === 0 ? 0 : (tree[(suffix[state] as number) * this.#width + kind] as number);
        if (below === 0) {
          tree[edge] = elsewhere;
          continue;
        }
        suffix[below] = elsewhere;
        this.#shorter[below] = this.#ends[elsewhere] === -1 ? (this.#shorter[elsewhere] as number) : elsewhere;
        queue[filled++] = below;
      }
    }
  }
}

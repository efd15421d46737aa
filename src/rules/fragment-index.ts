// Finds which of many text fragments occur in a text, in one pass over it whatever their number: the automaton of Aho and
// Corasick (1975). Nearly every state has one edge, so the rows of all states lie in one another's gaps: half a megabyte
// for the shipped rules, where a table of states and characters would be thirteen. Built once for a rule set.

/** Class of characters that no fragment has. */
const OTHER = 0;
/** Owner of a slot that no edge has taken. */
const NOBODY = -1;

export class FragmentIndex {
  /** Class of each character that a fragment has, from 1. */
  readonly #classes = new Map<number, number>();
  /** The same for ASCII, where nearly all text is. */
  readonly #ascii = new Uint16Array(128);
  /** Where the row of a state begins. State 0 is the beginning. */
  readonly #base: Uint32Array;
  /** By slot, `base + class`: the state whose edge it holds, and where that leads. */
  readonly #owner: Int32Array;
  readonly #next: Uint32Array;
  /** Longest proper suffix of a state that is a state. */
  readonly #suffix: Uint32Array;
  /** Fragment that ends in a state, or -1. */
  readonly #ends: Int32Array;
  /** Longest proper suffix of a state in which a fragment ends; 0: none. */
  readonly #shorter: Uint32Array;
  readonly #seen: Uint32Array;
  #stamp = 0;

  /** Fragments are numbered as they stand; none is empty, none occurs twice. */
  constructor(fragments: readonly string[]) {
    for (const fragment of fragments) for (let i = 0; i < fragment.length; i++) this.#learn(fragment.charCodeAt(i));
    const tree = new Tree(1 + fragments.reduce((sum, { length }) => sum + length, 0));
    const ends = fragments.map((fragment) => tree.plant(this.#kindsOf(fragment)));
    this.#ends = new Int32Array(tree.size).fill(-1);
    for (const [number, state] of ends.entries()) this.#ends[state] = number;
    const { base, owner, next } = layRows(tree, this.#classes.size + 1);
    this.#base = base;
    this.#owner = owner;
    this.#next = next;
    this.#suffix = new Uint32Array(tree.size);
    this.#shorter = new Uint32Array(tree.size);
    this.#seen = new Uint32Array(fragments.length);
    this.#link(tree);
  }

  /** Calls `found` once for each fragment that occurs. Not to be called from within `found`. */
  scan(text: string, found: (fragment: number) => void): void {
    const ends = this.#ends;
    const stamp = ++this.#stamp;
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      state = this.#step(state, this.#kindOf(text.charCodeAt(i)));
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

  /** The longest state that what was read ends with; where no edge leads on, shorter and shorter suffixes may. */
  #step(from: number, kind: number): number {
    if (kind === OTHER) return 0;
    for (let state = from; ; state = this.#suffix[state] as number) {
      const slot = (this.#base[state] as number) + kind;
      if (this.#owner[slot] === state) return this.#next[slot] as number;
      if (state === 0) return 0;
    }
  }

  #learn(code: number): void {
    if (this.#classes.has(code)) return;
    const kind = this.#classes.size + 1;
    this.#classes.set(code, kind);
    if (code < 128) this.#ascii[code] = kind;
  }

  #kindOf(code: number): number {
    return code < 128 ? (this.#ascii[code] as number) : (this.#classes.get(code) ?? OTHER);
  }

  #kindsOf(fragment: string): readonly number[] {
    return Array.from({ length: fragment.length }, (_, i) => this.#kindOf(fragment.charCodeAt(i)));
  }

  /** Level by level, so that what a state's suffix needs is complete. */
  #link(tree: Tree): void {
    const queue = [0];
    for (const parent of queue) {
      for (const state of tree.below(parent)) {
        const suffix = parent === 0 ? 0 : this.#step(this.#suffix[parent] as number, tree.kind(state));
        this.#suffix[state] = suffix;
        this.#shorter[state] = this.#ends[suffix] === -1 ? (this.#shorter[suffix] as number) : suffix;
        queue.push(state);
      }
    }
  }
}

/** Fragments as paths from state 0: what begins alike shares its states. In columns: there are tens of thousands. */
class Tree {
  size = 1;
  /** By state: its first edge's state; the next edge's of the same parent; 0: none. And the class that leads to it. */
  readonly #first: Uint32Array;
  readonly #sibling: Uint32Array;
  readonly #kind: Uint16Array;

  constructor(statesMax: number) {
    this.#first = new Uint32Array(statesMax);
    this.#sibling = new Uint32Array(statesMax);
    this.#kind = new Uint16Array(statesMax);
  }

  /** The state in which it ends. */
  plant(kinds: readonly number[]): number {
    return kinds.reduce(
      (state, kind) => this.below(state).find((one) => this.kind(one) === kind) ?? this.#grow(state, kind),
      0,
    );
  }

  kind(state: number): number {
    return this.#kind[state] as number;
  }

  /** States that a state's edges lead to. */
  below(state: number): number[] {
    const found: number[] = [];
    for (let at = this.#first[state] as number; at !== 0; at = this.#sibling[at] as number) found.push(at);
    return found;
  }

  #grow(parent: number, kind: number): number {
    const state = this.size++;
    this.#kind[state] = kind;
    this.#sibling[state] = this.#first[parent] as number;
    this.#first[parent] = state;
    return state;
  }
}

interface Rows {
  readonly base: Uint32Array;
  readonly owner: Int32Array;
  readonly next: Uint32Array;
}

/** Rows of several edges one after the other, the fullest first; single edges then fill the gaps. */
function layRows(tree: Tree, width: number): Rows {
  const rows = Array.from({ length: tree.size }, (_, state) => ({ state, below: tree.below(state) }));
  const base = new Uint32Array(tree.size);
  const owner: number[] = [];
  const next: number[] = [];
  const isFree = (slot: number): boolean => (owner[slot] ?? NOBODY) === NOBODY;
  let at = 0;
  let gap = 0;
  for (const { state, below } of rows.sort((a, b) => b.below.length - a.below.length)) {
    const [only] = below;
    if (only === undefined) break;
    if (below.length > 1) while (!below.every((one) => isFree(at + tree.kind(one)))) at++;
    else {
      while (!isFree(gap) || gap < tree.kind(only)) gap++;
      at = gap - tree.kind(only);
    }
    base[state] = at;
    for (; owner.length < at + width; next.push(0)) owner.push(NOBODY);
    for (const one of below) {
      owner[at + tree.kind(one)] = state;
      next[at + tree.kind(one)] = one;
    }
  }
  return { base, owner: Int32Array.from(owner), next: Uint32Array.from(next) };
}

// The known name that is most like an unknown one: what the operator most likely meant.

/** undefined when none is like it. Case, '-' and '_' do not count as differences. */
export function nearestName(wrong: string, known: Iterable<string>): string | undefined {
  const plain = fold(wrong.slice(0, 64));
  // A third of the letters may differ, at least one: `prot` is `port`, `x` is nothing.
  let bound = Math.max(1, Math.floor(plain.length / 3)) + 1;
  let best: string | undefined;
  for (const name of known) {
    const distance = editDistance(plain, fold(name));
    if (distance < bound) {
      bound = distance;
      best = name;
    }
  }
  // A part of a name that stands for the whole: `smart` for `smarthost`.
  const starts = (name: string): boolean => plain.length >= 3 && fold(name).startsWith(plain);
  return best ?? [...known].find(starts);
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours, each 1. */
export function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (above[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, (older[column - 2] ?? 0) + 1);
      }
      line.push(cost);
    }
    older = above;
    above = line;
  }
  return above[b.length] ?? 0;
}

// YAML text in, plain values and places out. The only importer of the YAML library.
import {
  type Document,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  stringify,
  visit,
} from 'yaml';

export type Path = readonly (string | number)[];

export interface Place {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface YamlFile {
  /** Absent when the text is no YAML. */
  readonly value?: unknown;
  readonly errors: readonly (Place & { readonly message: string })[];
  /** Where the value at `path` stands, or its key; when it is not there, the deepest part that is. */
  locate(path: Path, part: 'key' | 'value'): Place;
}

/** A configuration is written by people: more than this is a mistake, or an attack on the parser. */
export const YAML_OCTETS_MAX = 4 * 1024 * 1024;

/** No setting lies deeper than 6; deeper nesting only serves to exhaust the stack. */
const DEPTH_MAX = 50;

export function parseYaml(text: string): YamlFile {
  try {
    return parsedFile(text);
  } catch (error) {
    // The library's own recursion met its end, or aliases multiplied beyond its bound (a billion laughs).
    const message =
      error instanceof RangeError ? 'nested too deeply' : error instanceof Error ? error.message : 'broken';
    return { errors: [{ line: 1, column: 1, message }], locate: () => ({ line: 1, column: 1 }) };
  }
}

function parsedFile(text: string): YamlFile {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const errors = [
    ...[...document.errors, ...document.warnings].map(({ pos, message }) => ({ ...place(pos[0]), message })),
    ...oddKeys(document).map((offset) => ({ ...place(offset), message: 'this cannot be the name of anything' })),
  ];
  const locate = (path: Path, part: 'key' | 'value'): Place => place(offsetOf(document, path, part));
  if (errors.length > 0) return { errors, locate };
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  if (depthOf(value, []) > DEPTH_MAX) {
    return { errors: [{ line: 1, column: 1, message: 'nested too deeply, or an alias holds itself' }], locate };
  }
  return { value, errors, locate };
}

/** Infinity when a value holds itself. Aliases that multiply were refused before, so every value is small. */
function depthOf(value: unknown, above: readonly unknown[]): number {
  if (typeof value !== 'object' || value === null) return above.length;
  if (above.length > DEPTH_MAX || above.includes(value)) return Number.POSITIVE_INFINITY;
  return Object.values(value).reduce<number>(
    (deepest, below) => Math.max(deepest, depthOf(below, [...above, value])),
    above.length,
  );
}

/** Lists and maps as keys, and the one name that objects of this language do not hold like others. */
function oddKeys(document: Document.Parsed): number[] {
  const found: number[] = [];
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key) || typeof key.value === 'object' || key.value === '__proto__') found.push(startOf(key) ?? 0);
    },
  });
  return found;
}

function offsetOf(document: Document.Parsed, path: Path, part: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, step] of path.entries()) {
    const isLast = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (!isPair(pair)) return offset;
      const key = startOf(pair.key) ?? offset;
      offset = isLast && part === 'key' ? key : (startOf(pair.value) ?? key);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  const { range } = (node ?? {}) as Partial<Node>;
  return range?.[0];
}

/** One value as YAML text, in one line when `flow`. */
export function yamlText(value: unknown, style: 'block' | 'flow'): string {
  return stringify(value, {
    lineWidth: 0,
    ...(style === 'flow' ? { collectionStyle: 'flow' as const, flowCollectionPadding: false } : {}),
  }).trimEnd();
}

/** What stands there in parsed YAML; undefined when nothing does. */
export function member(value: unknown, ...names: readonly string[]): unknown {
  let at = value;
  for (const name of names) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at ?? undefined;
}

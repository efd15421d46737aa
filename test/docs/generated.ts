// Everything in the tree that a program writes. `npm run docs` writes it, `npm run check` fails when it is stale.
// To add something: a function in PARTS that makes the whole text of its files.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PROJECT_ROOT } from '../support/tree.ts';
import { configDocs } from './config.ts';

/**
 * Text by path from the project's root. The same text every time, whatever the machine, the clock and the environment;
 * never of a file that people edit.
 */
export type Part = () => ReadonlyMap<string, string>;

export const PARTS: readonly Part[] = [configDocs];

function readCommitted(path: string): string | undefined {
  try {
    return readFileSync(join(PROJECT_ROOT, path), 'utf8');
  } catch {
    return undefined;
  }
}

/** Files that are missing or differ from what would be written. */
export function findStale(parts: readonly Part[] = PARTS): [path: string, text: string][] {
  return parts.flatMap((part) => [...part()]).filter(([path, text]) => text !== readCommitted(path));
}

/** Writes what is stale and returns the paths. */
export function writeGenerated(parts: readonly Part[] = PARTS): string[] {
  return findStale(parts).map(([path, text]) => {
    mkdirSync(dirname(join(PROJECT_ROOT, path)), { recursive: true });
    writeFileSync(join(PROJECT_ROOT, path), text);
    return path;
  });
}

// Tables that name the tests which show something: each file and each name must be there, or the table has rotted.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from './tree.ts';

/** File below test/ → names as they stand in its source (those made of a template with their `${…}`). */
export type Shown = Readonly<Record<string, readonly string[]>>;

/** What is named and not there, a line each; a row without any test is one. */
export function missingTests(rows: Readonly<Record<string, Shown>>): readonly string[] {
  return Object.entries(rows).flatMap(([row, shown]) => {
    if (Object.keys(shown).length === 0) return [`${row}: no test`];
    return Object.entries(shown).flatMap(([file, names]) => {
      const path = join(PROJECT_ROOT, 'test', file);
      if (!existsSync(path)) return [`${row}: no file test/${file}`];
      const source = readFileSync(path, 'utf8');
      return names
        .filter((name) => !["'", '`', '"'].some((quote) => source.includes(`${quote}${name}${quote}`)))
        .map((name) => `${row}: no test "${name}" in test/${file}`);
    });
  });
}

// The project's own files as tests see them, whether they run compiled (dist/test/) or from the sources.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const above = fileURLToPath(new URL('../..', import.meta.url));

/** Folder of package.json. */
export const PROJECT_ROOT = above.endsWith('/dist/') ? join(above, '..') : above;

/** Texts of all files below `folder` whose names end in `ending`, by path from the project's root. */
export function readTexts(folder: string, ending: string): Map<string, string> {
  const texts = new Map<string, string>();
  for (const entry of readdirSync(join(PROJECT_ROOT, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(ending)) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    texts.set(relative(PROJECT_ROOT, path), readFileSync(path, 'utf8'));
  }
  return texts;
}

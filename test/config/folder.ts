// A configuration folder for one test, removed when the test ends.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { problemText } from '../../src/config/problem.ts';

export interface Folder {
  /** The folder above. */
  readonly root: string;
  readonly configDir: string;
}

/** `files`: by name inside `config/`. */
export function configFolder(context: TestContext, files: Readonly<Record<string, string>> = {}): Folder {
  const root = mkdtempSync(join(tmpdir(), 'postilion-config-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const configDir = join(root, 'config');
  mkdirSync(configDir);
  for (const [name, text] of Object.entries({ 'postilion.yaml': '', ...files })) {
    writeFileSync(join(configDir, name), text);
  }
  return { root, configDir };
}

type Env = Readonly<Record<string, string | undefined>>;

/** Every problem as `file:line:column: setting: message`, with the file's name alone. */
export function problemsOf({ configDir }: Folder, env: Env = {}): string[] {
  const loaded = loadConfig({ configDir, env, systemName: 'relay.example.com' });
  if ('ok' in loaded) return [];
  return loaded.problems.map((problem) => problemText(problem).replace(`${configDir}/`, ''));
}

export function load({ configDir }: Folder, env: Env = {}): Config {
  const loaded = loadConfig({ configDir, env, systemName: 'relay.example.com', cores: 2 });
  if ('ok' in loaded) return loaded.ok;
  throw new Error(loaded.problems.map(problemText).join('\n'));
}

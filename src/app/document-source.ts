// The files as documents: the configuration and the users, read again at every reload. Never half a result.
import type { Config } from '../config/config.ts';
import { EXIT, OperatorError } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { problemText } from '../config/problem.ts';
import { reloadConfig } from '../config/reload.ts';
import { loadUsers, type Users } from '../config/users.ts';
import type { Documents } from './roles.ts';

export interface LoadedDocuments {
  readonly documents: Documents;
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
}

export interface DocumentSource {
  /** What a reload puts in force after `inForce`. Throws OperatorError (78) with every problem. */
  load(inForce: Config): LoadedDocuments;
  loadUsers(): Users;
}

export interface DocumentFiles {
  readonly configDir: string;
  readonly spoolDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function documentFiles({ configDir, spoolDir, env }: DocumentFiles): DocumentSource {
  const users = (): Users => {
    const read = loadUsers(spoolDir);
    if ('problems' in read) throw new OperatorError(read.problems.map(problemText).join('\n'), EXIT.configuration);
    return read.users;
  };
  return {
    load(inForce) {
      const loaded = loadConfig({ configDir, spoolDir, env, number: inForce.number + 1 });
      if ('problems' in loaded) {
        throw new OperatorError(loaded.problems.map(problemText).join('\n'), EXIT.configuration);
      }
      const { config, changes, warnings, removed } = reloadConfig(inForce, loaded.ok);
      const gone = Object.entries(removed).flatMap(([kind, names]) => names.map((name) => goneText(kind, name)));
      return {
        documents: { config, users: users() },
        changes,
        warnings: [...loaded.warnings, ...warnings, ...gone],
      };
    },
    loadUsers: users,
  };
}

/** DESIGN section 2: a name the scheduler does not know holds the delivery, and never fails it. */
function goneText(kind: string, name: string): string {
  return `${kind}.${name} is gone: mail that waits for it is held until it expires`;
}

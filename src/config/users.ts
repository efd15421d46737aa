// spool/users.yaml: names and password hashes, nothing else. Read whole, replaced whole: the old or the new file is
// there at any instant, mode 0600.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, OperatorError } from '../base/errors.ts';
import { isPasswordHash } from './password.ts';
import { type Problem, problemText, whole } from './problem.ts';
import { replaceFile } from './replaced-file.ts';
import { USER_NAME } from './setting.ts';
import { readText } from './text-file.ts';
import { shown } from './units.ts';
import { parseYaml, type Place, YAML_OCTETS_MAX, yamlText } from './yaml-file.ts';

export interface UserRecord {
  readonly name: string;
  /** argon2id, PHC string format. */
  readonly hash: string;
}

/** In order of name. */
export type Users = readonly UserRecord[];

export type UsersProblem = Place & { readonly message: string };

export function parseUsers(text: string): { readonly users: Users } | { readonly problems: readonly UsersProblem[] } {
  const file = parseYaml(text);
  if (file.errors.length > 0) return { problems: file.errors };
  const problems: UsersProblem[] = [];
  const users: UserRecord[] = [];
  const top = file.value ?? {};
  const entries = typeof top === 'object' && 'users' in top ? (top.users ?? {}) : {};
  const extra = typeof top === 'object' && !Array.isArray(top) ? Object.keys(top).find((key) => key !== 'users') : '';
  if (extra !== undefined || typeof entries !== 'object' || Array.isArray(entries)) {
    const message = 'must be a map `users:` of names and hashes, as `postilion user` writes it';
    return { problems: [{ ...file.locate(extra === undefined ? ['users'] : [extra], 'key'), message }] };
  }
  for (const [name, hash] of Object.entries(entries)) {
    const message = !USER_NAME.test(name)
      ? `'${shown(name)}' cannot be the name of a user`
      : typeof hash !== 'string' || !isPasswordHash(hash)
        ? `${name}: is no argon2id hash; set the password again with: postilion user add ${name}`
        : undefined;
    if (message === undefined) users.push({ name, hash: String(hash) });
    else problems.push({ ...file.locate(['users', name], 'key'), message });
  }
  return problems.length > 0 ? { problems } : { users: sorted(users) };
}

export function formatUsers(users: Users): string {
  const map = Object.fromEntries(sorted(users).map(({ name, hash }) => [name, hash]));
  return `# Names and password hashes. Written by \`postilion user\`; rights are set under users in config/sending.yaml.\n${yamlText({ users: map }, 'block')}\n`;
}

export function withUser(users: Users, user: UserRecord): Users {
  return sorted([...withoutUser(users, user.name), user]);
}

export function withoutUser(users: Users, name: string): Users {
  return users.filter((user) => user.name !== name);
}

function sorted(users: Users): Users {
  return [...users].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Without the file there is no user. */
export function loadUsers(spoolDir: string): { readonly users: Users } | { readonly problems: readonly Problem[] } {
  const path = join(spoolDir, 'users.yaml');
  if (!existsSync(path)) return { users: [] };
  const read = readText(path, YAML_OCTETS_MAX);
  if ('wrong' in read) return { problems: [whole(path, read.wrong)] };
  const parsed = parseUsers(read.value);
  if ('users' in parsed) return parsed;
  return { problems: parsed.problems.map((problem) => ({ file: path, setting: '', ...problem })) };
}

/** Reads, changes and replaces users.yaml. Throws OperatorError. */
export function changeUsers(spoolDir: string, change: (users: Users) => Users): Users {
  return replaceFile(join(spoolDir, 'users.yaml'), () => {
    const loaded = loadUsers(spoolDir);
    if ('problems' in loaded) {
      throw new OperatorError(loaded.problems.map(problemText).join('\n'), EXIT.configuration);
    }
    const users = change(loaded.users);
    return { text: formatUsers(users), result: users };
  });
}

// The rules of the layout as a pure function: the text of every file in, one line per violation out.
// Works on text alone (no compiler), so that it takes milliseconds and a test can plant violations.
import { posix } from 'node:path';

export type Files = ReadonlyMap<string, string>;

/**
 * Who may import whom: a folder imports only what has a smaller number. On floor 1 `flow` is the ground the other
 * pure folders stand on; stages share one number, so none of them reaches another.
 */
export const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  flow: 1,
  mail: 1.1,
  smtp: 1.2,
  report: 1.3,
  rules: 1.4,
  config: 2,
  policy: 2,
  telemetry: 3,
  spool: 3,
  net: 3,
  submission: 4,
  scheduler: 4,
  egress: 4,
  outcome: 4,
  feedback: 4,
  events: 4,
  control: 5,
  // A client of control's API, and of its types alone.
  cli: 5.1,
  trial: 5,
  app: 6,
};

/** Folders of test/ that mirror nothing. */
const TEST_FOLDERS = ['support', 'docs', 'bench', 'harness'];

/** The only files on floors 0 to 2 that touch the world. */
const IMPURE = [
  'base/clock',
  'base/random',
  'config/load',
  'config/text-file',
  'config/users',
  'config/domains',
  'config/signing-keys',
  'config/replaced-file',
  'config/password',
].map((n) => `src/${n}.ts`);

const CLOCK = 'src/base/clock.ts';
const RANDOM = 'src/base/random.ts';

interface Ban {
  /** Looked for in the code, comments and quoted strings left out. */
  readonly what?: RegExp;
  /** Looked for in the names of imported modules. */
  readonly module?: RegExp;
  readonly name: string;
  readonly allowed: readonly string[];
  /** Banned only up to this floor. */
  readonly floorMax?: number;
}

const BANS: readonly Ban[] = [
  { what: /\bDate\.now\b/, name: 'Date.now', allowed: [CLOCK] },
  { what: /\bnew Date\(\s*\)|(?<!new )(?<![\w.])Date\(/, name: 'the current Date', allowed: [CLOCK] },
  { what: /\bperformance\.|\bprocess\.hrtime\b/, name: 'performance and hrtime', allowed: [CLOCK] },
  { what: /\bset(?:Timeout|Interval)\b|\bAbortSignal\.timeout\b/, name: 'timers', allowed: [CLOCK] },
  { module: /^(?:node:)?timers(?:\/promises)?$/, name: 'node:timers', allowed: [CLOCK] },
  { what: /\bMath\.random\b/, name: 'Math.random', allowed: [RANDOM] },
  {
    what: /\brandom(?:Bytes|FillSync|Fill|UUID|Int)\b|\bgetRandomValues\b/,
    name: 'random octets',
    allowed: IMPURE,
    floorMax: 2,
  },
  {
    module:
      /^(?:node:)?(?:fs|fs\/promises|net|dns|dns\/promises|tls|child_process|dgram|https?|http2|worker_threads|cluster)$/,
    name: 'I/O modules',
    allowed: IMPURE,
    floorMax: 2,
  },
  {
    what: /\bprocess\.(?:env|exit|kill|on|once|argv|stdin|stdout|stderr|cwd|chdir)\b|\bfetch\(/,
    name: 'the process and the network',
    allowed: IMPURE,
    floorMax: 2,
  },
  { what: /\brequire\(|\bcreateRequire\b/, name: 'require', allowed: [] },
  { what: /^export \* /m, name: 'a barrel (export *)', allowed: [] },
];

const VAGUE = /^(?:utils?|helpers?|manager|common|data|info|index)\.ts$/;
const COMMENT_OR_STRING = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

export function withoutComments(text: string): string {
  return text.replace(COMMENT_OR_STRING, (_, quoted?: string) => quoted ?? '');
}

/** Module names of every static, dynamic and type-only import, and of re-exports. */
export function importsOf(text: string): string[] {
  const found = withoutComments(text).matchAll(
    /\bfrom\s*(['"])([^'"\n]+)\1|\bimport\s*\(?\s*(['"])([^'"\n]+)\3|\bimport\.meta\.resolve\(\s*(['"])([^'"\n]+)\5/g,
  );
  return [...found].map((match) => match[2] ?? match[4] ?? match[6] ?? '');
}

const folderOf = (path: string): string => path.split('/')[1] ?? '';
const packageOf = (name: string): string => name.split('/', name.startsWith('@') ? 2 : 1).join('/');

/** Every rule over every file. Empty: the layout holds. */
export function violations(files: Files): string[] {
  const sources = [...files].filter(([path]) => path.startsWith('src/') && path.endsWith('.ts'));
  return [
    ...sources.flatMap(([path, text]) => [...shape(path, text), ...imports(path, text), ...bans(path, text)]),
    ...packages(sources),
    ...testFolders(files),
    ...testNames(files),
  ];
}

function shape(path: string, text: string): string[] {
  const found: string[] = [];
  const name = posix.basename(path);
  if (FLOORS[folderOf(path)] === undefined || path.split('/').length < 3) {
    found.push(`${path}: not in a folder of the layout (see src/README.md)`);
  }
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(name)) found.push(`${path}: file names are kebab-case`);
  if (VAGUE.test(name)) found.push(`${path}: a file is named after the one noun it holds`);
  if (!/^(?:#![^\n]*\n)?(?:\/\/|\/\*)/.test(text)) {
    found.push(`${path}: a file opens with a comment that says what it promises`);
  }
  return found;
}

function imports(path: string, text: string): string[] {
  const from = folderOf(path);
  const floor = FLOORS[from] ?? 0;
  const found: string[] = [];
  for (const name of importsOf(text).filter((module) => module.startsWith('.'))) {
    const target = posix.join(posix.dirname(path), name);
    if (!target.startsWith('src/')) {
      if (!target.endsWith('package.json')) found.push(`${path}: imports ${name}, which is not in src/`);
      continue;
    }
    const to = folderOf(target);
    if (to !== from && (FLOORS[to] ?? Infinity) >= floor) {
      found.push(`${path}: ${from} must not import ${to} (${name}): only lower floors, stages never sideways`);
    }
  }
  return found;
}

function bans(path: string, text: string): string[] {
  const code = text.replace(COMMENT_OR_STRING, (_, quoted?: string) => (quoted === undefined ? '' : "''"));
  const modules = importsOf(text);
  const floor = FLOORS[folderOf(path)] ?? 0;
  const broken = BANS.filter((ban) => {
    if (ban.allowed.includes(path) || Math.floor(floor) > (ban.floorMax ?? Infinity)) return false;
    return ban.what?.test(code) === true || modules.some((name) => ban.module?.test(name));
  });
  return broken.map(
    (ban) => `${path}: ${ban.name} ${ban.allowed.length > 0 ? `only in ${ban.allowed.join(', ')}` : 'nowhere'}`,
  );
}

function packages(sources: readonly (readonly [string, string])[]): string[] {
  const users = new Map<string, Set<string>>();
  for (const [path, text] of sources) {
    for (const name of importsOf(text)) {
      if (name.startsWith('.') || name.startsWith('node:')) continue;
      const key = packageOf(name);
      users.set(key, (users.get(key) ?? new Set()).add(path));
    }
  }
  return [...users]
    .filter(([, paths]) => paths.size > 1)
    .map(([name, paths]) => `package ${name} is imported in ${[...paths].sort().join(' and ')}: one file only`);
}

function testFolders(files: Files): string[] {
  const folders = new Set([...files.keys()].filter((path) => path.startsWith('src/')).map(folderOf));
  return [...files.keys()]
    .filter((path) => path.startsWith('test/') && path.endsWith('.test.ts') && path.split('/').length > 2)
    .filter((path) => !folders.has(folderOf(path)) && !TEST_FOLDERS.includes(folderOf(path)))
    .map((path) => `${path}: test folders mirror src/, and there is no src/${folderOf(path)}`);
}

/** Names are unique, so that a failure says which test failed, and read "<subject>: <what is true>". */
function testNames(files: Files): string[] {
  const seen = new Map<string, string>();
  const found: string[] = [];
  for (const [path, text] of files) {
    if (!path.startsWith('test/') || !path.endsWith('.test.ts')) continue;
    for (const match of text.matchAll(/^ *(?:await )?(?:test|it)\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gm)) {
      const name = match[2] ?? '';
      if (match[1] === '`' && name.includes('${')) continue;
      const first = seen.get(name);
      if (first !== undefined) found.push(`${path}: a test is already called "${name}" in ${first}`);
      else if (!/^\S.*: \S/.test(name)) found.push(`${path}: test "${name}" is not named "<subject>: <what is true>"`);
      seen.set(name, first ?? path);
    }
  }
  return found;
}

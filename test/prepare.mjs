// What comes before anything runs: dependencies from the lock file, and dist/ from the sources. Needs nothing installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const BUILT = 'dist/.postilion-sources';

/** Runs a program (in `cwd`) and says how long it took, on `to`. A failure ends this process. */
export function step(name, file, args, to = process.stdout, cwd = process.cwd()) {
  const started = Date.now();
  const done = spawnSync(file, args, { stdio: ['inherit', to.fd, 'inherit'], cwd });
  if (done.status !== 0) {
    console.error(`${name} failed${done.error === undefined ? '' : `: ${done.error.message}`}`);
    process.exit(done.status ?? 1);
  }
  to.write(`${name}: ok (${((Date.now() - started) / 1000).toFixed(1)} s)\n`);
}

/** Installs when the lock file is not the one that was installed from. */
export function install(to) {
  const mark = 'node_modules/.postilion-lock';
  const wanted = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return;
  step('install', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], to);
  writeFileSync(mark, wanted);
}

export function build(to) {
  rmSync('dist', { recursive: true, force: true });
  compile(to);
}

/** Compiles when a source has changed since the last time. Removes nothing: something may be running from dist/. */
export function buildWhenStale(to) {
  if (!existsSync(BUILT) || readFileSync(BUILT, 'utf8') !== fingerprint()) compile(to);
}

function compile(to) {
  const sources = fingerprint();
  step('types', 'node_modules/.bin/tsc', ['-p', 'tsconfig.json'], to);
  writeFileSync(BUILT, sources);
}

/** Changes when a source comes, goes or is written. */
function fingerprint() {
  const files = ['src', 'test']
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    )
    .concat('tsconfig.json', 'package-lock.json')
    .sort();
  const hash = createHash('sha256');
  for (const file of files) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
}

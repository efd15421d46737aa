// The trials that run for this user, each in a file of its own (mode 0600) in the user's runtime folder, so that
// `postilion send` finds host, port and credentials by itself. What a killed trial left is cleared away by the next.
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isPlace, removePlace } from './place.ts';

export interface RunningTrial {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Its folder. */
  readonly root: string;
  /** ms since 1970. */
  readonly startedAt: number;
}

type Env = Readonly<Record<string, string | undefined>>;

const FILE = /^postilion-trial-\d+\.json$/;

/** The folder of XDG_RUNTIME_DIR, else one of our own under the system's temporary folder. */
function folderOf(env: Env): { readonly path: string; readonly isOurs: boolean } {
  const given = env['XDG_RUNTIME_DIR'];
  if (given !== undefined && given !== '' && isPrivate(given)) return { path: given, isOurs: false };
  return { path: join(tmpdir(), `postilion-${process.getuid?.() ?? 'user'}`), isOurs: true };
}

/** Passwords are only put into, and believed from, a folder that is this user's alone. */
function isPrivate(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
}

/** Path of the file, or undefined where no safe folder can be had: the trial runs without. */
export function announce(env: Env, trial: RunningTrial): string | undefined {
  const { path: folder, isOurs } = folderOf(env);
  if (isOurs) mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isPrivate(folder)) return undefined;
  for (const { path, trial: other } of read(folder)) {
    if (isAlive(other.pid)) continue;
    if (isPlace(other.root)) removePlace(other.root);
    rmSync(path, { force: true });
  }
  const path = join(folder, `postilion-trial-${trial.pid}.json`);
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(trial)}\n`, { mode: 0o600, flag: 'wx' });
  return path;
}

/** Idempotent; takes our folder with it when it was the last. */
export function withdraw(env: Env, path: string): void {
  rmSync(path, { force: true });
  if (!folderOf(env).isOurs) return;
  try {
    rmdirSync(dirname(path));
  } catch {
    // Another trial's file is in it, or it is gone already.
  }
}

/** The trial of this user that was started last. */
export function findTrial(env: Env): RunningTrial | undefined {
  const { path } = folderOf(env);
  if (!isPrivate(path)) return undefined;
  const alive = read(path).filter(({ trial }) => isAlive(trial.pid));
  return alive.sort((a, b) => b.trial.startedAt - a.trial.startedAt)[0]?.trial;
}

function read(folder: string): readonly { readonly path: string; readonly trial: RunningTrial }[] {
  const found: { path: string; trial: RunningTrial }[] = [];
  for (const name of readdirSync(folder)) {
    if (!FILE.test(name)) continue;
    const path = join(folder, name);
    const trial = parsed(path);
    if (trial !== undefined) found.push({ path, trial });
  }
  return found;
}

/** undefined: gone meanwhile, or being written. */
function parsed(path: string): RunningTrial | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as RunningTrial;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

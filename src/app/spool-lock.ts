// One process for one spool: an abstract Unix socket named after the folder's device and inode. It vanishes with the
// last process that holds it, whatever its end, and tells who asks the holder's process id.
import { accessSync, constants, mkdirSync, readdirSync, statSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { EXIT, OperatorError } from '../base/errors.ts';

export interface SpoolLock {
  /** For children to inherit: the spool stays locked until the last of them has ended. */
  readonly fd: number;
  /** Idempotent. */
  release(): void;
}

export interface SpoolLockOptions {
  readonly clock: Clock;
  readonly pid: number;
  /** Make the folder when it is not there (mode 0700): for the relay, not for those who only look. */
  readonly create?: boolean;
  /** How long to wait for children of a relay that was killed: they end by themselves. */
  readonly orphansMs?: number;
}

/**
 * Node 20 fills the name up with NULs to the whole of sun_path and later versions do not: filled up here, both make
 * the same name of it, or two relays on different versions would not see each other.
 */
const NAME_OCTETS = 107;
/** A child may still wait for a final dot's reply; then it is ended by its own clock. */
const ORPHANS_MS = 15_000;
/** A living holder answers in far less; a connection to one that does not ends with it, so this is no pause. */
const ANSWER_MS = 1_000;
const PID_CHARS_MAX = 20;
const OWN_FOLDERS: readonly string[] = ['segments', 'journal', 'large', 'quarantine', 'index'];

/** Throws OperatorError: held by another process (78), no such folder (78), not permitted (77). */
export async function lockSpool(folder: string, options: SpoolLockOptions): Promise<SpoolLock> {
  const name = lockName(folder, options.create ?? false);
  const giveUpAt = options.clock.monotonic() + (options.orphansMs ?? ORPHANS_MS);
  for (;;) {
    const server = await tryListen(name, options.pid);
    if (server !== undefined) return lockOf(server);
    const holder = await askHolder(name, options.clock);
    if (holder !== 'nobody answers' || options.clock.monotonic() >= giveUpAt) {
      const who = holder === 'nobody answers' ? 'a process that does not answer' : `process ${holder}`;
      throw new OperatorError(
        `the spool ${folder} is in use by ${who}: stop that relay or command first`,
        EXIT.configuration,
      );
    }
  }
}

function lockName(folder: string, create: boolean): string {
  try {
    if (create) mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { dev, ino } = statSync(folder, { bigint: true });
    if (create) checkAccess(folder);
    return `\0${`postilion-${dev}-${ino}`.padEnd(NAME_OCTETS, '\0')}`;
  } catch (error) {
    const { code, message, path } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      throw new OperatorError(`there is no spool at ${folder}`, EXIT.configuration, { cause: error });
    }
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new OperatorError(
        `the spool ${folder} cannot be used (${code}${path === undefined ? '' : `, ${path}`}): it and all in it must belong to the user the relay runs as`,
        EXIT.permission,
        { cause: error },
      );
    }
    throw new OperatorError(`the spool ${folder} cannot be used: ${message}`, EXIT.configuration, { cause: error });
  }
}

/** What a relay that once ran as another user, or a file system mounted read-only, would let fail in the middle of a start. */
function checkAccess(folder: string): void {
  const { R_OK, W_OK, X_OK } = constants;
  accessSync(folder, R_OK | W_OK | X_OK);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    // Others are not ours: lost+found, keys, users.yaml.
    if (!entry.isDirectory() || !OWN_FOLDERS.includes(entry.name)) continue;
    const path = join(folder, entry.name);
    accessSync(path, R_OK | W_OK | X_OK);
    for (const file of readdirSync(path)) accessSync(join(path, file), R_OK | W_OK);
  }
}

/** undefined: somebody holds it. */
function tryListen(name: string, pid: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(`${pid}\n`);
    });
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => resolve(server.unref()));
  });
}

function lockOf(server: Server): SpoolLock {
  // The descriptor has no public name; process handles are inherited by number.
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  return { fd, release: () => void server.close() };
}

function askHolder(name: string, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(name);
    const done = (): void => {
      timer.cancel();
      socket.destroy();
      resolve(/^\d+\n/.test(text) ? text.trim() : 'nobody answers');
    };
    const timer = clock.after(ANSWER_MS, done);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1').slice(0, PID_CHARS_MAX);
      if (text.includes('\n') || text.length > PID_CHARS_MAX) done();
    });
    socket.once('error', done);
    socket.once('close', done);
  });
}

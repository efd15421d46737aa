// Listening on a Unix socket in the run folder: the folder is made (0750), a socket left behind by a dead process is
// replaced, one that still answers is not, and the mode is right from the first moment.
import { chmodSync, mkdirSync, statSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { EXIT, OperatorError } from '../base/errors.ts';

/** sun_path has 108 octets, one of them for the end; a longer path would be cut short silently. */
const PATH_OCTETS_MAX = 107;
const FOLDER_MODE = 0o750;

/** Throws OperatorError: path too long (78), somebody listens there (78), not permitted (77). */
export async function listenUnix(server: Server, path: string, mode: number): Promise<void> {
  await prepareSocket(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(socketError(path, error)));
    // The socket file is made inside `listen`, so the mask holds for it alone.
    const before = process.umask(0o777 & ~mode);
    try {
      server.listen(path, resolve);
    } finally {
      process.umask(before);
    }
  });
  chmodSync(path, mode);
}

/** Makes the folder and clears the path. */
async function prepareSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > PATH_OCTETS_MAX) {
    throw new OperatorError(
      `the socket path ${path} is longer than ${PATH_OCTETS_MAX} octets: set "run" to a shorter folder`,
      EXIT.configuration,
    );
  }
  try {
    const folder = dirname(path);
    // The mode of an existing folder is the operator's; a new one's must not depend on the mask.
    if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, FOLDER_MODE);
    if (!exists(path)) return;
    if (await answers(path)) {
      throw new OperatorError(
        `another process already listens on ${path}: every relay needs a run folder of its own`,
        EXIT.configuration,
      );
    }
    unlinkSync(path);
  } catch (error) {
    throw error instanceof OperatorError ? error : socketError(path, error as NodeJS.ErrnoException);
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function socketError(path: string, error: NodeJS.ErrnoException): Error {
  if (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS') {
    return new OperatorError(
      `cannot make the socket ${path} (${error.code}): the run folder must be writable by the user the relay runs as`,
      EXIT.permission,
      { cause: error },
    );
  }
  return new OperatorError(`cannot listen on ${path}: ${error.message}`, EXIT.configuration, { cause: error });
}

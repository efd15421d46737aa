// A child process as the supervisor holds it: started from the same program, with the spool's lock and the listening
// sockets inherited. Knows nothing of roles.
import { type ChildProcess, fork } from 'node:child_process';
import type { FromChild, ToChild } from './ipc-records.ts';

export interface Child {
  readonly pid: number;
  /** Lost when the child has ended. */
  send(message: ToChild): void;
  /** SIGKILL: what a child may be told in order, it is told by `send`. */
  kill(): void;
}

export interface ChildEnd {
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

export interface ChildEvents {
  heard(message: FromChild): void;
  /** Once, also when it could not be started at all. */
  ended(end: ChildEnd): void;
}

/** `name` for the process list. `inherit`: descriptors that become 4, 5, … in the child, in this order. */
export type Spawn = (name: string, inherit: readonly number[], events: ChildEvents) => Child;

/** Descriptors 0 to 3 are stdin, stdout, stderr and the channel. */
export const FIRST_INHERITED_FD = 4;
/** The word in argv that makes this program a child. */
export const CHILD_WORD = '--child';

/** Starts children of this program. */
export function spawnFrom(script: string): Spawn {
  return (name, inherit, events) => {
    const child: ChildProcess = fork(script, [CHILD_WORD, name], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...inherit],
    });
    let over = false;
    const end = (code: number | null, signal: string | null): void => {
      if (over) return;
      over = true;
      events.ended({ code: code ?? undefined, signal: signal ?? undefined });
    };
    child.on('message', (message) => events.heard(message as FromChild));
    child.on('exit', end);
    // It could not be started (EAGAIN, ENOMEM), or a message could not be sent to one that is ending: `exit` follows
    // only in the second case.
    child.on('error', () => {
      if (child.pid === undefined) end(null, null);
    });
    return {
      pid: child.pid ?? 0,
      send: (message) => {
        if (child.connected) child.send(message, () => {});
      },
      kill: () => void child.kill('SIGKILL'),
    };
  };
}

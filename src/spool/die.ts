// The end after a failed sync: what the kernel still holds of the file cannot be trusted, and an orderly exit would
// flush, answer and close. So: one line, then SIGKILL; the next life reads from disk what is really there.
import type { Log } from '../base/log.ts';
import type { Die } from './disk.ts';

export function killSelf(log: Log): Die {
  return (reason) => {
    log.error({ reason }, 'the disk failed: this process ends itself; the next one starts from what is on disk');
    process.kill(process.pid, 'SIGKILL');
  };
}

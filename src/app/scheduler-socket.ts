// Where the scheduler listens for the other processes.
import { join } from 'node:path';
import type { Config } from '../config/config.ts';

export function schedulerSocketOf({ folders }: Config): string {
  return join(folders.run, 'scheduler.sock');
}

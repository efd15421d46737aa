// postilion serve: runs the relay in the foreground.
import type { Command } from './command.ts';
import { settingsText } from './config-show.ts';
import { getConfig } from './folders.ts';

export const serve: Command = {
  words: ['serve'],
  summary: 'Run the relay in the foreground until it is stopped',
  details:
    'First the settings in force, as one table. Logs go to stderr, one line of JSON each. SIGTERM stops in order, SIGHUP is `postilion reload`. Exit code 78: the configuration or the spool must be mended first; a restart does not help.',
  examples: [
    ['postilion serve', 'with ./config'],
    ['postilion --config /etc/postilion/config serve', 'as a service manager does'],
  ],
  async run(call) {
    const config = await getConfig(call);
    // With --json nothing but lines of JSON comes: `config show --json` has the table.
    if (!call.json) await call.deps.terminal.out(settingsText(config));
    return call.deps.serve(config, call.configDir);
  },
};

// postilion reload: the running relay reads its configuration again.
import { EXIT } from '../base/errors.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';

export const reload: Command = {
  words: ['reload'],
  summary: 'Let the running relay take over a changed configuration',
  details:
    'sending.yaml, users and certificates are taken over at once; the rest of postilion.yaml waits for a restart. If anything is wrong, nothing changes and every problem is told (exit code 78).',
  examples: [['postilion reload', 'one line for each change']],
  async run(call) {
    const { terminal } = call.deps;
    const reloaded = await ask(getFolders(call), 'POST /v1/reload', undefined);
    if (call.json) {
      await terminal.out(`${JSON.stringify(reloaded)}\n`);
      return EXIT.ok;
    }
    for (const change of reloaded.changes) await terminal.out(`${change}\n`);
    for (const warning of reloaded.warnings) await terminal.out(`warning: ${warning}\n`);
    const what = reloaded.changes.length === 0 ? 'nothing changed' : `${reloaded.changes.length} changed`;
    await terminal.out(`configuration ${reloaded.configuration} is in force: ${what}\n`);
    return EXIT.ok;
  },
};

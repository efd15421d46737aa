// postilion spool export: every message that waits, into files that any program can read.
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { getFolders } from './folders.ts';
import { countedText, withProgress } from './progress.ts';

export const spoolExport: Command = {
  words: ['spool', 'export'],
  summary: 'Write every message that waits into a new folder',
  details: 'The spool stays as it is. The relay must not be running.',
  args: [{ name: 'folder', doc: 'is made; must not exist' }],
  examples: [['postilion spool export /backup/mail', 'to move to another host, or to look at it']],
  async run(call) {
    const { terminal, spool } = call.deps;
    const folder = given(call, 'folder');
    const folders = getFolders(call);
    const exported = await withProgress(call.deps, 'export', (tell) => spool.export(folders, folder, tell));
    await terminal.out(
      call.json ? `${JSON.stringify({ exported })}\n` : `${countedText(exported, 'message')} written to ${folder}\n`,
    );
    return EXIT.ok;
  },
};

// postilion spool import: takes in what an export wrote.
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { getFolders } from './folders.ts';
import { countedText, withProgress } from './progress.ts';

export const spoolImport: Command = {
  words: ['spool', 'import'],
  summary: 'Take in the messages of an export',
  details:
    'Ids are kept, and one that is there already is skipped: it may be run again. The relay must not be running.',
  args: [{ name: 'folder', doc: 'made by `postilion spool export`' }],
  examples: [['postilion spool import /backup/mail', 'on the new host']],
  async run(call) {
    const { terminal, spool } = call.deps;
    const folder = given(call, 'folder');
    const folders = getFolders(call);
    const { taken, skipped } = await withProgress(call.deps, 'import', (tell) => spool.import(folders, folder, tell));
    await terminal.out(
      call.json
        ? `${JSON.stringify({ taken, skipped })}\n`
        : `${countedText(taken, 'message')} taken in, ${countedText(skipped, 'was', 'were')} there already\n`,
    );
    return EXIT.ok;
  },
};

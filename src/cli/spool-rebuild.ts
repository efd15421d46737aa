// postilion spool rebuild: the index anew, from segments and journal.
import { EXIT } from '../base/errors.ts';
import type { Command } from './command.ts';
import { getFolders } from './folders.ts';
import { withProgress } from './progress.ts';
import { findingsText } from './spool-findings.ts';

export const spoolRebuild: Command = {
  words: ['spool', 'rebuild'],
  summary: 'Make the index of the spool anew',
  details:
    'Segments and journal hold everything; the index is made from them and equals the one before. The relay must not be running. Exit code 1 when something damaged was left out.',
  examples: [['postilion spool rebuild', 'when the index is lost or broken']],
  async run(call) {
    const { terminal, spool } = call.deps;
    const folders = getFolders(call);
    const findings = await withProgress(call.deps, 'rebuild', (tell) => spool.rebuild(folders, tell));
    await terminal.out(call.json ? `${JSON.stringify(findings)}\n` : findingsText(findings));
    return findings.troubles.length === 0 ? EXIT.ok : EXIT.no;
  },
};

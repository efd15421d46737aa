// postilion spool verify: is everything in the spool whole?
import { EXIT } from '../base/errors.ts';
import type { Command } from './command.ts';
import { getFolders } from './folders.ts';
import { withProgress } from './progress.ts';
import { findingsText } from './spool-findings.ts';

export const spoolVerify: Command = {
  words: ['spool', 'verify'],
  summary: 'Read every record of the spool and say what is damaged',
  details: 'Changes nothing. The relay must not be running. Exit code 1 when something was found.',
  examples: [['postilion spool verify', 'after a disk had trouble']],
  async run(call) {
    const { terminal, spool } = call.deps;
    const folders = getFolders(call);
    const findings = await withProgress(call.deps, 'verify', (tell) => spool.verify(folders, tell));
    await terminal.out(call.json ? `${JSON.stringify(findings)}\n` : findingsText(findings));
    return findings.troubles.length === 0 ? EXIT.ok : EXIT.no;
  },
};

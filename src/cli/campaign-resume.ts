// postilion campaign resume.
import { EXIT } from '../base/errors.ts';
import { CAMPAIGN_ARGUMENT, campaignMark } from './campaign-argument.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';

export const campaignResume: Command = {
  words: ['campaign', 'resume'],
  summary: 'Release a campaign that was paused, by `campaign pause` or by itself, or suspended by a reply',
  details:
    'What was answered to it before is forgotten: it is only paused by itself again for what comes. Exit code 1 when it is neither.',
  args: CAMPAIGN_ARGUMENT,
  examples: [['postilion campaign resume acme/spring', 'once its list was cleaned']],
  async run(call) {
    const mark = campaignMark(call);
    const done = await ask(getFolders(call), 'POST /v1/queue/resume', { mark });
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ mark, ...done })}\n` : `${mark}: resumed\n`);
    return EXIT.ok;
  },
};

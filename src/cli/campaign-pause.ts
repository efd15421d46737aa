// postilion campaign pause.
import { EXIT } from '../base/errors.ts';
import { CAMPAIGN_ARGUMENT, campaignMark } from './campaign-argument.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';

export const campaignPause: Command = {
  words: ['campaign', 'pause'],
  summary: 'Hold a campaign',
  details:
    'What has begun ends; nothing more begins until `postilion campaign resume`. New mail is still taken, and lifetimes go on.',
  args: CAMPAIGN_ARGUMENT,
  examples: [['postilion campaign pause acme/spring', 'the campaign spring of the tenant acme']],
  async run(call) {
    const mark = campaignMark(call);
    const done = await ask(getFolders(call), 'POST /v1/queue/pause', { mark });
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ mark, ...done })}\n` : `${mark}: paused\n`);
    return EXIT.ok;
  },
};

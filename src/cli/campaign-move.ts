// postilion campaign move: a campaign goes from another pool.
import { EXIT } from '../base/errors.ts';
import { CAMPAIGN_ARGUMENT, campaignMark } from './campaign-argument.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { MOVE_OPTIONS, movedText, poolOf } from './move-target.ts';

export const campaignMove: Command = {
  words: ['campaign', 'move'],
  summary: 'Send a campaign from another pool',
  details:
    'What waits goes too, and nothing of it is rewritten; what is on its way ends where it is. A restart keeps it.',
  args: CAMPAIGN_ARGUMENT,
  options: MOVE_OPTIONS,
  examples: [
    ['postilion campaign move acme/spring --to apart', 'it leaves by the sources of the pool apart'],
    ['postilion campaign move acme/spring --back', 'as it is configured'],
  ],
  async run(call) {
    const mark = campaignMark(call);
    const pool = poolOf(call);
    const done = await ask(getFolders(call), 'POST /v1/queue/move', pool === undefined ? { mark } : { mark, pool });
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ mark, pool, ...done })}\n` : movedText(mark, pool));
    return EXIT.ok;
  },
};

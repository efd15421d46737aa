// postilion campaign cancel: what waits of a campaign is not sent.
import { EXIT } from '../base/errors.ts';
import { CAMPAIGN_ARGUMENT, campaignMark } from './campaign-argument.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { countText } from './progress.ts';

export const campaignCancel: Command = {
  words: ['campaign', 'cancel'],
  summary: 'Do not send what waits of a campaign',
  details:
    'What was accepted until now is not begun any more from this moment on, and settles as cancelled little by little. What has begun ends as it ends. Mail of the same campaign that comes later is sent: pause it if the application still hands some in. There is no way back.',
  args: CAMPAIGN_ARGUMENT,
  examples: [
    ['postilion campaign cancel acme/spring', 'exit code 1 when nothing of it waits'],
    ['postilion campaign list', 'cancelling until the last row is settled'],
  ],
  async run(call) {
    const mark = campaignMark(call);
    const answer = await ask(getFolders(call), 'POST /v1/campaigns/cancel', { mark });
    const what = answer.waiting === 1 ? '1 delivery is' : `${countText(answer.waiting)} deliveries are`;
    await call.deps.terminal.out(
      call.json ? `${JSON.stringify({ mark, ...answer })}\n` : `${mark}: ${what} being cancelled\n`,
    );
    return EXIT.ok;
  },
};

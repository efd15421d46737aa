// postilion queue pause.
import { EXIT } from '../base/errors.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { MARK_OPTIONS, markOf } from './queue-mark.ts';

export const queuePause: Command = {
  words: ['queue', 'pause'],
  summary: 'Hold mail: all, or that of a tenant, a stream, a domain, a campaign, a pool or a route',
  details:
    'What has begun ends; nothing more begins until `postilion queue resume` with the same option. New mail is still taken, and lifetimes go on. A route is named by its `name`, or by its place as in routes[0].',
  options: MARK_OPTIONS,
  examples: [
    ['postilion queue pause', 'nothing is sent any more'],
    ['postilion queue pause --domain example.net', 'nothing to this domain'],
    ['postilion queue pause --campaign acme/spring', 'nothing of this campaign'],
    ['postilion queue pause --route smarthost', 'nothing by this route'],
  ],
  async run(call) {
    const mark = markOf(call);
    const done = await ask(getFolders(call), 'POST /v1/queue/pause', { mark });
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ mark, ...done })}\n` : `${mark}: paused\n`);
    return EXIT.ok;
  },
};

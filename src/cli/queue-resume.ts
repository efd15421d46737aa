// postilion queue resume.
import { EXIT } from '../base/errors.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { MARK_OPTIONS, markOf } from './queue-mark.ts';

export const queueResume: Command = {
  words: ['queue', 'resume'],
  summary: 'Release what `queue pause` holds',
  details: 'With the same option as the pause. Exit code 1 when there is no such pause.',
  options: MARK_OPTIONS,
  examples: [
    ['postilion queue resume', 'ends `postilion queue pause`'],
    ['postilion queue resume --domain example.net', 'ends that pause'],
  ],
  async run(call) {
    const mark = markOf(call);
    const done = await ask(getFolders(call), 'POST /v1/queue/resume', { mark });
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ mark, ...done })}\n` : `${mark}: resumed\n`);
    return EXIT.ok;
  },
};

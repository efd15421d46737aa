// postilion lane resume: a suspension ends, whoever made it.
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';

export const laneResume: Command = {
  words: ['lane', 'resume'],
  summary: 'End what suspends a lane, a sending domain at a provider, or a campaign',
  details:
    'Also what a reply began, and what is held until it is cleared; what a reply left out (IPv6, say) is used again. Mail goes at once, at the pace the lane has. Exit code 1 when nothing of that name is suspended.',
  args: [
    {
      name: 'lane',
      doc: 'as `postilion lane list` shows it: out1/google, of a sending domain example.org/google, of a campaign acme/spring',
    },
  ],
  examples: [
    ['postilion lane resume out1/google', 'the block is lifted, do not wait for the probe'],
    ['postilion lane resume example.org/google', 'its DNS record is mended'],
  ],
  async run(call) {
    const lane = given(call, 'lane');
    const done = await ask(getFolders(call), 'POST /v1/lanes/resume', { lane });
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ lane, ...done })}\n` : `${lane}: resumed\n`);
    return EXIT.ok;
  },
};

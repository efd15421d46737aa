// postilion lane pause: nothing more begins on a lane.
import { EXIT, OperatorError } from '../base/errors.ts';
import { durationText } from '../base/duration.ts';
import { parseDuration } from '../config/units.ts';
import { type Command, given, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { LANE_ARGUMENT } from './lane-text.ts';

export const lanePause: Command = {
  words: ['lane', 'pause'],
  summary: 'Send nothing more from a source to a provider',
  details:
    'What has begun ends; what has not goes by the other sources of its pool, or waits. A restart keeps it. After `--for` one delivery tries, and by its answer the lane goes on.',
  args: [LANE_ARGUMENT],
  options: [{ flags: '--for <time>', doc: 'so long, e.g. 2h (until it is resumed)' }],
  examples: [
    ['postilion lane pause out1/google', 'until `postilion lane resume out1/google`'],
    ['postilion lane pause out1/google --for 2h', 'then it is tried with one delivery'],
  ],
  async run(call) {
    const lane = given(call, 'lane');
    const text = optionText(call, 'for');
    const parsed = text === undefined ? undefined : parseDuration(text);
    if (parsed !== undefined && 'wrong' in parsed) throw new OperatorError(`--for ${parsed.wrong}`, EXIT.usage);
    const forMs = parsed?.value;
    const done = await ask(getFolders(call), 'POST /v1/lanes/pause', { lane, ...(forMs !== undefined && { forMs }) });
    const end = forMs === undefined ? 'until it is resumed' : `for ${durationText(forMs)}`;
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ lane, ...done })}\n` : `${lane}: paused ${end}\n`);
    return EXIT.ok;
  },
};

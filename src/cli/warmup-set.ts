// postilion warmup set: a source enters its plan where a volume fits.
import { EXIT, OperatorError } from '../base/errors.ts';
import { type Command, optionText } from './command.ts';
import { changeWarmup, SOURCE_AND_PROVIDER } from './warmup-change.ts';
import { parseVolume } from './warmup-volume.ts';

export const warmupSet: Command = {
  words: ['warmup', 'set'],
  summary: 'Enter the plan of a source where a volume fits',
  details:
    'At the highest stage that is not above the volume, at once; beyond the last stage it is warm. For an address that was warm elsewhere, or that a provider likes less than its stage says. What was sent today stays counted.',
  args: SOURCE_AND_PROVIDER,
  options: [{ flags: '--volume <recipients>', doc: 'recipients per day that were reached, such as 5000/day' }],
  examples: [
    ['postilion warmup set out17 --volume 5000/day', 'at every provider, also those it has not written to'],
    ['postilion warmup set out17 google --volume 500/day', 'at one'],
  ],
  async run(call) {
    const text = optionText(call, 'volume');
    if (text === undefined)
      throw new OperatorError('--volume is missing: recipients per day, such as 5000/day', EXIT.usage);
    return changeWarmup(call, { do: 'set', volume: parseVolume(text, '--volume') });
  },
};

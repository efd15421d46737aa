// postilion warmup resume: let days decide again.
import type { Command } from './command.ts';
import { changeWarmup, SOURCE_AND_PROVIDER } from './warmup-change.ts';

export const warmupResume: Command = {
  words: ['warmup', 'resume'],
  summary: 'Let days decide again',
  details: 'Ends `postilion warmup hold`. The day that goes on counts as a whole.',
  args: SOURCE_AND_PROVIDER,
  examples: [['postilion warmup resume out17', 'at every provider']],
  run: (call) => changeWarmup(call, { do: 'resume' }),
};

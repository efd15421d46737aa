// postilion warmup reset: begin the plan of a source anew.
import type { Command } from './command.ts';
import { changeWarmup, SOURCE_AND_PROVIDER } from './warmup-change.ts';

export const warmupReset: Command = {
  words: ['warmup', 'reset'],
  summary: 'Begin the plan of a source anew',
  details: 'At its first stage, at once, and not held. What was sent today stays counted.',
  args: SOURCE_AND_PROVIDER,
  examples: [['postilion warmup reset out17', 'after the address was lost for a while']],
  run: (call) => changeWarmup(call, { do: 'reset' }),
};

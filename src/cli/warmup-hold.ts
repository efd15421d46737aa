// postilion warmup hold: keep a source at its stage.
import type { Command } from './command.ts';
import { changeWarmup, SOURCE_AND_PROVIDER } from './warmup-change.ts';

export const warmupHold: Command = {
  words: ['warmup', 'hold'],
  summary: 'Keep a source at its stage',
  details:
    'Whatever days bring, until `postilion warmup resume`: it does not go on, not back, and does not fall on days without mail. Restarts keep it.',
  args: SOURCE_AND_PROVIDER,
  examples: [['postilion warmup hold out17', 'at every provider']],
  run: (call) => changeWarmup(call, { do: 'hold' }),
};

// postilion warmup advance: go on to the next stage now.
import type { Command } from './command.ts';
import { changeWarmup, SOURCE_AND_PROVIDER } from './warmup-change.ts';

export const warmupAdvance: Command = {
  words: ['warmup', 'advance'],
  summary: 'Go on to the next stage now',
  details:
    'Without waiting for the end of the day; beyond the last stage it is warm. Without a provider: at every provider it has written to. What was sent today stays counted.',
  args: SOURCE_AND_PROVIDER,
  examples: [['postilion warmup advance out17 google', 'one stage on at Google']],
  run: (call) => changeWarmup(call, { do: 'advance' }),
};

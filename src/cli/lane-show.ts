// postilion lane show: one lane, what limits it and when it goes on.
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { LANE_ARGUMENT, laneText } from './lane-text.ts';

export const laneShow: Command = {
  words: ['lane', 'show'],
  summary: 'Show what limits a lane, and when it goes on',
  args: [LANE_ARGUMENT],
  examples: [['postilion lane show out1/google', 'its pace, its suspension, the reply that caused them']],
  async run(call) {
    const { terminal, clock } = call.deps;
    const lane = await ask(getFolders(call), 'GET /v1/lanes/show', undefined, { query: { lane: given(call, 'lane') } });
    await terminal.out(call.json ? `${JSON.stringify(lane)}\n` : laneText(lane, clock.now()));
    return EXIT.ok;
  },
};

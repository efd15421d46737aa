// postilion lane release: the pace follows the replies again.
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { LANE_ARGUMENT, laneText } from './lane-text.ts';

export const laneRelease: Command = {
  words: ['lane', 'release'],
  summary: 'End a pin, or undo what replies have slowed',
  details:
    'Of a pinned lane the pace goes on as it was before the pin. Of any other it begins anew: at its ceiling, or with the provider’s `start` while the source warms up there.',
  args: [LANE_ARGUMENT],
  examples: [['postilion lane release out1/google', 'the pace follows the replies again']],
  async run(call) {
    const { terminal, clock } = call.deps;
    const report = await ask(getFolders(call), 'POST /v1/lanes/release', { lane: given(call, 'lane') });
    await terminal.out(call.json ? `${JSON.stringify(report)}\n` : laneText(report, clock.now()));
    return EXIT.ok;
  },
};

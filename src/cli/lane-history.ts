// postilion lane history: what changed a lane's pace, and what suspended it.
import { EXIT, OperatorError } from '../base/errors.ts';
import { LANE_CHANGES_DEFAULT, LANE_CHANGES_MAX } from '../control/api.ts';
import type { LaneChange } from '../flow/lanes.ts';
import { type Command, given, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { LANE_ARGUMENT } from './lane-text.ts';
import { instantText } from './moment.ts';
import { printable } from './table.ts';

export const laneHistory: Command = {
  words: ['lane', 'history'],
  summary: 'Show what changed a lane, and the reply that did it',
  details:
    'As far back as the journal goes (`history` in postilion.yaml). Newest last. Exit code 1 when nothing changed it.',
  args: [LANE_ARGUMENT],
  options: [{ flags: '--limit <n>', doc: `the last so many (${LANE_CHANGES_DEFAULT})` }],
  examples: [['postilion lane history out1/google', 'each throttle, block, step and pin']],
  async run(call) {
    const { terminal } = call.deps;
    const limit = optionText(call, 'limit') ?? String(LANE_CHANGES_DEFAULT);
    if (!/^[1-9]\d{0,4}$/.test(limit) || Number(limit) > LANE_CHANGES_MAX) {
      throw new OperatorError(`--limit takes a number up to ${LANE_CHANGES_MAX}, not '${limit}'`, EXIT.usage);
    }
    const query = { lane: given(call, 'lane'), limit };
    const changes = await ask(getFolders(call), 'GET /v1/lanes/history', undefined, { query });
    await terminal.out(call.json ? `${JSON.stringify(changes)}\n` : changes.map(changeText).join(''));
    return changes.length > 0 ? EXIT.ok : EXIT.no;
  },
};

function changeText({ at, by, text, reply }: LaneChange): string {
  return `${printable(`${instantText(at)}  ${text}  (${by})${reply === undefined ? '' : `: ${reply}`}`)}\n`;
}

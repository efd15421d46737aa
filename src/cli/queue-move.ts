// postilion queue move: mail goes from another pool.
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { MOVE_OPTIONS, movedText, poolOf } from './move-target.ts';
import { MARK_OPTIONS, markOf } from './queue-mark.ts';

const MOVABLE = ['tenant', 'stream', 'campaign'] as const;

export const queueMove: Command = {
  words: ['queue', 'move'],
  summary: 'Send mail of a tenant, a stream or a campaign from another pool',
  details:
    'What waits goes too, and nothing of it is rewritten; what is on its way ends where it is. A move comes before the pool that a route, the message or the user names; that of a campaign before that of its tenant, and that before that of its stream. A restart keeps it.',
  options: [
    ...MARK_OPTIONS.filter(({ flags }) => MOVABLE.some((name) => flags.startsWith(`--${name} `))),
    ...MOVE_OPTIONS,
  ],
  examples: [
    ['postilion queue move --tenant acme --to apart', 'its mail leaves by the sources of the pool apart'],
    ['postilion queue move --stream bulk --to warm', 'that of all tenants in this stream'],
    ['postilion queue move --tenant acme --back', 'as it is configured'],
  ],
  async run(call) {
    const mark = markOf(call, MOVABLE);
    if (mark === 'all') throw new OperatorError('choose one of --tenant, --stream and --campaign', EXIT.usage);
    const pool = poolOf(call);
    const done = await ask(getFolders(call), 'POST /v1/queue/move', pool === undefined ? { mark } : { mark, pool });
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ mark, pool, ...done })}\n` : movedText(mark, pool));
    return EXIT.ok;
  },
};

// postilion message retry: one message is due now.
import { EXIT } from '../base/errors.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { ID_ARGUMENT, idOf } from './message-id-argument.ts';

export const messageRetry: Command = {
  words: ['message', 'retry'],
  summary: 'Try a message now',
  args: ID_ARGUMENT,
  examples: [['postilion message retry 01k9zq3v5m8w2x4y6z7a9b1c3d', 'exit code 1 when nothing of it waits']],
  async run(call) {
    const id = idOf(call);
    const done = await ask(getFolders(call), 'POST /v1/messages/:id/retry', undefined, { id });
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ id, ...done })}\n` : `${id}: due now\n`);
    return EXIT.ok;
  },
};

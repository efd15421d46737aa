// postilion message cancel: what waits of a message is not sent.
import { EXIT } from '../base/errors.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { ID_ARGUMENT, idOf } from './message-id-argument.ts';

export const messageCancel: Command = {
  words: ['message', 'cancel'],
  summary: 'Do not send what waits of a message',
  details: 'Its deliveries settle as cancelled. One whose transaction has begun ends as it ends. There is no way back.',
  args: ID_ARGUMENT,
  examples: [['postilion message cancel 01k9zq3v5m8w2x4y6z7a9b1c3d', 'exit code 1 when nothing of it waits']],
  async run(call) {
    const id = idOf(call);
    const done = await ask(getFolders(call), 'POST /v1/messages/:id/cancel', undefined, { id });
    const text = `${id}: ${done.cancelled === 1 ? '1 delivery' : `${done.cancelled} deliveries`} cancelled\n`;
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ id, ...done })}\n` : text);
    return EXIT.ok;
  },
};

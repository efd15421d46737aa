// postilion queue retry: what waits for its next attempt is due now.
import { EXIT } from '../base/errors.ts';
import { type Command, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';

export const queueRetry: Command = {
  words: ['queue', 'retry'],
  summary: 'Try now what waits for its next attempt',
  options: [{ flags: '--domain <name>', doc: 'only mail to this domain' }],
  examples: [
    ['postilion queue retry', 'everything'],
    ['postilion queue retry --domain example.net', 'after its server is back'],
  ],
  async run(call) {
    const domain = optionText(call, 'domain');
    const retried = await ask(getFolders(call), 'POST /v1/queue/retry', domain === undefined ? {} : { domain });
    const text = `${retried.queues === 1 ? '1 queue is' : `${retried.queues} queues are`} due now\n`;
    await call.deps.terminal.out(call.json ? `${JSON.stringify(retried)}\n` : text);
    return EXIT.ok;
  },
};

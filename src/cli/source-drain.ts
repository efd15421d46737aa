// postilion source drain: a source begins nothing more.
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { countedText } from './progress.ts';

export const sourceDrain: Command = {
  words: ['source', 'drain'],
  summary: 'Send nothing more from a source',
  details:
    'What it has begun ends, then its connections close. Mail that waits belongs to pools and goes by their other sources, or by the overflow pool, or waits. A restart keeps it drained; `postilion source enable` ends it.',
  args: [{ name: 'source', doc: 'its name in sending.yaml' }],
  examples: [
    ['postilion source drain out1', 'before its address is taken away, or blocked'],
    ['postilion source list', 'drained once nothing of it is open'],
  ],
  async run(call) {
    const source = given(call, 'source');
    const report = await ask(getFolders(call), 'POST /v1/sources/:id/drain', undefined, { id: source });
    const left =
      report.state === 'draining' ? `: ${countedText(report.sessions, 'connection ends', 'connections end')}` : '';
    await call.deps.terminal.out(call.json ? `${JSON.stringify(report)}\n` : `${source}: ${report.state}${left}\n`);
    return EXIT.ok;
  },
};

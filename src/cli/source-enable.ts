// postilion source enable: ends `source drain`.
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';

export const sourceEnable: Command = {
  words: ['source', 'enable'],
  summary: 'Send from a drained source again',
  args: [{ name: 'source', doc: 'its name in sending.yaml' }],
  examples: [['postilion source enable out1', 'exit code 1 while sending.yaml disables it']],
  async run(call) {
    const source = given(call, 'source');
    const report = await ask(getFolders(call), 'POST /v1/sources/:id/enable', undefined, { id: source });
    const why = report.state === 'disabled' ? ': sending.yaml says enabled: false' : '';
    await call.deps.terminal.out(call.json ? `${JSON.stringify(report)}\n` : `${source}: ${report.state}${why}\n`);
    return report.state === 'enabled' ? EXIT.ok : EXIT.no;
  },
};

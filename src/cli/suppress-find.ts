// postilion suppress find: is an address on the suppression list, and why?
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { SUPPRESSION_COLUMNS, suppressionJson } from './suppression-fields.ts';
import { tableText } from './table.ts';

export const suppressFind: Command = {
  words: ['suppress', 'find'],
  summary: 'Show whether an address is on the suppression list, and why',
  details: 'Exit code 1: it is not.',
  args: [{ name: 'address', doc: 'such as somebody@example.com' }],
  examples: [
    ['postilion suppress find somebody@example.com', 'with the reply that put it there'],
    ['postilion suppress find --json somebody@example.com', 'and the message that was answered so'],
  ],
  async run(call) {
    const { terminal } = call.deps;
    const address = given(call, 'address');
    const query = { address };
    const { entries } = await ask(getFolders(call), 'GET /v1/suppressions/find', undefined, { query });
    if (call.json) await terminal.out(`${JSON.stringify(entries.map(suppressionJson))}\n`);
    else if (entries.length === 0) await terminal.out(`${address} is not on the suppression list\n`);
    else await terminal.out(tableText(SUPPRESSION_COLUMNS, entries, terminal.outColumns));
    return entries.length === 0 ? EXIT.no : EXIT.ok;
  },
};

// postilion suppress remove: a recipient gets mail again.
import { EXIT } from '../base/errors.ts';
import { type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { findScope, SCOPE_OPTIONS } from './suppression-scope.ts';

export const suppressRemove: Command = {
  words: ['suppress', 'remove'],
  summary: 'Take an address off the suppression list',
  details:
    'Of every scope unless one is named. What ended as suppressed meanwhile is not sent again. Exit code 1: it was not there.',
  args: [{ name: 'address', doc: 'such as somebody@example.com' }],
  options: SCOPE_OPTIONS,
  examples: [
    ['postilion suppress remove somebody@example.com', 'whatever holds its mail back'],
    ['postilion suppress remove somebody@example.com --tenant acme', 'only what holds back mail of this tenant'],
  ],
  async run(call) {
    const address = given(call, 'address');
    const scope = findScope(call);
    const choice = { address, ...(scope === undefined ? {} : { scope }) };
    const { removed } = await ask(getFolders(call), 'POST /v1/suppressions/remove', choice);
    const entries = removed === 1 ? '1 entry' : `${removed} entries`;
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ removed })}\n` : `${address}: ${entries} removed\n`);
    return EXIT.ok;
  },
};

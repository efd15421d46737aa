// postilion suppress add: a recipient gets no mail from now on.
import { EXIT, OperatorError } from '../base/errors.ts';
import { parseDuration } from '../config/units.ts';
import type { SuppressionInput } from '../control/api.ts';
import { type Call, type Command, given, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { findScope, SCOPE_OPTIONS } from './suppression-scope.ts';

export const suppressAdd: Command = {
  words: ['suppress', 'add'],
  summary: 'Put an address on the suppression list: it gets no mail from now on',
  details:
    'What waits for it ends as suppressed when its turn comes; what is being sent is not stopped. Upper and lower case are the same, dots and +tags are not. An entry that is there is replaced.',
  args: [{ name: 'address', doc: 'such as somebody@example.com' }],
  options: [
    ...SCOPE_OPTIONS,
    { flags: '--reason <word>', doc: 'small letters, digits and -; else operator' },
    { flags: '--for <duration>', doc: 'such as 30d; else for good' },
    { flags: '--note <text>', doc: 'for whoever asks later' },
  ],
  examples: [
    ['postilion suppress add somebody@example.com', 'no mail of anybody'],
    ['postilion suppress add somebody@example.com --tenant acme --reason complaint', 'none of this tenant'],
    ['postilion suppress add somebody@example.com --stream acme/bulk --for 90d', 'none of this stream, for a while'],
  ],
  async run(call) {
    const entry = entryOf(call);
    const { added, unreadable } = await ask(getFolders(call), 'POST /v1/suppressions', { entries: [entry] });
    if (unreadable > 0) {
      throw new OperatorError(
        'that part of the list is damaged: stop the relay and run postilion spool rebuild',
        EXIT.configuration,
      );
    }
    const what = `${entry.address}: ${added > 0 ? 'suppressed' : 'was suppressed already'} (${entry.scope ?? 'global'})`;
    await call.deps.terminal.out(call.json ? `${JSON.stringify({ added: added > 0 })}\n` : `${what}\n`);
    return EXIT.ok;
  },
};

function entryOf(call: Call): SuppressionInput {
  const scope = findScope(call);
  const reason = optionText(call, 'reason');
  const note = optionText(call, 'note');
  const forText = optionText(call, 'for');
  const duration = forText === undefined ? undefined : parseDuration(forText);
  if (duration !== undefined && 'wrong' in duration) throw new OperatorError(`--for ${duration.wrong}`, EXIT.usage);
  return {
    address: given(call, 'address'),
    ...(scope === undefined ? {} : { scope }),
    ...(reason === undefined ? {} : { reason }),
    ...(note === undefined ? {} : { note }),
    ...(duration === undefined ? {} : { until: Math.ceil(call.deps.clock.now()) + duration.value }),
  };
}

// postilion suppress list: what stands on the suppression list.
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Suppression } from '../flow/suppression.ts';
import { type Call, type Command, type Option, optionText } from './command.ts';
import { getFolders } from './folders.ts';
import { countText } from './progress.ts';
import { SUPPRESSION_COLUMNS, suppressionJson } from './suppression-fields.ts';
import { type Listing, listSuppressions } from './suppression-listing.ts';
import { findScope, SCOPE_OPTIONS } from './suppression-scope.ts';
import { tableText } from './table.ts';

export const LIST_OPTIONS: readonly Option[] = [
  ...SCOPE_OPTIONS,
  { flags: '--domain <name>', doc: 'addresses of this domain' },
  { flags: '--reason <word>', doc: 'entries with this reason, such as recipient-unknown' },
];
const LIMIT_DEFAULT = 100;

export const suppressList: Command = {
  words: ['suppress', 'list'],
  summary: 'List what stands on the suppression list, in no order',
  options: [...LIST_OPTIONS, { flags: '--limit <n>', doc: `at most so many; ${LIMIT_DEFAULT} unless told` }],
  examples: [
    ['postilion suppress list', 'some of it'],
    ['postilion suppress list --tenant acme --reason complaint', 'what people complained about'],
    ['postilion suppress list --domain example.com --limit 10000 --json', 'for programs'],
  ],
  async run(call) {
    const { terminal } = call.deps;
    const limit = limitOf(call);
    const found: Suppression[] = [];
    for await (const entries of listSuppressions(getFolders(call), listingOf(call))) {
      found.push(...entries);
      if (found.length > limit) break;
    }
    const shown = found.slice(0, limit);
    if (call.json) await terminal.out(`${JSON.stringify(shown.map(suppressionJson))}\n`);
    else {
      await terminal.out(shown.length === 0 ? 'nothing\n' : tableText(SUPPRESSION_COLUMNS, shown, terminal.outColumns));
    }
    if (found.length > limit) {
      await terminal.note(`there are more than ${countText(limit)}: --limit, or postilion suppress export\n`);
    }
    return EXIT.ok;
  },
};

export function listingOf(call: Call): Listing {
  const scope = findScope(call);
  const reason = optionText(call, 'reason');
  const domain = optionText(call, 'domain');
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(reason === undefined ? {} : { reason }),
    ...(domain === undefined ? {} : { domain }),
  };
}

function limitOf(call: Call): number {
  const text = optionText(call, 'limit');
  if (text === undefined) return LIMIT_DEFAULT;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new OperatorError(`--limit takes a number, not '${text}'`, EXIT.usage);
}

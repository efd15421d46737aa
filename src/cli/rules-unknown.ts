// postilion rules unknown: replies the running relay met that no text rule knows, and none of the rules in the files
// knows either by now.
import { EXIT } from '../base/errors.ts';
import type { UnknownReply } from '../flow/operations.ts';
import { matchingRules, questionOf } from '../rules/classify.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { instantText } from './moment.ts';
import { countText } from './progress.ts';
import { getRules } from './rules-in-force.ts';
import { type Column, tableText } from './table.ts';

export const rulesUnknown: Command = {
  words: ['rules', 'unknown'],
  summary: 'List replies that no text rule knows: they kept the meaning of their codes',
  details:
    'At most 500, the most frequent first; replies that say the same of different people are one line. Those that a rule in the files knows by now are left out: they need a reload, not a rule.',
  examples: [
    ['postilion rules unknown', 'what to write rules for'],
    ['postilion rules unknown --json', 'with codes, instants and a sample of each'],
  ],
  async run(call) {
    const { set } = getRules(call);
    const known = await ask(getFolders(call), 'GET /v1/replies/unknown', undefined);
    const unknown = known.filter(
      ({ sample, provider }) => matchingRules(set, questionOf(sample, provider)).length === 0,
    );
    const { terminal } = call.deps;
    if (call.json) await terminal.out(`${JSON.stringify(unknown.map(unknownJson))}\n`);
    else await terminal.out(unknown.length === 0 ? 'none\n' : tableText(COLUMNS, unknown, terminal.outColumns));
    return EXIT.ok;
  },
};

function unknownJson({ firstAt, lastAt, ...reply }: UnknownReply): Readonly<Record<string, unknown>> {
  return { ...reply, first: instantText(firstAt), last: instantText(lastAt) };
}

const COLUMNS: readonly Column<UnknownReply>[] = [
  { title: 'replies', of: ({ count }) => countText(count), align: 'right' },
  { title: 'from', of: ({ provider, domain }) => provider ?? domain },
  { title: 'last', of: ({ lastAt }) => instantText(lastAt).slice(0, 10) },
  { title: 'taken for', of: ({ category, rule }) => `${category} (${rule})` },
  { title: 'reply', of: ({ sample }) => sample },
];

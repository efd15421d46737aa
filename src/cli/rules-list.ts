// postilion rules list: the rules in force, in the order in which they are asked.
import { EXIT } from '../base/errors.ts';
import { actionText } from '../rules/action.ts';
import type { Rule } from '../rules/rule-set.ts';
import { checkProvider } from './classify.ts';
import { type Command, optionText } from './command.ts';
import { getRules } from './rules-in-force.ts';
import { type Column, tableText } from './table.ts';

export const rulesList: Command = {
  words: ['rules', 'list'],
  summary: 'List the rules in force, own ones first',
  options: [
    { flags: '--provider <name>', doc: 'rules of this provider, and those of any' },
    { flags: '--category <name>', doc: 'rules of this category' },
    { flags: '--own', doc: 'those of own-responses.yaml' },
  ],
  examples: [
    ['postilion rules list --provider google --json', 'for programs, with samples'],
    ['postilion rules list --category recipient-full', 'what counts as a full mailbox'],
  ],
  async run(call) {
    const rules = getRules(call);
    const provider = optionText(call, 'provider')?.toLowerCase();
    checkProvider(rules, provider);
    const name = provider === undefined ? undefined : (rules.set.aliases.get(provider) ?? provider);
    const category = optionText(call, 'category');
    const shown = rules.set.all.filter(
      (rule) =>
        (name === undefined || rule.provider === undefined || rule.provider === name) &&
        (category === undefined || rule.category.name === category) &&
        (call.options['own'] !== true || rule.isOwn),
    );
    const { terminal } = call.deps;
    if (call.json) await terminal.out(`${JSON.stringify(shown.map(ruleJson))}\n`);
    else await terminal.out(shown.length === 0 ? 'none\n' : tableText(COLUMNS, shown, terminal.outColumns));
    return shown.length === 0 ? EXIT.no : EXIT.ok;
  },
};

function ruleJson(rule: Rule): Readonly<Record<string, unknown>> {
  const { id, isOwn, provider, fragments, codes, category, scope, actions, keep, sample } = rule;
  return {
    id,
    own: isOwn,
    ...(provider === undefined ? {} : { provider }),
    text: fragments,
    codes,
    category: category.name,
    class: category.class,
    scope,
    actions: actions.map(actionText),
    keep,
    sample,
  };
}

const COLUMNS: readonly Column<Rule>[] = [
  { title: 'rule', of: ({ id }) => id },
  { title: 'provider', of: ({ provider }) => provider ?? 'any' },
  { title: 'codes', of: ({ codes }) => codes.join(' ') || 'any' },
  { title: 'category', of: ({ category }) => category.name },
  { title: 'actions', of: ({ actions }) => actions.map(actionText).join(', ') },
  { title: 'text', of: ({ fragments }) => fragments.map((any) => any.join(' | ')).join(' + ') },
];

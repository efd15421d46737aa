// postilion rules lint: rules that can never decide, contradict each other, or do not take their own samples.
import { EXIT } from '../base/errors.ts';
import { lintRules } from '../rules/lint.ts';
import type { Command } from './command.ts';
import { countedText } from './progress.ts';
import { getRules } from './rules-in-force.ts';
import { printable } from './table.ts';

export const rulesLint: Command = {
  words: ['rules', 'lint'],
  summary: 'Find rules that can never decide, contradict each other, or whose sample another rule takes',
  details:
    'Reads responses.yaml and own-responses.yaml. sample: a rule does not match its own sample. taken: another rule decides its sample. shadowed: another rule takes whatever it would take. contradicts: so, with the same words and another category. idle: an alternative that another one makes useless. Exit code 1: something was found.',
  examples: [
    ['postilion rules lint', 'after every change of own-responses.yaml'],
    ['postilion rules lint --json', 'for programs'],
  ],
  async run(call) {
    const { set, placeOf } = getRules(call);
    const findings = lintRules(set);
    const { terminal } = call.deps;
    if (call.json) {
      const rows = findings.map(({ kind, rule, by, text }) => ({
        kind,
        rule: rule.id,
        ...(by === undefined ? {} : { by: by.id }),
        place: placeOf(rule),
        text,
      }));
      await terminal.out(`${JSON.stringify(rows)}\n`);
    } else {
      const lines = findings.map(
        ({ kind, rule, text }) => `${placeOf(rule)}: ${kind}: ${rule.id}: ${printable(text)}\n`,
      );
      await terminal.out(lines.join(''));
      const count = findings.length === 0 ? 'nothing is wrong' : `${countedText(findings.length, 'finding')}`;
      await terminal.out(`${countedText(set.all.length, 'rule')}: ${count}\n`);
    }
    return findings.length === 0 ? EXIT.ok : EXIT.no;
  },
};

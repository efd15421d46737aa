// The rules that the commands about replies work with: those of the configuration's folder, else the shipped ones. They
// need no relay, and no other file of the configuration.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { EXIT, OperatorError } from '../base/errors.ts';
import { loadRules } from '../config/load-rules.ts';
import { problemText } from '../config/problem.ts';
import { buildRuleSet, type Rule, type RuleSet } from '../rules/rule-set.ts';
import type { Call } from './command.ts';

export interface RulesInForce {
  readonly set: RuleSet;
  /** Names a reply may be said to come from: keys of providers.yaml and their other names. */
  readonly providers: ReadonlySet<string>;
  /** `config/own-responses.yaml:3:5`. */
  readonly placeOf: (rule: Rule) => string;
}

/** Throws OperatorError (78) with every problem of the rule files, one a line. */
export function getRules(call: Call): RulesInForce {
  const folder = resolve(call.configDir);
  const loaded = existsSync(folder) ? loadRules(folder, call.configDir) : loadRules();
  if ('problems' in loaded) throw new OperatorError(loaded.problems.map(problemText).join('\n'), EXIT.configuration);
  const { set } = buildRuleSet(loaded.responses);
  const named = set.all.flatMap(({ provider }) => provider ?? []);
  const ownCount = loaded.responses.ownRules?.length ?? 0;
  const placeOf = (rule: Rule): string => {
    const at = set.all.indexOf(rule);
    const { file, line, column } = loaded.placeOf(rule.isOwn, rule.isOwn ? at : at - ownCount);
    return `${file}:${line}:${column}`;
  };
  return { set, providers: new Set([...Object.keys(loaded.providers), ...named, ...set.aliases.keys()]), placeOf };
}

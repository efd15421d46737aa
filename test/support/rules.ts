// The shipped rules, for whoever needs what replies mean.
import { loadRules } from '../../src/config/load-rules.ts';
import type { Judge } from '../../src/flow/outcome.ts';
import { createJudge } from '../../src/outcome/judge.ts';
import { ProviderBook } from '../../src/policy/provider.ts';
import { buildRuleSet, type RuleSet, type RuleSetData } from '../../src/rules/rule-set.ts';

function shipped(): { readonly data: RuleSetData; readonly book: ProviderBook } {
  const loaded = loadRules();
  if ('problems' in loaded) throw new Error(loaded.problems.map(({ message }) => message).join('\n'));
  const providers = Object.entries(loaded.providers).map(([name, { mx, domains }]) => ({ name, mx, domains }));
  return { data: loaded.responses, book: new ProviderBook(providers) };
}

const { data, book } = shipped();
export const shippedData: RuleSetData = data;
export const shippedBook: ProviderBook = book;
export const shippedSet: RuleSet = buildRuleSet(data).set;
export const judge: Judge = createJudge(shippedSet);

// Why a reply means what it means: the rule that decided, those that matched too and came too late, and what the codes
// alone would have said. For people; `classify` does not pay for it.
import { byCodes, type Classification, classify, matchingRules, type Question } from './classify.ts';
import type { Rule, RuleSet } from './rule-set.ts';

export interface CodeMeaning {
  /** `enhanced 4.7.28`, `reply 421`. */
  readonly rule: string;
  readonly category: string;
}

export interface Explanation {
  readonly classification: Classification;
  /** The text rule that decided; absent: codes did. */
  readonly rule?: Rule;
  /** They match as well, the next to decide first. */
  readonly shadowed: readonly Rule[];
  /** Each code alone, the one that counts more first. */
  readonly codes: readonly CodeMeaning[];
}

export function explain(set: RuleSet, question: Question): Explanation {
  const [rule, ...shadowed] = matchingRules(set, question);
  const { code, enhanced } = question;
  const alone: Pick<Question, 'code' | 'enhanced'>[] = [];
  if (enhanced !== undefined) alone.push({ enhanced });
  if (code !== undefined) alone.push({ code });
  const codes = alone.flatMap((one) => {
    const found = byCodes(set, { text: '', ...one });
    return found === undefined ? [] : [{ rule: found.rule, category: found.category.name }];
  });
  return { classification: classify(set, question), ...(rule === undefined ? {} : { rule }), shadowed, codes };
}

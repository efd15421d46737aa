// What is wrong with a rule set beyond its form: rules that can never decide anything, because another always takes the
// reply first, rules that contradict each other, and samples that another rule takes. Pure.
import { matchingRules, questionOf } from './classify.ts';
import type { Rule, RuleSet } from './rule-set.ts';

export type FindingKind =
  | 'sample' // its own sample does not match it
  | 'taken' // another rule decides its sample
  | 'shadowed' // another rule takes whatever it would take
  | 'contradicts' // as shadowed, with the same words and another category
  | 'idle'; // an alternative that another one of the same fragment makes useless

export interface Finding {
  readonly kind: FindingKind;
  readonly rule: Rule;
  /** The other rule. */
  readonly by?: Rule;
  /** One sentence. */
  readonly text: string;
}

export function lintRules(set: RuleSet): readonly Finding[] {
  const findings: Finding[] = [];
  for (const rule of set.all) {
    const above = rule.fragments.length === 0 ? undefined : findShadow(set, rule);
    if (above !== undefined) findings.push(shadowFinding(rule, above));
    findings.push(...sampleFindings(set, rule, above), ...idleFindings(rule));
  }
  return findings;
}

function sampleFindings(set: RuleSet, rule: Rule, above: Rule | undefined): readonly Finding[] {
  const matching = matchingRules(set, questionOf(rule.sample, rule.provider));
  const [first] = matching;
  if (first === rule) return [];
  if (!matching.includes(rule)) {
    return [{ kind: 'sample', rule, text: `its sample lacks its text or its codes: ${rule.sample}` }];
  }
  if (first === undefined || first === above) return [];
  return [{ kind: 'taken', rule, by: first, text: `its sample is taken by ${first.id}: ${rule.sample}` }];
}

function shadowFinding(rule: Rule, by: Rule): Finding {
  const isSame = JSON.stringify(rule.fragments) === JSON.stringify(by.fragments);
  if (isSame && rule.category !== by.category) {
    const text = `${by.id} says ${by.category.name} of the same words, and comes first`;
    return { kind: 'contradicts', rule, by, text };
  }
  return { kind: 'shadowed', rule, by, text: `it can never decide: ${by.id} takes whatever it would take` };
}

/** `a | xay`: whatever has the second has the first. */
function idleFindings(rule: Rule): readonly Finding[] {
  return rule.fragments.flatMap((any) =>
    any.flatMap((one): readonly Finding[] => {
      const other = any.find((each) => each !== one && one.includes(each));
      if (other === undefined && any.indexOf(one) === any.lastIndexOf(one)) return [];
      return [{ kind: 'idle', rule, text: `"${one}" adds nothing beside "${other ?? one}"` }];
    }),
  );
}

/** A rule that decides before it and takes whatever it takes. */
function findShadow(set: RuleSet, rule: Rule): Rule | undefined {
  for (const other of set.all) {
    if (other === rule) break;
    if (isAsked(other, rule) && takesAll(other, rule)) return other;
  }
  // A provider's rule decides before a general one wherever that stands, but only for its provider: no shadow.
  return undefined;
}

/** Is `other`, which stands before `rule`, asked first wherever `rule` is asked? */
function isAsked(other: Rule, rule: Rule): boolean {
  if (other.provider !== undefined && other.provider !== rule.provider) return false;
  return other.isOwn || other.provider === rule.provider;
}

function takesAll(other: Rule, rule: Rule): boolean {
  if (other.unless.length > 0 && JSON.stringify(other.unless) !== JSON.stringify(rule.unless)) return false;
  const isMet = other.fragments.every((need) =>
    rule.fragments.some((any) => any.every((one) => need.some((part) => one.includes(part)))),
  );
  return isMet && takesCodes(other, rule);
}

const REPLY_CODES = Array.from({ length: 400 }, (_, n) => String(200 + n));
const SUBJECTS_MAX = 10;
const DETAILS_MAX = 1000;

function takesCodes(other: Rule, rule: Rule): boolean {
  const { code, enhanced } = other;
  if (code !== undefined) {
    if (rule.code === undefined) return false;
    if (!REPLY_CODES.every((one) => rule.code?.(one) !== true || code(one))) return false;
  }
  if (enhanced === undefined) return true;
  if (rule.enhanced === undefined) return false;
  for (const kind of ['4', '5']) {
    for (let subject = 0; subject < SUBJECTS_MAX; subject++) {
      for (let detail = 0; detail < DETAILS_MAX; detail++) {
        const one = `${kind}.${subject}.${detail}`;
        if (rule.enhanced(one) && !enhanced(one)) return false;
      }
    }
  }
  return true;
}

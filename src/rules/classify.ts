// What a reply means. Order: the provider's text rules, general text rules, enhanced code, reply code, phase. The reply
// code decides whether the remote would still take the delivery, unless the rule says that it lies; the category decides
// what is done about it. Pure and bounded: of a long reply only the first 4,000 characters are read.
import type { Action, Threshold } from '../flow/action.ts';
import type { AttemptError } from '../flow/attempt.ts';
import type { Scope } from '../flow/outcome.ts';
import type { Phase, Reply } from '../flow/reply.ts';
import { FragmentIndex } from './fragment-index.ts';
import { type Category, type CategoryClass, fold, NEVER_SUPPRESS, type Rule, type RuleSet } from './rule-set.ts';

export interface Question {
  readonly provider?: string;
  /** Unfolded: one line. */
  readonly text: string;
  readonly code?: number;
  readonly enhanced?: string;
  readonly phase?: Phase;
  readonly error?: AttemptError['kind'];
}

export interface Classification {
  readonly kind: 'deferred' | 'failed';
  readonly category: string;
  readonly class: CategoryClass;
  readonly scope: Scope;
  readonly actions: readonly Action[];
  /** Id of the rule, or `enhanced 5.1.1`, `reply 550`, `silence timeout`. */
  readonly rule: string;
  /** A text rule decided, not a code. */
  readonly byText: boolean;
}

const TEXT_MAX = 4000;
const CODE = /^\s*(?:smtp;\s*)?([2-5]\d\d)(?![\d.])/;
const ENHANCED = /(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])/;

/** Code and enhanced code as they stand in a bare text, for replies that come as text only; its lines become one. */
export function questionOf(whole: string, provider?: string): Question {
  const short = unfoldText(whole.slice(0, TEXT_MAX));
  const code = CODE.exec(short)?.[1];
  const enhanced = ENHANCED.exec(short.slice(0, 200))?.[1];
  return {
    text: short,
    ...(provider === undefined ? {} : { provider }),
    ...(code === undefined ? {} : { code: Number(code) }),
    ...(enhanced === undefined ? {} : { enhanced }),
  };
}

/** What each line but the first begins with (RFC 5321 section 4.2.1): `550-5.1.1 a` and `550 5.1.1 b` are `550-5.1.1 a b`. */
function unfoldText(text: string): string {
  const code = CODE.exec(text)?.[1];
  if (code === undefined || !text.includes(code, text.indexOf(code) + 3)) return text.trim();
  const head = /^\s*(?:smtp;\s*)?\d\d\d[- ]?/i.exec(text)?.[0].length ?? 0;
  const again = new RegExp(
    `[\\r\\n]+${code}(?:[- ]|(?=[\\r\\n])|$)(?:[245]\\.\\d{1,3}\\.\\d{1,3} )?|\\s${code}-(?:[245]\\.\\d{1,3}\\.\\d{1,3} )?`,
    'g',
  );
  return text.slice(0, head) + text.slice(head).replace(again, ' ').trim();
}

/** A parsed reply in one line, codes included, as rules and samples are written. */
export function unfold(reply: Reply): string {
  const enhanced = reply.enhanced === undefined ? '' : ` ${reply.enhanced}`;
  return `${reply.code}${enhanced} ${reply.lines.join(' ')}`;
}

function normalise(text: string): string {
  return fold(text.slice(0, TEXT_MAX));
}

function excludes({ unless }: Rule, text: string): boolean {
  for (const one of unless) if (text.includes(one)) return true;
  return false;
}

function takesCodes(rule: Rule, question: Question): boolean {
  if (rule.code !== undefined && (question.code === undefined || !rule.code(String(question.code)))) return false;
  return rule.enhanced === undefined || (question.enhanced !== undefined && rule.enhanced(question.enhanced));
}

/** Every rule that matches, the one that decides first. For `postilion classify` and lint; `classify` stops at one. */
export function matchingRules(set: RuleSet, question: Question): Rule[] {
  return finderOf(set).find(question, normalise(question.text));
}

/**
 * The operator's own rules before all others; then the provider's, then general ones, then the words of other providers:
 * many run the same software or quote each other. A vendor's codes without words mean nothing elsewhere. undefined: the
 * rule is not asked.
 */
function rankOf(rule: Rule, provider: string | undefined): number | undefined {
  if (rule.provider === undefined) return rule.isOwn ? 0 : 2;
  if (rule.provider === provider) return rule.isOwn ? 0 : 1;
  return rule.fragments.length === 0 || (rule.isOwn && provider !== undefined) ? undefined : 3;
}

/** The rules of one set by the fragments they need. */
class RuleFinder {
  readonly #set: RuleSet;
  readonly #index: FragmentIndex;
  /** By fragment: rule and which of its needs the fragment meets. */
  readonly #needs: (readonly [rule: number, need: number])[][] = [];
  /** Rules that need no text. */
  readonly #textless: readonly number[];
  /** By rule: bits of the needs that are met. */
  readonly #met: Uint32Array;
  readonly #touched: number[] = [];

  constructor(set: RuleSet) {
    this.#set = set;
    const numbers = new Map<string, number>();
    for (const [rule, { fragments }] of set.all.entries()) {
      for (const [need, any] of fragments.entries()) {
        for (const one of any) {
          const number = numbers.get(one) ?? numbers.size;
          numbers.set(one, number);
          (this.#needs[number] ??= []).push([rule, need]);
        }
      }
    }
    this.#index = new FragmentIndex([...numbers.keys()]);
    this.#met = new Uint32Array(set.all.length);
    this.#textless = [...set.all.keys()].filter((rule) => set.all[rule]?.fragments.length === 0);
  }

  /** Every rule that matches, the one that decides first. */
  find(question: Question, text: string): Rule[] {
    const provider = this.#providerOf(question);
    const found: { readonly rule: Rule; readonly rank: number }[] = [];
    for (const number of this.#whole(text)) {
      const rule = this.#set.all[number] as Rule;
      const rank = rankOf(rule, provider);
      if (rank !== undefined && takesCodes(rule, question) && !excludes(rule, text)) found.push({ rule, rank });
    }
    // The sort is stable: of one rank they stand in the order of the set.
    return found.sort((a, b) => a.rank - b.rank).map(({ rule }) => rule);
  }

  /** The one that decides. */
  first(question: Question, text: string): Rule | undefined {
    const provider = this.#providerOf(question);
    let best: Rule | undefined;
    let bestRank = Infinity;
    for (const number of this.#whole(text)) {
      const rule = this.#set.all[number] as Rule;
      const rank = rankOf(rule, provider);
      if (rank === undefined || rank >= bestRank || !takesCodes(rule, question) || excludes(rule, text)) continue;
      best = rule;
      bestRank = rank;
      if (rank === 0) break;
    }
    return best;
  }

  #providerOf({ provider }: Question): string | undefined {
    if (provider === undefined) return undefined;
    const name = provider.toLowerCase();
    return this.#set.aliases.get(name) ?? name;
  }

  /** Numbers of the rules whose text occurs, ascending: the order of the set. */
  #whole(text: string): readonly number[] {
    const touched = this.#touched;
    touched.length = 0;
    this.#index.scan(text, (fragment) => {
      for (const [rule, need] of this.#needs[fragment] ?? []) {
        if (this.#met[rule] === 0) touched.push(rule);
        this.#met[rule] = (this.#met[rule] as number) | (1 << need);
      }
    });
    const whole: number[] = [...this.#textless];
    for (const rule of touched) {
      const needed = (1 << (this.#set.all[rule] as Rule).fragments.length) - 1;
      if (((this.#met[rule] as number) & needed) === needed) whole.push(rule);
      this.#met[rule] = 0;
    }
    return whole.sort((a, b) => a - b);
  }
}

const finders = new WeakMap<RuleSet, RuleFinder>();

function finderOf(set: RuleSet): RuleFinder {
  let finder = finders.get(set);
  if (finder === undefined) {
    finder = new RuleFinder(set);
    finders.set(set, finder);
  }
  return finder;
}

/** What the codes alone say, or the phase. */
export function byCodes(set: RuleSet, question: Question): { category: Category; rule: string } | undefined {
  const { enhanced, code } = question;
  if (enhanced !== undefined) {
    const found = set.enhanced.get(enhanced) ?? set.enhanced.get(`x${enhanced.slice(1)}`);
    if (found !== undefined) return { category: found, rule: `enhanced ${enhanced}` };
  }
  if (code !== undefined) {
    const found = set.replies.get(String(code)) ?? set.replies.get(`${Math.floor(code / 100)}xx`);
    if (found !== undefined) return { category: found, rule: `reply ${code}` };
  }
  for (const key of [question.error, question.phase]) {
    const found = key === undefined ? undefined : set.silence.get(key);
    if (found !== undefined) return { category: found, rule: `silence ${key}` };
  }
  return undefined;
}

const UNDETERMINED = 'undetermined';

export function classify(set: RuleSet, question: Question): Classification {
  const rule = finderOf(set).first(question, normalise(question.text));
  const isPermanent = (question.code ?? 0) >= 500;
  if (rule !== undefined) return formOf(rule, isPermanent);
  const found = byCodes(set, question);
  const category = found?.category ?? set.categories.get(UNDETERMINED);
  const label = found?.rule ?? 'none';
  return category === undefined ? NOTHING : follow(category, category, isPermanent, label, false);
}

const NOTHING: Classification = {
  kind: 'deferred',
  category: UNDETERMINED,
  class: 'unknown',
  scope: 'recipient',
  actions: [{ do: 'retry', plan: 'normal' }],
  rule: 'none',
  byText: false,
};

/** What follows from a rule depends on nothing but whether the reply was permanent: made once. */
const forms = new WeakMap<Rule, [temporary?: Classification, permanent?: Classification]>();

function formOf(rule: Rule, isPermanent: boolean): Classification {
  let made = forms.get(rule);
  if (made === undefined) {
    made = [];
    forms.set(rule, made);
  }
  return (made[isPermanent ? 1 : 0] ??= follow(rule.category, rule, isPermanent, rule.id, true));
}

/** Three hits on three days: a 4xx "user unknown" is often the remote's own trouble. */
const SOFT: Threshold = { hits: 3, withinMs: 3 * 86_400_000 };
/** And never for good: nobody has said that it is. */
const SOFT_MS = 30 * 86_400_000;

function follow(
  category: Category,
  by: Pick<Rule, 'scope' | 'actions' | 'keep'>,
  isPermanent: boolean,
  rule: string,
  byText: boolean,
): Classification {
  const failed = isPermanent && !by.keep;
  const kept = by.actions.flatMap((action): readonly Action[] => {
    switch (action.do) {
      case 'fail':
        return failed ? [action] : [];
      case 'retry':
      case 'retry-elsewhere':
      case 'split':
        return failed ? [] : [action];
      case 'suppress':
        // Rules of these classes cannot be built with a suppression; this is the belt to those braces.
        if (NEVER_SUPPRESS.has(category.class)) return [];
        return isPermanent || action.after !== undefined
          ? [action]
          : [{ ...action, forMs: Math.min(action.forMs ?? SOFT_MS, SOFT_MS), after: SOFT }];
      default:
        return [action];
    }
  });
  const tries = kept.some(
    (action) => action.do === 'retry' || action.do === 'retry-elsewhere' || action.do === 'split',
  );
  if (failed && !kept.some((action) => action.do === 'fail')) kept.unshift({ do: 'fail' });
  if (!failed && !tries) kept.unshift({ do: 'retry', plan: 'normal' });
  return {
    kind: failed ? 'failed' : 'deferred',
    category: category.name,
    class: category.class,
    scope: by.scope,
    actions: kept,
    rule,
    byText,
  };
}

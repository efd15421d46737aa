// The rules as the configuration gives them, made ready to match: text fragments in lower case, codes as patterns,
// actions parsed. Pure; the same rules in any file order give the same answers within a provider.
import type { Action } from '../flow/action.ts';
import type { Scope } from '../flow/outcome.ts';
import { parseAction, SCOPES } from './action.ts';

export const CLASSES = [
  'hard',
  'soft',
  'transient',
  'throttle',
  'block',
  'content',
  'config',
  'local',
  'info',
  'feedback',
  'unknown',
] as const;
export type CategoryClass = (typeof CLASSES)[number];

/** As in `config/responses.yaml`. */
export interface CategoryData {
  readonly class: CategoryClass;
  readonly scope: string;
  readonly actions: readonly string[];
  /** A 5xx of this category is not final: the delivery is kept. */
  readonly keep?: boolean | undefined;
}

export interface RuleData {
  readonly id: string;
  /** Absent: any provider. */
  readonly provider?: string | undefined;
  /** Fragments that must all occur; each may hold alternatives, `a | b`. */
  readonly text: readonly string[];
  /** None of these may occur; each may hold alternatives. */
  readonly unless?: readonly string[] | undefined;
  /** `421`, `4xx`, `4.7.28`, `5.7.x`, `5.7.606-649`: a reply code and an enhanced code, each optional. */
  readonly codes?: readonly string[] | undefined;
  readonly category: string;
  /** Absent: the category's. */
  readonly scope?: string | undefined;
  readonly actions?: readonly string[] | undefined;
  readonly keep?: boolean | undefined;
  /** A reply that this rule takes. */
  readonly sample: string;
}

export interface RuleSetData {
  readonly categories: Readonly<Record<string, CategoryData>>;
  /** The operator's, before all others. */
  readonly ownRules?: readonly RuleData[] | undefined;
  readonly rules: readonly RuleData[];
  /** Enhanced code, `5.1.1` or `x.1.1`, to category. */
  readonly enhanced: Readonly<Record<string, string>>;
  /** Reply code to category. */
  readonly replies: Readonly<Record<string, string>>;
  /** Kind of our own error, or phase, to category: what there is without a reply. */
  readonly silence: Readonly<Record<string, string>>;
  /** Other names of a provider. */
  readonly aliases: Readonly<Record<string, string>>;
}

export interface Category {
  readonly name: string;
  readonly class: CategoryClass;
  readonly scope: Scope;
  readonly actions: readonly Action[];
  readonly keep: boolean;
}

export interface Rule {
  readonly id: string;
  readonly isOwn: boolean;
  /** As in providers.yaml, whatever name the rule used. */
  readonly provider?: string;
  /** All of these; of each, any. */
  readonly fragments: readonly (readonly string[])[];
  /** Text that a reply must not have. */
  readonly unless: readonly string[];
  readonly code?: CodeTest;
  readonly enhanced?: CodeTest;
  /** As they were written. */
  readonly codes: readonly string[];
  readonly category: Category;
  readonly scope: Scope;
  readonly actions: readonly Action[];
  readonly keep: boolean;
  readonly sample: string;
}

export interface RuleSet {
  readonly categories: ReadonlyMap<string, Category>;
  /** The operator's own first. */
  readonly all: readonly Rule[];
  readonly enhanced: ReadonlyMap<string, Category>;
  readonly replies: ReadonlyMap<string, Category>;
  readonly silence: ReadonlyMap<string, Category>;
  readonly aliases: ReadonlyMap<string, string>;
}

export type RulePath = readonly (string | number)[];

/** What is wrong with a set, and where in its data: `['rules', 3, 'actions']`. */
export interface RuleProblem {
  readonly path: RulePath;
  readonly problem: string;
}

/** Classes whose replies say nothing of the mailbox: they must never suppress a recipient. */
export const NEVER_SUPPRESS: ReadonlySet<CategoryClass> = new Set([
  'throttle',
  'block',
  'content',
  'config',
  'transient',
]);

/** Fragments that must all occur: each is a bit of a small number. */
const NEEDS_MAX = 30;

const NON_ASCII = /[^\x00-\x7f]/;

/** As texts and fragments are compared: without case, accents and curly quotes, any white space one blank. */
export function fold(text: string): string {
  const small = text.toLowerCase().replace(/\s+/g, ' ');
  if (!NON_ASCII.test(small)) return small;
  return small
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replaceAll('’', "'");
}

type CodeTest = (code: string) => boolean;

/** `421`, `4xx`, `5.1.1`, `x.1.1`, `5.7.x` or `5.7.606-649`. */
function codeTest(text: string): { code?: CodeTest; enhanced?: CodeTest } | undefined {
  if (/^[2-5][0-9x][0-9x]$/.test(text)) {
    const wanted = new RegExp(`^${text.replaceAll('x', '[0-9]')}$`);
    return { code: (code) => wanted.test(code) };
  }
  const parts = /^([245x])\.(\d{1,3}|x)\.(?:(\d{1,3})(?:-(\d{1,3}))?|x)$/.exec(text);
  if (parts === null) return undefined;
  const [, first = '', second = '', from, to = from] = parts;
  return {
    enhanced: (code) => {
      const [kind, subject, detail] = code.split('.');
      if (first !== 'x' && kind !== first) return false;
      if (second !== 'x' && subject !== second) return false;
      return from === undefined || (Number(detail) >= Number(from) && Number(detail) <= Number(to));
    },
  };
}

/** Builds the set; on problems the set is what could be built and must not be used. */
export function buildRuleSet(data: RuleSetData): { readonly set: RuleSet; readonly problems: readonly RuleProblem[] } {
  const problems: RuleProblem[] = [];
  const wrong = (path: RulePath, problem: string): void => void problems.push({ path, problem });
  const actionsOf = (path: RulePath, texts: readonly string[], kind: CategoryClass): Action[] =>
    texts.flatMap((text) => {
      const action = parseAction(text);
      if (action === undefined) {
        wrong(path, `no such action: ${text}`);
        return [];
      }
      if (action.do === 'suppress' && NEVER_SUPPRESS.has(kind)) wrong(path, `class ${kind} must never suppress`);
      return [action];
    });
  const scopeOf = (path: RulePath, text: string): Scope => {
    if (!SCOPES.includes(text as Scope)) wrong(path, `no such scope: ${text}; known: ${SCOPES.join(', ')}`);
    return text as Scope;
  };

  const categories = new Map<string, Category>();
  for (const [name, given] of Object.entries(data.categories)) {
    const path = ['categories', name];
    categories.set(name, {
      name,
      class: given.class,
      scope: scopeOf([...path, 'scope'], given.scope),
      actions: actionsOf([...path, 'actions'], given.actions, given.class),
      keep: given.keep ?? false,
    });
  }
  const categoryOf = (path: RulePath, name: string): Category => {
    const found = categories.get(name);
    if (found === undefined) wrong(path, `no such category: ${name}`);
    return found ?? (categories.values().next().value as Category);
  };
  const table = (where: string, entries: Readonly<Record<string, string>>): Map<string, Category> =>
    new Map(Object.entries(entries).map(([key, name]) => [key, categoryOf([where, key], name)]));

  const aliases = new Map(Object.entries(data.aliases));
  // As replies are asked about: a rule that kept another name would never decide.
  const providerOf = (name: string): string => aliases.get(name) ?? name;

  const all: Rule[] = [];
  const ids = new Set<string>();
  const own = data.ownRules ?? [];
  for (const [at, given] of [...own, ...data.rules].entries()) {
    const isOwn = at < own.length;
    const path = isOwn ? ['ownRules', at] : ['rules', at - own.length];
    if (ids.has(given.id)) wrong([...path, 'id'], `the id ${given.id} is used twice`);
    ids.add(given.id);
    all.push(buildRule(given, isOwn, path, { wrong, actionsOf, scopeOf, categoryOf, providerOf }));
  }
  const set: RuleSet = {
    categories,
    all,
    enhanced: table('enhanced', data.enhanced),
    replies: table('replies', data.replies),
    silence: table('silence', data.silence),
    aliases,
  };
  return { set, problems };
}

interface Checks {
  wrong(path: RulePath, problem: string): void;
  actionsOf(path: RulePath, texts: readonly string[], kind: CategoryClass): Action[];
  scopeOf(path: RulePath, text: string): Scope;
  categoryOf(path: RulePath, name: string): Category;
  providerOf(name: string): string;
}

function alternatives(text: string): readonly string[] {
  return text.split(' | ').map((one) => fold(one).trim());
}

function buildRule(given: RuleData, isOwn: boolean, path: RulePath, checks: Checks): Rule {
  const category = checks.categoryOf([...path, 'category'], given.category);
  const fragments = given.text.map(alternatives);
  const unless = (given.unless ?? []).flatMap(alternatives);
  if (fragments.flat().some((one) => one === ''))
    checks.wrong([...path, 'text'], 'an empty fragment matches everything');
  if (unless.some((one) => one === '')) checks.wrong([...path, 'unless'], 'an empty fragment excludes everything');
  if (fragments.length > NEEDS_MAX) checks.wrong([...path, 'text'], `more than ${NEEDS_MAX} fragments`);
  let codes: { code?: CodeTest; enhanced?: CodeTest } = {};
  for (const text of given.codes ?? []) {
    const one = codeTest(text);
    const kind = one?.code === undefined ? 'enhanced' : 'code';
    if (one === undefined) checks.wrong([...path, 'codes'], `neither a reply code nor an enhanced code: ${text}`);
    else if (codes[kind] !== undefined)
      checks.wrong([...path, 'codes'], `a reply has one such code: ${text} is a second`);
    codes = { ...codes, ...one };
  }
  if (fragments.length === 0 && (given.codes ?? []).length === 0)
    checks.wrong([...path, 'category'], 'a rule needs text or codes');
  return {
    id: given.id,
    isOwn,
    ...(given.provider === undefined ? {} : { provider: checks.providerOf(given.provider) }),
    fragments,
    unless,
    ...codes,
    codes: given.codes ?? [],
    category,
    scope: given.scope === undefined ? category.scope : checks.scopeOf([...path, 'scope'], given.scope),
    actions:
      given.actions === undefined
        ? category.actions
        : checks.actionsOf([...path, 'actions'], given.actions, category.class),
    keep: given.keep ?? category.keep,
    sample: given.sample,
  };
}

// What replies mean and who the providers are: the shipped files, or the operator's in their place, and what own files
// add. Names that nothing goes by are told: what stands under them would never be used.
import { buildRuleSet, type RulePath, type RuleSetData } from '../rules/rule-set.ts';
import { type Problem, settingText, suggestion, whole } from './problem.ts';
import { deadProviders, overridden, type Providers } from './provider-table.ts';
import { type ProvidersFile, providersSchema, type ResponsesFile, responsesSchema } from './schema-responses.ts';
import type { Setting } from './setting.ts';
import { type Read, readFile, type RuleFile, SHIPPED } from './shipped-file.ts';

/** Where in its file a rule stands. */
export interface RulePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface RuleFiles {
  readonly responses: RuleSetData;
  readonly providers: Providers;
}

export interface LoadedRules extends RuleFiles {
  /** Of the rule at this place of its file. */
  readonly placeOf: (isOwn: boolean, at: number) => RulePlace;
}

/** `shown`: the folder as the operator named it; absent: the shipped files alone. */
export function loadRules(folder?: string, shown = folder): LoadedRules | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const read = <T>(setting: Setting<T>, name: RuleFile | `own-${RuleFile}`): Read<T> | undefined => {
    const given = folder === undefined ? undefined : readFile(setting, folder, shown ?? folder, name, problems);
    if (given !== undefined || name.startsWith('own-')) return given;
    return readFile(setting, SHIPPED, SHIPPED, name, problems);
  };
  const responses = read<ResponsesFile>(responsesSchema, 'responses.yaml');
  const own = read<ResponsesFile>(responsesSchema, 'own-responses.yaml');
  const providers = read<ProvidersFile>(providersSchema, 'providers.yaml');
  const ownProviders = read<ProvidersFile>(providersSchema, 'own-providers.yaml');
  if (problems.length > 0) return { problems };
  if (responses === undefined || providers === undefined) {
    return { problems: [whole(SHIPPED, 'has no responses.yaml and providers.yaml: the program is not whole')] };
  }
  const data = joined(responses.value, own?.value);
  for (const { path, problem } of buildRuleSet(data).problems) problems.push(placed(path, problem, responses, own));
  const table = overridden(providers.value.providers, ownProviders?.value.providers ?? {});
  if (ownProviders !== undefined) problems.push(...deadProviders(providers.value.providers, table, ownProviders));
  if (own !== undefined) problems.push(...strangers(own, data, Object.keys(table)));
  if (problems.length > 0) return { problems };
  const placeOf = (isOwn: boolean, at: number): RulePlace => {
    const { yaml, shown: file } = isOwn && own !== undefined ? own : responses;
    return { file, ...yaml().locate(['rules', at], 'value') };
  };
  return { responses: data, providers: table, placeOf };
}

function joined(shipped: ResponsesFile, own: ResponsesFile | undefined): RuleSetData {
  if (own === undefined) return shipped;
  return {
    categories: { ...shipped.categories, ...own.categories },
    aliases: { ...shipped.aliases, ...own.aliases },
    enhanced: { ...shipped.enhanced, ...own.enhanced },
    replies: { ...shipped.replies, ...own.replies },
    silence: { ...shipped.silence, ...own.silence },
    ownRules: own.rules,
    rules: shipped.rules,
  };
}

/** Names of providers in own rules and aliases that nobody has: what they say would never be asked. */
function strangers(own: Read<ResponsesFile>, { aliases }: RuleSetData, names: readonly string[]): readonly Problem[] {
  const withAliases = [...names, ...Object.keys(aliases)];
  const unknown = (path: RulePath, name: string | undefined, known: readonly string[]): readonly Problem[] => {
    if (name === undefined || known.includes(name)) return [];
    const message = `no such provider: ${name}; ${suggestion(name, known)}`;
    return [{ file: own.shown, ...own.yaml().locate(path, 'value'), setting: settingText(path), message }];
  };
  return [
    ...own.value.rules.flatMap(({ provider }, at) => unknown(['rules', at, 'provider'], provider, withAliases)),
    ...Object.entries(own.value.aliases).flatMap(([alias, name]) => unknown(['aliases', alias], name, names)),
  ];
}

function placed(path: RulePath, message: string, shipped: Read<ResponsesFile>, own?: Read<ResponsesFile>): Problem {
  const [top = '', ...rest] = path;
  const isOwn = own !== undefined && (top === 'ownRules' || Object.hasOwn(tableOf(own.value, top), rest[0] ?? ''));
  const { yaml, shown } = isOwn ? own : shipped;
  const inFile = top === 'ownRules' ? ['rules', ...rest] : path;
  return { file: shown, ...yaml().locate(inFile, 'value'), setting: settingText(inFile), message };
}

function tableOf(file: ResponsesFile, top: string | number): object {
  return top === 'rules' ? {} : ((file as Readonly<Record<string, object>>)[top] ?? {});
}

// What replies mean and who the providers are: the shipped files, or the operator's in their place, and what own files
// add. The shipped ones are large, and YAML is slow to read: their values stand beside them in shipped.json, made by
// `npm run docs`, and are used while the text is the same.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildRuleSet, type RulePath, type RuleSetData } from '../rules/rule-set.ts';
import { parseAlone } from './check.ts';
import { type Problem, settingText, suggestion, whole } from './problem.ts';
import {
  type Provider,
  type ProvidersFile,
  providersSchema,
  type ResponsesFile,
  responsesSchema,
} from './schema-responses.ts';
import type { Setting } from './setting.ts';
import { readTextIfThere } from './text-file.ts';
import { parseYaml, YAML_OCTETS_MAX, type YamlFile } from './yaml-file.ts';

export type Providers = Readonly<Record<string, Provider>>;

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

export const RULE_FILES = ['responses.yaml', 'providers.yaml'] as const;
type RuleFile = (typeof RULE_FILES)[number];

const SCHEMA = { 'responses.yaml': responsesSchema, 'providers.yaml': providersSchema } as const;

/** `config/` of the program itself: this file lies three folders below its root once it is built. */
export const SHIPPED = fileURLToPath(new URL('../../../config/', import.meta.url));

export interface Read<T> {
  readonly value: T;
  /** Of shipped files whose values were at hand: looked for only when something is wrong. */
  readonly yaml: () => YamlFile;
  readonly shown: string;
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
  if (ownProviders !== undefined) problems.push(...unmatched(providers.value.providers, ownProviders));
  if (problems.length > 0) return { problems };
  const placeOf = (isOwn: boolean, at: number): RulePlace => {
    const { yaml, shown: file } = isOwn && own !== undefined ? own : responses;
    return { file, ...yaml().locate(['rules', at], 'value') };
  };
  return {
    responses: data,
    providers: overridden(providers.value.providers, ownProviders?.value.providers ?? {}),
    placeOf,
  };
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

/** One that nothing is recognised by: a slip in the name of a shipped one. */
function unmatched(shipped: Providers, own: Read<ProvidersFile>): readonly Problem[] {
  const isDead = ([name, { mx, domains }]: [string, Provider]): boolean =>
    shipped[name] === undefined && mx.length === 0 && domains.length === 0;
  return Object.entries(own.value.providers)
    .filter(isDead)
    .map(([name]) => {
      const path = ['providers', name];
      const message = `no such provider; ${suggestion(name, Object.keys(shipped))}; one of your own needs mx or domains`;
      return { file: own.shown, ...own.yaml().locate(path, 'key'), setting: settingText(path), message };
    });
}

/** Key by key; what is not written stays as shipped. */
function overridden(shipped: Providers, own: Providers): Providers {
  const names = new Set([...Object.keys(own), ...Object.keys(shipped)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const before = shipped[name];
      const after = own[name];
      if (before === undefined || after === undefined) return [name, (after ?? before) as Provider];
      return [
        name,
        {
          ...before,
          ...after,
          mx: after.mx.length > 0 ? after.mx : before.mx,
          domains: after.domains.length > 0 ? after.domains : before.domains,
          start: { ...before.start, ...after.start },
          ceiling: { ...before.ceiling, ...after.ceiling },
          caps: { ...before.caps, ...after.caps },
          group: { ...before.group, ...after.group },
        },
      ];
    }),
  );
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

/** undefined: it is not there, or something is wrong in it and stands among `problems`. */
export function readFile<T>(
  setting: Setting<T>,
  folder: string,
  shownFolder: string,
  name: string,
  problems: Problem[],
): Read<T> | undefined {
  const shown = join(shownFolder, name);
  const text = readTextIfThere(join(folder, name), YAML_OCTETS_MAX);
  if (text === undefined) return undefined;
  if ('wrong' in text) {
    problems.push(whole(shown, text.wrong));
    return undefined;
  }
  let parsed: YamlFile | undefined;
  const yaml = (): YamlFile => (parsed ??= parseYaml(text.value));
  const ready = readyValue(name, text.value);
  if (ready !== undefined) return { value: ready as T, yaml, shown };
  const { errors, value } = yaml();
  for (const { line, column, message } of errors) problems.push({ file: shown, line, column, setting: '', message });
  if (errors.length > 0) return undefined;
  const checked = parseAlone(setting, value);
  if ('value' in checked) return { value: checked.value, yaml, shown };
  for (const { path, at, message } of checked.findings) {
    problems.push({ file: shown, ...yaml().locate(path, at), setting: settingText(path), message });
  }
  return undefined;
}

// ── values at hand ────────────────────────────────────────────────────────────────────────────────────────────────

interface Ready {
  readonly sha256: string;
  readonly value: unknown;
}

const READY_OCTETS_MAX = 16 * 1024 * 1024;
let ready: Readonly<Partial<Record<string, Ready>>> | undefined;

function readyValue(name: string, text: string): unknown {
  if (ready === undefined) {
    const read = readTextIfThere(join(SHIPPED, 'shipped.json'), READY_OCTETS_MAX);
    ready = read === undefined || 'wrong' in read ? {} : (JSON.parse(read.value) as typeof ready);
  }
  const known = ready?.[name];
  return known?.sha256 === sha256(text) ? known.value : undefined;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What `npm run docs` writes as config/shipped.json, of the texts of the shipped files. */
export function shippedJson(texts: ReadonlyMap<RuleFile, string>): string {
  const entries = [...texts].map(([name, text]): [string, Ready] => {
    const checked = parseAlone<unknown>(SCHEMA[name] as Setting<unknown>, parseYaml(text).value);
    if (!('value' in checked)) throw new TypeError(`${name}: ${checked.findings[0]?.message}`);
    return [name, { sha256: sha256(text), value: checked.value }];
  });
  return `${JSON.stringify(Object.fromEntries(entries))}\n`;
}

// A file of which one is shipped, the operator's may stand in its place, and an own one may add to it. The shipped ones are
// large, and YAML is slow to read: their values stand beside them in shipped.json, made by `npm run docs`, and are used
// while the text is the same.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAlone } from './check.ts';
import { type Problem, settingText, whole } from './problem.ts';
import { providersSchema, responsesSchema } from './schema-responses.ts';
import type { Setting } from './setting.ts';
import { readTextIfThere } from './text-file.ts';
import { parseYaml, YAML_OCTETS_MAX, type YamlFile } from './yaml-file.ts';

export const RULE_FILES = ['responses.yaml', 'providers.yaml'] as const;
export type RuleFile = (typeof RULE_FILES)[number];

const SCHEMA = { 'responses.yaml': responsesSchema, 'providers.yaml': providersSchema } as const;

/** `config/` of the program itself: this file lies three folders below its root once it is built. */
export const SHIPPED = fileURLToPath(new URL('../../../config/', import.meta.url));

export interface Read<T> {
  readonly value: T;
  /** Of shipped files whose values were at hand: looked for only when something is wrong. */
  readonly yaml: () => YamlFile;
  readonly shown: string;
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

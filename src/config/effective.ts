// Every setting in force as one table: what files say, and what holds where they say nothing. Pure.
import { type Config, makeConfig } from './config.ts';
import { type RelayFile, relaySchema, type SendingFile, sendingSchema } from './schema.ts';
import { parseWith, type Setting } from './setting.ts';
import { isGroup, isSecret, shownName, shownValue } from './shown-value.ts';

export interface EffectiveSetting {
  readonly setting: string;
  readonly value: string;
  /** No file says otherwise. */
  readonly isDefault: boolean;
}

/** What is made of other files, and is no setting of these. */
const ELSEWHERE = ['number', 'folders', 'unrestricted', 'responses', 'providers', 'plans'];

/** In the order of the files; folders first. */
export function effectiveSettings(config: Config): readonly EffectiveSetting[] {
  const usual = new Map(leaves([], withoutFiles(config)));
  const folders = Object.entries(config.folders).map(([name, path]) => [`folder of ${name}`, path] as const);
  return [
    ...folders.map(([setting, value]) => ({ setting, value, isDefault: false })),
    ...leaves([], config).map(([setting, value]) => ({
      setting,
      value,
      isDefault: (usual.get(setting) ?? usual.get(ofDefaultEntry(setting))) === value,
    })),
  ];
}

/** A stream of one's own has what the stream `default` has, unless it says otherwise. */
function ofDefaultEntry(setting: string): string {
  return setting.replace(/^(tenants|streams)\.[^.]+\./, '$1.default.');
}

/** The configuration of two empty files in the same surroundings. */
function withoutFiles({ number, folders, responses, providers, plans, hostname }: Config): Config {
  return makeConfig(empty<RelayFile>(relaySchema), empty<SendingFile>(sendingSchema), {
    number,
    folders,
    systemName: hostname,
    cores: 1,
    rules: { responses, providers },
    plans,
  });
}

function empty<T>(schema: Setting<T>): T {
  const parsed = parseWith(schema, {});
  if ('issues' in parsed) throw new TypeError('the schema refuses an empty file');
  return parsed.value;
}

function leaves(path: readonly string[], value: unknown): readonly (readonly [string, string])[] {
  if (path.length === 1 && ELSEWHERE.includes(path[0] ?? '')) return [];
  if (isGroup(value)) return Object.entries(value).flatMap(([name, below]) => leaves([...path, name], below));
  if (Array.isArray(value) && value.some(isGroup)) {
    return value.flatMap((each, at) => leaves([...path.slice(0, -1), `${path.at(-1)}[${at}]`], each));
  }
  return [[shownName(path), isSecret(path) ? '(secret)' : shownValue(path.at(-1) ?? '', value)]];
}

// A setting: its name's meaning, default, example and parser in one place. Types, validation, the reference and the
// JSON Schema all come from these records. The only importer of zod; the schema files use the builders below.
import { z } from 'zod';
import type { Parsed } from './units.ts';

/** Names of the maps in sending.yaml that other settings refer to. */
export type Referred = 'tenants' | 'streams' | 'pools' | 'sources' | 'users' | 'credentials';

export interface Setting<T, Presence extends 'always' | 'maybe' = 'always'> {
  readonly presence: Presence;
  readonly doc: string;
  readonly schema: z.ZodType<T>;
  readonly shape: Shape;
  /** As it would stand in the YAML. Absent: the setting must be given, or may stay away (`presence: 'maybe'`). */
  readonly default?: unknown;
  /** Says in words what holds when the setting is away, where no literal could. */
  readonly otherwise?: string;
  readonly example: unknown;
  readonly refers?: Referred;
  /** Only `${file:}` and `${env:}` are taken; `pem`: for a value that is a key, not a path. */
  readonly secret?: true | 'pem';
}

export type AnySetting = Setting<unknown, 'always' | 'maybe'>;

/** What stands below a setting. */
export type Shape =
  | { readonly kind: 'value' }
  /** `members` by their YAML names; `shorthand`: a lone value stands for that member. */
  | { readonly kind: 'group'; readonly members: ReadonlyMap<string, AnySetting>; readonly shorthand?: string }
  /** `single`: one item may stand without its list. */
  | { readonly kind: 'list'; readonly item: AnySetting; readonly single: boolean }
  /** `entry`: a name that the example uses; `name`: what names may be. */
  | { readonly kind: 'map'; readonly item: AnySetting; readonly entry: string; readonly name: RegExp };

/** Either a default, or `optional`, or neither: then the setting must be given. */
export interface Spec {
  readonly default?: unknown;
  readonly optional?: string;
  readonly example?: unknown;
  readonly refers?: Referred;
  readonly secret?: true | 'pem';
}

type PresenceOf<S extends Spec> = S extends { readonly optional: string } ? 'maybe' : 'always';
type Members = Readonly<Record<string, AnySetting>>;
type ValueOf<S> = S extends Setting<infer T, 'always' | 'maybe'> ? T : never;
type MaybeKeys<M extends Members> = {
  [K in keyof M]: M[K] extends Setting<unknown, 'always'> ? never : K;
}[keyof M];

export type GroupValue<M extends Members> = {
  readonly [K in Exclude<keyof M, MaybeKeys<M>>]: ValueOf<M[K]>;
} & { readonly [K in MaybeKeys<M>]?: ValueOf<M[K]> };

export type Infer<S extends AnySetting> = ValueOf<S>;

/** Names of maps (tenants, streams …). Lower case, so that names from a mail header can be compared without care. */
export const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** Lower case, A-labels. */
export const DOMAIN_NAME =
  /^(?=.{3,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** User names are chosen by people and may be mailboxes. */
export const USER_NAME = /^[A-Za-z0-9][A-Za-z0-9._@+=-]{0,127}$/;

function finish<T, S extends Spec>(
  doc: string,
  spec: S,
  schema: z.ZodType<T>,
  shape: Shape,
): Setting<T, PresenceOf<S>> {
  const example = spec.example ?? spec.default;
  const whole = (
    spec.default !== undefined
      ? schema.prefault(spec.default as never)
      : spec.optional !== undefined
        ? schema.optional()
        : schema
  ).meta({ description: doc, ...(example === undefined ? {} : { examples: [example] }) }) as z.ZodType<T>;
  return {
    presence: (spec.optional === undefined ? 'always' : 'maybe') as PresenceOf<S>,
    doc,
    schema: whole,
    shape,
    example,
    ...(spec.default === undefined ? {} : { default: spec.default }),
    ...(spec.optional === undefined ? {} : { otherwise: spec.optional }),
    ...(spec.refers === undefined ? {} : { refers: spec.refers }),
    ...(spec.secret === undefined ? {} : { secret: spec.secret }),
  };
}

/** One value with a parser of its own. `json` describes for editors what may be written. */
export function value<T, S extends Spec>(
  doc: string,
  spec: S,
  parse: (raw: unknown) => Parsed<T>,
  json: Readonly<Record<string, unknown>>,
): Setting<T, PresenceOf<S>> {
  const schema = z
    .unknown()
    .meta(json)
    .transform((raw, context) => {
      const parsed: Parsed<T> = raw === undefined ? { wrong: 'is missing' } : parse(raw);
      if ('value' in parsed) return parsed.value;
      context.addIssue({ code: 'custom', message: parsed.wrong });
      return z.NEVER;
    });
  return finish(doc, spec, schema as unknown as z.ZodType<T>, { kind: 'value' });
}

/**
 * Settings under one name. `members` have their names in code; the YAML name is the same in snake case without the
 * unit (`sessionMs` is `session`, `messageOctets` is `message`). Every member that is away takes its default.
 */
export function group<const M extends Members>(
  doc: string,
  members: M,
  spec: { readonly shorthand?: string } = {},
): Setting<GroupValue<M>> {
  const names = new Map(Object.keys(members).map((key) => [yamlName(key), key]));
  const byName = new Map([...names].map(([name, key]) => [name, members[key] as AnySetting]));
  const strict = z.strictObject(Object.fromEntries([...byName].map(([name, setting]) => [name, setting.schema])));
  const renamed = strict.transform((raw) => {
    const out: Record<string, unknown> = {};
    for (const [name, key] of names) if (raw[name] !== undefined) out[key] = raw[name];
    return out;
  });
  // Without a member that must be given the whole group may stay away.
  const optional = [...byName.values()].every((setting) => setting.presence === 'maybe' || 'default' in setting);
  const { shorthand } = spec;
  return finish(doc, optional ? { default: {} } : {}, renamed as unknown as z.ZodType<GroupValue<M>>, {
    kind: 'group',
    members: byName,
    ...(shorthand === undefined ? {} : { shorthand }),
  });
}

export function list<T, S extends Spec & { readonly single?: true; readonly min?: number }>(
  doc: string,
  item: Setting<T, 'always'>,
  spec: S,
): Setting<readonly T[], PresenceOf<S>> {
  const schema = z.array(item.schema).min(spec.min ?? 0, 'must have at least one entry');
  return finish(doc, spec, schema as unknown as z.ZodType<readonly T[]>, {
    kind: 'list',
    item: item as AnySetting,
    single: spec.single === true,
  });
}

/** Entries by name, each like `item`. */
export function map<T>(
  doc: string,
  item: Setting<T, 'always'>,
  spec: { readonly entry: string; readonly name?: RegExp },
): Setting<Readonly<Record<string, T>>> {
  const { entry, name = NAME } = spec;
  const schema = z.record(z.string().regex(name), item.schema);
  return finish(doc, { default: {} }, schema as unknown as z.ZodType<Readonly<Record<string, T>>>, {
    kind: 'map',
    item: item as AnySetting,
    entry,
    name,
  });
}

/** `sessionMs` → `session`, `connectionsPerAddress` → `connections_per_address`. */
export function yamlName(key: string): string {
  return key.replace(/(Ms|Octets)$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What a parse finds wrong, by path; messages are finished in src/config/problem.ts. */
export interface Issue {
  readonly path: readonly (string | number)[];
  readonly what: { readonly unknown: readonly string[] } | { readonly name: string } | { readonly message: string };
}

export function parseWith<T>(
  setting: Setting<T, 'always' | 'maybe'>,
  raw: unknown,
): { value: T } | { issues: readonly Issue[] } {
  const done = setting.schema.safeParse(raw);
  if (done.success) return { value: done.data };
  return { issues: done.error.issues.map(issueOf) };
}

function issueOf(issue: z.core.$ZodIssue): Issue {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') return { path, what: { unknown: issue.keys } };
  if (issue.code === 'invalid_key') return { path, what: { name: path.at(-1)?.toString() ?? '' } };
  if (issue.code !== 'invalid_type') return { path, what: { message: issue.message } };
  if (issue.message.endsWith('received undefined')) return { path, what: { message: 'is missing' } };
  const wanted = issue.expected === 'array' ? 'a list' : 'a map of settings';
  return { path, what: { message: `must be ${wanted}` } };
}

export function jsonSchemaOf(setting: AnySetting): Record<string, unknown> {
  return z.toJSONSchema(setting.schema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
}

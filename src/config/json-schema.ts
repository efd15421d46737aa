// JSON Schema of the files, for editors that complete and check YAML: kept in config/schema/.
import { SHOWN_SCHEMAS } from './schema.ts';
import { type AnySetting, jsonSchemaOf } from './setting.ts';

type Json = Record<string, unknown>;

/** By file name inside config/schema/. */
export function jsonSchemas(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(SHOWN_SCHEMAS).map(([file, setting]) => {
      const { $schema, ...rest } = jsonSchemaOf(setting);
      const schema = { $schema, title: `Postilion: ${file}`, ...widened(setting, rest) };
      return [file.replace('.yaml', '.schema.json'), `${JSON.stringify(schema, undefined, 2)}\n`];
    }),
  );
}

/** `${file:}` or `${env:}` may stand for any value. */
const ELSEWHERE = { type: 'string', pattern: '\\$\\{(file|env):[^}]+\\}' };

/** Adds what is understood beyond the plain form: shorthands, empty maps, values from elsewhere. */
function widened(setting: AnySetting, schema: Json): Json {
  const { shape } = setting;
  const { description, default: usual, examples, ...bare } = schema;
  const told = {
    ...(description === undefined ? {} : { description }),
    ...(usual === undefined ? {} : { default: usual }),
    ...(examples === undefined ? {} : { examples }),
  };
  if (shape.kind === 'value') {
    if (setting.secret === true) return { ...told, ...ELSEWHERE };
    if (bare['type'] === 'string' && bare['pattern'] === undefined && bare['enum'] === undefined) return schema;
    return { ...told, anyOf: [bare, ELSEWHERE] };
  }
  if (shape.kind === 'list') {
    const item = widened(shape.item, bare['items'] as Json);
    const list = { ...bare, items: item };
    return shape.single ? { ...told, anyOf: [list, item] } : { ...told, ...list };
  }
  if (shape.kind === 'map') {
    const entry = widened(shape.item, bare['additionalProperties'] as Json);
    return { ...told, ...bare, type: ['object', 'null'], additionalProperties: entry };
  }
  const before = (bare['properties'] ?? {}) as Record<string, Json>;
  const properties = Object.fromEntries(
    [...shape.members].map(([name, member]) => [name, widened(member, before[name] ?? {})]),
  );
  const object: Json = { ...bare, type: ['object', 'null'], properties };
  const { shorthand } = shape;
  return shorthand === undefined ? { ...told, ...object } : { ...told, anyOf: [object, properties[shorthand]] };
}

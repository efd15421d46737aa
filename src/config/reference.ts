// The reference: every setting of the files as YAML with its description, default and an example, printed by
// `postilion config describe` and kept as config/reference.yaml. Made from the schema, so it cannot say anything else.
import { yamlName, type AnySetting } from './setting.ts';
import { SHOWN_SCHEMAS } from './schema.ts';
import { yamlText } from './yaml-file.ts';

const COLUMNS = 110;

const HEAD = `## Every setting of Postilion. Printed by \`postilion config describe\`; this file is never read.
## \`##\` begins a description. A line behind one \`#\` is an example of what is off unless you write it; every other
## line is the default. The first part belongs into postilion.yaml, the second into sending.yaml, the third into
## own-warmup.yaml.
##
## Units: durations 500ms, 30s, 15m, 1h30m, 4d, 2w; sizes 500B, 64KB (1,000), 64KiB (1,024), MB, MiB, GB, GiB;
## rates 10/s, 200/m, 5000/h, 100000/d; octets per second 500B/s.
## Any value may hold \${file:PATH} (relative to this folder; \${file:%d/NAME} is a systemd credential) or \${env:NAME};
## $\${ is a plain \${. Secrets are only taken that way.
`;

/** The whole text: a YAML document for each file. */
export function referenceYaml(): string {
  const parts = Object.entries(SHOWN_SCHEMAS).map(([name, { doc, shape }]) => {
    if (shape.kind !== 'group') return '';
    const settings = [...shape.members].map(([member, setting]) => lines(member, setting, undefined).join('\n'));
    return `---\n## ════ ${name} ════  ${doc}\n\n${settings.join('\n\n')}\n`;
  });
  return `${HEAD}${parts.join('\n')}`;
}

/** `shown`: what an example has in its place. */
function lines(name: string, setting: AnySetting, shown: unknown): string[] {
  const { shape } = setting;
  if (shape.kind === 'group') {
    const members = [...shape.members].flatMap(([member, below]) => lines(member, below, part(shown, member)));
    return [...prose(setting.doc), `${name}:`, ...indented(members)];
  }
  if (shape.kind === 'map') {
    const entry = members(shape.item, shown);
    return off([...prose(setting.doc), `${name}:`, ...indented([`${shape.entry}:`, ...indented(entry)])]);
  }
  const isOff = shown === undefined && setting.default === undefined;
  const value = shown ?? setting.default ?? setting.example;
  if (shape.kind === 'list' && shape.item.shape.kind === 'group') {
    const example = shown ?? setting.example;
    const item = members(shape.item, Array.isArray(example) ? example[0] : undefined);
    // What the example leaves out stays off behind a second `#`.
    const entry = item.map((line, at) => (at === firstSetting(item) ? `  - ${line}` : `    ${line}`));
    return off([...prose(described(setting, 'none')), `${name}:`, ...entry]);
  }
  const told = described(setting, isDefault(setting, value) ? undefined : defaultText(setting));
  const examples = isDefault(setting, value) && setting.example !== setting.default ? exampleText(setting) : '';
  const line = `${name}: ${yamlText(value, 'flow')}`;
  return [...prose(`${told}${examples}`), isOff ? `#${line}` : line];
}

function members(item: AnySetting, shown: unknown): string[] {
  if (item.shape.kind !== 'group') return lines('', item, shown);
  return [...item.shape.members].flatMap(([name, setting]) => lines(name, setting, part(shown, name)));
}

function part(shown: unknown, name: string): unknown {
  if (typeof shown !== 'object' || shown === null) return undefined;
  return Object.entries(shown).find(([key]) => yamlName(key) === name)?.[1] as unknown;
}

function isDefault(setting: AnySetting, value: unknown): boolean {
  return setting.default !== undefined && JSON.stringify(value) === JSON.stringify(setting.default);
}

function defaultText(setting: AnySetting): string | undefined {
  return setting.otherwise ?? (setting.default === undefined ? undefined : yamlText(setting.default, 'flow'));
}

function described(setting: AnySetting, usual: string | undefined): string {
  if (usual !== undefined) return `${setting.doc} Default: ${setting.otherwise ?? usual}.`;
  return setting.default === undefined ? `${setting.doc} Must be given.` : setting.doc;
}

function exampleText(setting: AnySetting): string {
  return ` Example: ${yamlText(setting.example, 'flow')}`;
}

/** Descriptions in an off block stay descriptions, its settings go behind one `#`. */
function off(block: readonly string[]): string[] {
  return block.map((line) => (line.startsWith('#') ? line : `#${line}`));
}

function indented(block: readonly string[]): string[] {
  return block.map((line) => (line.startsWith('#') && !line.startsWith('##') ? `#  ${line.slice(1)}` : `  ${line}`));
}

function firstSetting(block: readonly string[]): number {
  return block.findIndex((line) => !line.startsWith('#'));
}

function prose(doc: string): string[] {
  const out: string[] = [];
  let line = '##';
  for (const word of doc.split(' ')) {
    if (line.length + 1 + word.length > COLUMNS && line !== '##') {
      out.push(line);
      line = '##';
    }
    line += ` ${word}`;
  }
  return [...out, line];
}

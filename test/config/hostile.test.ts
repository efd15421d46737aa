import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkFiles, parseAlone } from '../../src/config/check.ts';
import { interpolate } from '../../src/config/interpolation.ts';
import { referenceYaml } from '../../src/config/reference.ts';
import type { ConfigFile } from '../../src/config/schema.ts';
import { warmupSchema } from '../../src/config/schema-warmup.ts';
import { parseYaml } from '../../src/config/yaml-file.ts';
import { configFolder, problemsOf } from './folder.ts';

// Every example of the reference switched on, as a list of lines for each file.
const [, ...parts] = referenceYaml()
  .replace(/^#(?!#)/gm, '')
  .split(/^---$/m);
const WHOLE = parts.map((part) => part.split('\n').filter((line) => /^ *[^ #]/.test(line)));

const ODD = [
  '',
  '~',
  '[]',
  '{}',
  '-1',
  '1e99',
  '.nan',
  'true',
  'x',
  '"*"',
  '[[]]',
  '{a: {b: c}}',
  '"${env:X}"',
  '"${file:/}"',
];
const MORE = [
  '__proto__',
  'constructor',
  '"a b"',
  '9'.repeat(40),
  '2001:db8::1',
  '!!binary aGk=',
  '&a [*a]',
  '0x10',
  '""',
  '\t',
  '<<',
];

/** What a hand in a hurry does to one line. */
const slip = fc.record({
  file: fc.nat(2),
  line: fc.nat(400),
  how: fc.constantFrom('value', 'key', 'drop', 'double', 'indent'),
  odd: fc.constantFrom(...ODD, ...MORE),
});

function slipped(lines: readonly string[], at: number, how: string, odd: string): string[] {
  const index = at % lines.length;
  const line = lines[index] ?? '';
  const [, head = '', key = ''] = /^( *(?:- )?)([^:]*):/.exec(line) ?? [];
  const instead = {
    value: [`${head}${key}: ${odd}`],
    key: [line.replace(key, odd)],
    drop: [],
    double: [line, line],
    indent: [` ${line}`],
  }[how];
  return [...lines.slice(0, index), ...(instead ?? []), ...lines.slice(index + 1)];
}

/** `undefined`: that file is not looked at. */
function judge(files: readonly (readonly string[] | undefined)[]): number {
  const yaml = files.map((lines) => (lines === undefined ? undefined : parseYaml(lines.join('\n'))));
  const names: readonly ConfigFile[] = ['postilion.yaml', 'sending.yaml'];
  const sources = yaml.flatMap((file, at) => {
    const name = names[at];
    if (name === undefined || file === undefined || file.errors.length > 0) return [];
    const { value, outside } = interpolate(file.value, () => ({ value: 'elsewhere' }));
    return [{ name, value, outside }];
  });
  const plans = parseAlone(warmupSchema, yaml[2]?.value);
  const all = [...checkFiles(sources).findings].map(([name, findings]) => [names.indexOf(name), findings] as const);
  if ('findings' in plans) all.push([2, plans.findings]);
  let found = 0;
  for (const [file, findings] of all) {
    for (const { path, at, message } of findings) {
      const { line, column } = yaml[file]?.locate(path, at) ?? { line: 0, column: 0 };
      assert.ok(line >= 1 && column >= 1 && message.length > 5, `${path.join('.')} ${message}`);
      assert.ok(!/[\u0000-\u001f]/.test(message), message);
      found++;
    }
  }
  return found;
}

test('configuration: whatever a slip of the hand makes of it, it is judged, and every finding has a place', () => {
  assert.equal(judge(WHOLE), 0, 'without a slip nothing is wrong');
  let found = 0;
  fc.assert(
    fc.property(fc.array(slip, { minLength: 1, maxLength: 4 }), (slips) => {
      const files = WHOLE.map((lines) => [...lines]);
      for (const { file, line, how, odd } of slips) files[file] = slipped(files[file] ?? [], line, how, odd);
      found += judge(files);
    }),
    { numRuns: 60 },
  );
  assert.ok(found > 10, 'the slips were found');
});

test('configuration: every setting judges a value of every other kind', () => {
  for (const [file, lines] of WHOLE.entries()) {
    for (const at of lines.keys()) {
      for (const odd of ['-1', '[true]', '{a: 1}']) {
        judge(WHOLE.map((whole, each) => (each === file ? slipped(whole, at, 'value', odd) : undefined)));
      }
    }
  }
});

test('configuration: aliases that multiply, merge keys and prototypes do no harm', (t) => {
  const laughs = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg']) {
    laughs.push(`${to}: &${to} [${`*${from},`.repeat(10)}]`);
  }
  assert.match(problemsOf(configFolder(t, { 'postilion.yaml': laughs.join('\n') })).join(), /alias/i);
  for (const text of [
    'a: &a [*a]',
    'a: &a [*a, *a, *a, *a]',
    `a: ${'['.repeat(60)}${']'.repeat(60)}`,
    '['.repeat(5_000),
    '- '.repeat(3_000),
  ]) {
    assert.equal(problemsOf(configFolder(t, { 'postilion.yaml': text })).length > 0, true, text.slice(0, 20));
  }
  const odd = problemsOf(configFolder(t, { 'postilion.yaml': '__proto__: { hostname: x }\n[a, b]: 1\n? {a: 1}\n: 2' }));
  assert.deepEqual(odd, [
    'postilion.yaml:1:1: this cannot be the name of anything',
    'postilion.yaml:2:1: this cannot be the name of anything',
    'postilion.yaml:3:3: this cannot be the name of anything',
  ]);
  assert.match(problemsOf(configFolder(t, { 'postilion.yaml': 'constructor: 1' })).join(), /no such setting/);
  assert.match(problemsOf(configFolder(t, { 'postilion.yaml': '- a\n- b' })).join(), /must be a map of settings/);
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { jsonSchemas } from '../../src/config/json-schema.ts';
import { referenceYaml } from '../../src/config/reference.ts';
import { SCHEMAS } from '../../src/config/schema.ts';
import type { AnySetting } from '../../src/config/setting.ts';
import { configDocs } from '../docs/config.ts';
import { configFolder, load, problemsOf } from './folder.ts';

const here = fileURLToPath(new URL('..', import.meta.url));
const root = join(here, here.includes('/dist/') ? '../..' : '..');
const committed = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The reference's two documents as files. */
function asFiles(text: string): Record<string, string> {
  const [, relay = '', sending = ''] = text.split(/^---$/m);
  return { 'postilion.yaml': relay, 'sending.yaml': sending };
}

test('reference: the committed files say what the schema says (npm run docs writes them)', () => {
  for (const [path, text] of configDocs()) assert.equal(committed(path), text, `${path} is stale`);
});

test('reference: read as a configuration it is the defaults', (t) => {
  const { folders: _a, ...ofReference } = load(configFolder(t, asFiles(referenceYaml())));
  const { folders: _b, ...ofNothing } = load(configFolder(t));
  assert.deepEqual(ofReference, ofNothing);
});

test('reference: every example is right', (t) => {
  const on = referenceYaml().replace(/^#(?!#)/gm, '');
  const found = problemsOf(configFolder(t, asFiles(on))).filter(
    (line) => !line.includes('cannot be read: it is not there'),
  );
  assert.deepEqual(found, []);
});

test('reference: every setting stands in it, has a description and something to copy', () => {
  const text = referenceYaml();
  const visit = (name: string, setting: AnySetting): void => {
    assert.ok(setting.doc.length > 3 && /[.:]$/.test(setting.doc), `${name}: ${setting.doc}`);
    const { shape } = setting;
    if (shape.kind === 'value') assert.notEqual(setting.example, undefined, name);
    if (shape.kind === 'group') {
      for (const [member, below] of shape.members) {
        assert.match(text, new RegExp(`^[# ]*(- )?${member}:`, 'm'), `${name}.${member} is not in the reference`);
        visit(`${name}.${member}`, below);
      }
    } else if (shape.kind !== 'value') visit(`${name}[]`, shape.item);
  };
  for (const [file, setting] of Object.entries(SCHEMAS)) visit(file, setting);
});

test('shipped files: they are right as they are and with every example switched on', (t) => {
  const names = ['postilion.yaml', 'sending.yaml'];
  const files = Object.fromEntries(names.map((name) => [name, committed(`config/${name}`)]));
  const { folders: _a, number: _n, ...shipped } = load(configFolder(t, files));
  const { folders: _b, number: _m, ...usual } = load(configFolder(t));
  assert.deepEqual(shipped, usual, 'what is shipped is the default');
  const on = Object.fromEntries(names.map((name) => [name, (files[name] ?? '').replace(/^#(?=\S)/gm, '')]));
  const found = problemsOf(configFolder(t, on)).map((line) => line.replace(/:\d+:\d+/, ''));
  assert.deepEqual(found, [
    "postilion.yaml: tls.cert: '/etc/postilion/fullchain.pem' cannot be read: it is not there",
    "postilion.yaml: tls.key: '/etc/postilion/privkey.pem' cannot be read: it is not there",
  ]);
});

test('JSON Schema: it knows every member, the short forms and values from elsewhere', () => {
  const relay = JSON.parse(jsonSchemas().get('postilion.schema.json') ?? '') as unknown;
  const { properties } = relay as { properties: Record<string, Record<string, unknown>> };
  assert.deepEqual(Object.keys(properties), [
    ...(SCHEMAS['postilion.yaml'].shape as never as { members: Map<string, unknown> }).members.keys(),
  ]);
  const [group, short] = properties['processes']?.['anyOf'] as Record<string, unknown>[];
  assert.deepEqual(group?.['type'], ['object', 'null']);
  assert.deepEqual((short?.['anyOf'] as Record<string, unknown>[])[0]?.['enum'], ['single', 'split', 'auto']);
  const limits = properties['limits'] as { properties: Record<string, { default: unknown; anyOf: unknown }> };
  assert.equal(limits.properties['message']?.default, '50MB');
  assert.deepEqual(limits.properties['recipients']?.anyOf, [
    { type: 'integer', minimum: 100, maximum: 100_000 },
    { type: 'string', pattern: '\\$\\{(file|env):[^}]+\\}' },
  ]);
});

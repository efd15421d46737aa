// What the configuration's schema writes down: the reference, the JSON Schemas for editors, the shipped rules as values.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchemas } from '../../src/config/json-schema.ts';
import { RULE_FILES, shippedJson } from '../../src/config/shipped-file.ts';
import { referenceYaml } from '../../src/config/reference.ts';
import { PROJECT_ROOT } from '../support/tree.ts';

/** Text by path from the project's root. */
export function configDocs(): ReadonlyMap<string, string> {
  const schemas = [...jsonSchemas()].map(([name, text]) => [`config/schema/${name}`, text] as const);
  const texts = RULE_FILES.map((name) => [name, readFileSync(join(PROJECT_ROOT, 'config', name), 'utf8')] as const);
  return new Map([
    ['config/reference.yaml', referenceYaml()],
    ['config/shipped.json', shippedJson(new Map(texts))],
    ...schemas,
  ]);
}

// postilion config describe: prints every setting with its description, default and an example.
import { EXIT } from '../base/errors.ts';
import { jsonSchemas } from '../config/json-schema.ts';
import { referenceYaml } from '../config/reference.ts';
import type { Command } from './command.ts';

export const configDescribe: Command = {
  words: ['config', 'describe'],
  summary: 'Print every setting with its description and default',
  details: 'The text is YAML that can be copied from. With --json: the JSON Schema of each file.',
  examples: [
    ['postilion config describe | less', 'read it'],
    ['postilion config describe | grep -A3 long_lines', 'look one up'],
  ],
  async run({ deps, json }) {
    const schemas = (): object =>
      Object.fromEntries([...jsonSchemas()].map(([name, text]) => [name, JSON.parse(text) as unknown]));
    await deps.terminal.out(json ? `${JSON.stringify(schemas())}\n` : referenceYaml());
    return EXIT.ok;
  },
};

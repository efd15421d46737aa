// postilion rules test: each rule's sample through all rules, or replies of one's own with what they should be.
import { readFileSync } from 'node:fs';
import { EXIT, OperatorError } from '../base/errors.ts';
import { classify, questionOf } from '../rules/classify.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import { type Call, type Command } from './command.ts';
import { countText } from './progress.ts';
import { getRules } from './rules-in-force.ts';
import { printable } from './table.ts';

const FILE_OCTETS_MAX = 2 ** 29;

interface Case {
  /** Rule id, or line of the file. */
  readonly name: string;
  readonly text: string;
  readonly provider?: string;
  /** Any of them is right. */
  readonly categories?: readonly string[];
  readonly rule?: string;
}

export const rulesTest: Command = {
  words: ['rules', 'test'],
  summary: 'Run every sample through all rules, or replies of your own with the categories they should have',
  details:
    'Without a file: does each rule decide its own sample? With one: lines {"text", "category"}, with a provider and a rule if you like; category may be a list. Exit code 1: something is not as it should be.',
  args: [{ name: 'file', doc: 'the file, or - for the input', optional: true }],
  examples: [
    ['postilion rules test', 'samples'],
    ['postilion rules test replies.jsonl', 'what your own rules must keep doing'],
  ],
  async run(call) {
    const { set } = getRules(call);
    const cases =
      call.args['file'] === undefined ? samplesOf(set) : parseCases(await readText(call, call.args['file']));
    const wrong = cases.flatMap((one) => {
      const { category, rule } = classify(set, questionOf(one.text, one.provider));
      const isRight = (one.categories?.includes(category) ?? true) && (one.rule === undefined || one.rule === rule);
      return isRight ? [] : [{ ...one, got: { category, rule } }];
    });
    const { terminal } = call.deps;
    if (call.json) await terminal.out(`${JSON.stringify({ cases: cases.length, wrong })}\n`);
    else {
      for (const { name, text, categories, rule, got } of wrong) {
        const wanted = [categories?.join(' or '), rule].filter(Boolean).join(' by ');
        await terminal.out(`${name}: wanted ${wanted}, got ${got.category} by ${got.rule}: ${printable(text)}\n`);
      }
      await terminal.out(`${countText(cases.length - wrong.length)} of ${countText(cases.length)} as they should be\n`);
    }
    return wrong.length === 0 ? EXIT.ok : EXIT.no;
  },
};

function samplesOf(set: RuleSet): readonly Case[] {
  return set.all.map(({ id, provider, sample, category }) => ({
    name: id,
    text: sample,
    ...(provider === undefined ? {} : { provider }),
    categories: [category.name],
    rule: id,
  }));
}

async function readText(call: Call, file: string): Promise<string> {
  if (file === '-') return call.deps.terminal.readAll(FILE_OCTETS_MAX);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OperatorError(`${file}: cannot be read (${code})`, EXIT.usage, { cause: error });
  }
}

function parseCases(text: string): readonly Case[] {
  return text.split('\n').flatMap((line, at): readonly Case[] => {
    if (line.trim() === '') return [];
    const one = parseCase(line, `line ${at + 1}`);
    if (one === undefined) throw new OperatorError(`line ${at + 1}: not {"text", "category"}`, EXIT.usage);
    return [one];
  });
}

function parseCase(line: string, name: string): Case | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { text, category, provider, rule } = value as Readonly<Record<string, unknown>>;
  const categories = typeof category === 'string' ? [category] : category;
  if (typeof text !== 'string' || !Array.isArray(categories)) return undefined;
  return {
    name,
    text,
    categories: categories.map(String),
    ...(typeof provider === 'string' ? { provider } : {}),
    ...(typeof rule === 'string' ? { rule } : {}),
  };
}

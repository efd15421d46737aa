// postilion classify: what a reply means, which rule says so, and what follows. Works without a relay.
import { EXIT, type ExitCode, OperatorError } from '../base/errors.ts';
import { nearestName } from '../config/nearest.ts';
import { actionText } from '../rules/action.ts';
import { type Classification, classify as classifyReply, questionOf } from '../rules/classify.ts';
import { type Explanation, explain } from '../rules/explain.ts';
import type { Rule, RuleSet } from '../rules/rule-set.ts';
import { type Call, type Command, optionText } from './command.ts';
import { getRules, type RulesInForce } from './rules-in-force.ts';
import { printable } from './table.ts';

const INPUT_OCTETS_MAX = 2 ** 29;
/** Answers written at once. */
const CHUNK_LINES = 1000;

export const classify: Command = {
  words: ['classify'],
  summary: 'Say what a reply means, which rule says so, and what follows',
  details:
    'The reply as the remote sent it, codes first; of several lines all of them. Nothing is asked of a relay. --jsonl reads lines {"id", "text", "provider"} from the input and prints a line {"id", "category", "class", "scope", "actions", "rule"} for each.',
  args: [{ name: 'reply', doc: 'the reply, in quotes', optional: true }],
  options: [
    { flags: '--provider <name>', doc: 'whose reply it is: a name in providers.yaml' },
    { flags: '--jsonl', doc: 'replies come as lines of JSON on the input' },
  ],
  examples: [
    ['postilion classify "550 5.1.1 User unknown"', 'one reply'],
    ['postilion classify "421 4.7.28 unusual rate of email" --provider google', 'of a known provider'],
    ['postilion classify --jsonl < replies.jsonl', 'many, for programs'],
  ],
  async run(call) {
    const text = call.args['reply'];
    const provider = optionText(call, 'provider');
    if (call.options['jsonl'] === true) {
      if (text !== undefined || provider !== undefined) {
        throw new OperatorError('--jsonl reads replies and providers from the input', EXIT.usage);
      }
      return classifyLines(call, getRules(call).set);
    }
    if (text === undefined) throw new OperatorError('a reply is missing, or --jsonl', EXIT.usage);
    const rules = getRules(call);
    checkProvider(rules, provider);
    const found = explain(rules.set, questionOf(text, provider));
    await call.deps.terminal.out(call.json ? `${JSON.stringify(explanationJson(found))}\n` : explanationText(found));
    return EXIT.ok;
  },
};

export function checkProvider({ providers }: RulesInForce, name: string | undefined): void {
  if (name === undefined || providers.has(name.toLowerCase())) return;
  const near = nearestName(name.toLowerCase(), [...providers]);
  const hint = near === undefined ? 'postilion rules list names those that have rules' : `did you mean ${near}?`;
  throw new OperatorError(`there is no provider ${name}; ${hint}`, EXIT.usage);
}

// ── one reply ─────────────────────────────────────────────────────────────────────────────────────────────────────

function answerJson({
  category,
  class: kind,
  scope,
  actions,
  rule,
}: Classification): Readonly<Record<string, unknown>> {
  return { category, class: kind, scope, actions: actions.map(actionText), rule };
}

function explanationJson(found: Explanation): Readonly<Record<string, unknown>> {
  const { classification, rule, shadowed, codes } = found;
  return {
    ...answerJson(classification),
    outcome: classification.kind,
    ...(rule === undefined ? {} : { by: ruleJson(rule) }),
    shadowed: shadowed.map(ruleJson),
    codes,
  };
}

function ruleJson({ id, provider, isOwn, category, fragments }: Rule): Readonly<Record<string, unknown>> {
  return { id, ...(provider === undefined ? {} : { provider }), own: isOwn, category: category.name, text: fragments };
}

function explanationText(found: Explanation): string {
  const { classification, rule, shadowed, codes } = found;
  const { kind, category, class: categoryClass, scope, actions } = classification;
  const said = codes.filter((code) => code.rule !== classification.rule);
  const rows: (readonly [string, string])[] = [
    ['category', `${category}: class ${categoryClass}, about the ${scope}`],
    ['outcome', kind === 'failed' ? 'failed: not tried again' : 'deferred: tried again'],
    ['actions', actions.map(actionText).join(', ') || 'none'],
    ['rule', rule === undefined ? `${classification.rule}: no text rule knows these words` : ruleText(rule)],
    ...shadowed.map((one, at): readonly [string, string] => [
      at === 0 ? 'shadowed' : '',
      `${ruleText(one)}: ${one.category.name}`,
    ]),
    ...said.map((one, at): readonly [string, string] => [
      at === 0 ? 'codes alone' : '',
      `${one.rule}: ${one.category}`,
    ]),
  ];
  return rows.map(([title, text]) => `${title.padEnd(11)}  ${printable(text)}\n`).join('');
}

function ruleText({ id, provider, isOwn }: Rule): string {
  const whose = isOwn ? 'own' : 'shipped';
  return `${id} (${whose}, ${provider === undefined ? 'any provider' : provider})`;
}

// ── many ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Line {
  readonly id: unknown;
  readonly text: string;
  readonly provider?: string;
}

/** Exit code 1: a line was not what it should be; all others are answered. */
async function classifyLines({ deps }: Call, set: RuleSet): Promise<ExitCode> {
  const { terminal } = deps;
  let isWrong = false;
  let answers: string[] = [];
  const lines = (await terminal.readAll(INPUT_OCTETS_MAX)).split('\n');
  for (const [at, text] of lines.entries()) {
    if (text.trim() === '') continue;
    const line = parseLine(text);
    if (line === undefined) {
      isWrong = true;
      await terminal.note(`input:${at + 1}: not {"id", "text"} with an optional provider\n`);
      continue;
    }
    const answer = answerJson(classifyReply(set, questionOf(line.text, line.provider)));
    answers.push(`${JSON.stringify({ id: line.id, ...answer })}\n`);
    if (answers.length < CHUNK_LINES) continue;
    await terminal.out(answers.join(''));
    answers = [];
  }
  await terminal.out(answers.join(''));
  return isWrong ? EXIT.no : EXIT.ok;
}

function parseLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, text: reply, provider } = value as Readonly<Record<string, unknown>>;
  if (typeof reply !== 'string') return undefined;
  return { id: id ?? null, text: reply, ...(typeof provider === 'string' && provider !== '' ? { provider } : {}) };
}

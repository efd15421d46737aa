// postilion warmup status: how far new sources are.
import { EXIT } from '../base/errors.ts';
import type { WarmupReport } from '../flow/warmup.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { countText } from './progress.ts';
import { type Column, tableText } from './table.ts';
import { budgetText, decisionWord, percentText, prospectWord, providerText } from './warmup-words.ts';

export const warmupStatus: Command = {
  words: ['warmup', 'status'],
  summary: 'Show how far sources are in their warm-up',
  details:
    'Stage, what was used today of the budget, what was delivered of what was answered, when it will be warm if the volume of the last days goes on, and what was decided last and why. With a source: each of its budgets in full. `all` is the budget of all providers together, `other` that of sites without a provider.',
  args: [{ name: 'source', doc: 'its name in sending.yaml', optional: true }],
  examples: [
    ['postilion warmup status', 'a line for each budget'],
    ['postilion warmup status out17', 'one source in full'],
    ['postilion warmup status --json', 'for a program'],
  ],
  async run(call) {
    const { source } = call.args;
    const query = source === undefined ? {} : { source };
    const budgets = await ask(getFolders(call), 'GET /v1/warmup', undefined, { query });
    const { terminal, clock } = call.deps;
    await terminal.out(
      call.json ? `${JSON.stringify(budgets)}\n` : statusText(budgets, source, clock.now(), terminal.outColumns),
    );
    return EXIT.ok;
  },
};

function statusText(
  budgets: readonly WarmupReport[],
  source: string | undefined,
  now: number,
  columns?: number,
): string {
  const [first] = budgets;
  if (first === undefined)
    return source === undefined
      ? 'no source that has a warm-up plan has sent anything yet\n'
      : `${source} has sent nothing yet\n`;
  if (source !== undefined) {
    return `${source}, plan ${first.plan}\n\n${budgets.map((each) => budgetText(each, now)).join('\n')}`;
  }
  return tableText(COLUMNS, budgets, columns);
}

const COLUMNS: readonly Column<WarmupReport>[] = [
  { title: 'source', of: ({ source }) => source },
  { title: 'provider', of: ({ provider }) => providerText(provider) },
  { title: 'stage', of: ({ stage, stages }) => (stage === undefined ? 'warm' : `${stage}/${stages}`), align: 'right' },
  { title: 'used', of: ({ today }) => countText(today.used), align: 'right' },
  { title: 'of', of: ({ today }) => (today.budget === undefined ? '-' : countText(today.budget)), align: 'right' },
  {
    title: 'ok',
    of: ({ today: { delivered, against } }) => percentText(delivered, delivered + against),
    align: 'right',
  },
  { title: 'warm', of: ({ prospect }) => prospectWord(prospect), align: 'right' },
  {
    title: 'last',
    of: ({ decision, isHeld }) => (isHeld ? 'held' : decision === undefined ? '' : decisionWord(decision)),
  },
];

// postilion warmup history: the days of a budget, and what each of them led to.
import { EXIT } from '../base/errors.ts';
import type { WarmupDayReport } from '../flow/warmup.ts';
import { type Command, given } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { plotText } from './plot.ts';
import { countText } from './progress.ts';
import { type Column, tableText } from './table.ts';
import { dateText, decisionWord, percentText, providerNamed } from './warmup-words.ts';

const COLUMNS_USUAL = 80;

export const warmupHistory: Command = {
  words: ['warmup', 'history'],
  summary: 'Show the days of a source at a provider, and what they led to',
  details:
    'The last 60 days that had mail: budget, recipients handed over, what was delivered of what was answered, blocks, complaints, what there was for the provider from any source, and what followed.',
  args: [
    { name: 'source', doc: 'its name in sending.yaml' },
    { name: 'provider', doc: 'a name of providers.yaml, other, or all (the total)' },
  ],
  examples: [
    ['postilion warmup history out17 google', 'plot and table'],
    ['postilion warmup history out17 google --json', 'for a program'],
  ],
  async run(call) {
    const source = given(call, 'source');
    const provider = given(call, 'provider');
    const query = { provider: providerNamed(provider) };
    const days = await ask(getFolders(call), 'GET /v1/warmup/:id/days', undefined, { id: source, query });
    const { terminal } = call.deps;
    const text = days.length === 0 ? 'no day with mail is over yet\n' : historyText(days, terminal.outColumns);
    await terminal.out(call.json ? `${JSON.stringify(days)}\n` : text);
    return EXIT.ok;
  },
};

function historyText(days: readonly WarmupDayReport[], columns?: number): string {
  const bars = days.map(({ budget, used }) => ({ full: used, shade: budget ?? used }));
  return `${plotText(bars, columns ?? COLUMNS_USUAL)}${' '.repeat(7)} █ handed over   ░ budget not used\n\n${tableText(COLUMNS, days, columns)}`;
}

const COLUMNS: readonly Column<WarmupDayReport>[] = [
  { title: 'day', of: ({ from, until }) => dateText(from, until), align: 'right' },
  { title: 'budget', of: ({ budget }) => (budget === undefined ? '-' : countText(budget)), align: 'right' },
  { title: 'used', of: ({ used }) => countText(used), align: 'right' },
  { title: 'ok', of: ({ delivered, against }) => percentText(delivered, delivered + against), align: 'right' },
  { title: 'blocks', of: ({ blocks }) => countText(blocks), align: 'right' },
  { title: 'compl', of: ({ complaints }) => countText(complaints), align: 'right' },
  { title: 'offered', of: ({ offered }) => countText(offered), align: 'right' },
  {
    title: 'then',
    of: ({ what, why }) => (what === undefined || why === undefined ? '' : decisionWord({ what, why })),
  },
];

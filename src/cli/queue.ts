// postilion queue: what waits, for what, and what an operator must know.
import { EXIT, OperatorError } from '../base/errors.ts';
import { QUEUE_DOMAINS_MAX, QUEUE_PROVIDERS_MAX } from '../control/api.ts';
import type { DomainQueue, QueueReport } from '../flow/operations.ts';
import { backlogText } from './backlog-text.ts';
import { type Call, type Command, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { momentText } from '../base/duration.ts';
import { instantText } from './moment.ts';
import { countText, countedText } from './progress.ts';
import { type Column, printable, tableText } from './table.ts';

export const queue: Command = {
  words: ['queue'],
  summary: 'Show what waits, for what, and when it will be gone',
  details:
    'First a line for each provider (or site, where nobody knows whose it is), and below it what limits its mail now. per min: deliveries that came to an end, over the last five minutes. empties: an estimate, if nothing more comes. Then the domains.',
  options: [
    { flags: '--providers <n>', doc: 'providers to show, those with most mail first (10)' },
    { flags: '--domains <n>', doc: 'domains to show, those with most mail first (20)' },
  ],
  examples: [
    ['postilion queue', 'totals, alarms, providers, domains'],
    ['postilion queue --domains 0', 'without the domains'],
    ['postilion queue --json --domains 1000', 'for a program'],
    ['postilion queue pause --tenant acme', 'more: pause, resume, move, retry'],
  ],
  async run(call) {
    const { terminal, clock } = call.deps;
    const query = {
      providers: numberOf(call, 'providers', '10', QUEUE_PROVIDERS_MAX),
      domains: numberOf(call, 'domains', '20', QUEUE_DOMAINS_MAX),
    };
    const report = await ask(getFolders(call), 'GET /v1/queue', undefined, { query });
    await terminal.out(call.json ? `${JSON.stringify(report)}\n` : queueText(report, clock.now(), terminal.outColumns));
    return EXIT.ok;
  },
};

function numberOf(call: Call, name: string, unlessTold: string, max: number): string {
  const text = optionText(call, name) ?? unlessTold;
  if (/^\d{1,5}$/.test(text) && Number(text) <= max) return text;
  throw new OperatorError(`--${name} takes a number up to ${max}, not '${text}'`, EXIT.usage);
}

const COUNTER_WORDS: Readonly<Record<string, string>> = { signedByOperator: 'signed by the operator alone' };

export function queueText(report: QueueReport, now: number, columns?: number): string {
  const counters = Object.entries(report.counters)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${COUNTER_WORDS[name] ?? name} ${countText(count)}`);
  const keyless = report.keyless
    .slice(0, 5)
    .map(({ domain, messages }) => `${printable(domain)} ${countText(messages)}`);
  return [
    `${countedText(report.deliveries, 'delivery', 'deliveries')} of ${countedText(report.messages, 'message')} ${report.deliveries === 1 ? 'waits' : 'wait'}; `,
    `${countText(report.inFlight)} in flight on ${countedText(report.sessions, 'connection')}\n`,
    report.reportsOwed > 0 ? `${countedText(report.reportsOwed, 'report is', 'reports are')} owed to senders\n` : '',
    counters.length > 0 ? `since the start: ${counters.join(', ')}\n` : '',
    keyless.length > 0
      ? `no key for: ${keyless.join(', ')}${report.keyless.length > 5 ? ', …' : ''} (postilion domain add gives one)\n`
      : '',
    ...report.paused.map((mark) => `paused: ${printable(mark)}\n`),
    ...report.moved.map(({ mark, pool }) => `moved: ${printable(mark)} to the pool ${pool}\n`),
    ...report.alarms.map((alarm) => `ALARM ${instantText(alarm.at)} ${alarm.alarm}: ${printable(alarm.text)}\n`),
    report.providers.length > 0 ? `\n${backlogText(report, columns)}` : '',
    report.domains.length > 0 ? `\n${tableText(columnsOf(now), report.domains, columns)}` : '',
  ].join('');
}

const columnsOf = (now: number): readonly Column<DomainQueue>[] => [
  { title: 'domain', of: ({ domain }) => domain },
  { title: 'waiting', of: ({ waiting }) => countText(waiting), align: 'right' },
  { title: 'in flight', of: ({ inFlight }) => countText(inFlight), align: 'right' },
  { title: 'conn', of: ({ sessions }) => countText(sessions), align: 'right' },
  { title: 'next', of: ({ firstDueAt }) => (firstDueAt <= now ? 'now' : momentText(firstDueAt, now)) },
  { title: 'waits for', of: ({ waitsFor }) => waitsFor },
];

// postilion message show: one message, what of it waits, what became of the rest, and what was said on the way.
import { EXIT } from '../base/errors.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { DeliveryWait, DsnReport, MessageReport } from '../flow/operations.ts';
import type { WaitingDelivery } from '../flow/spool.ts';
import { waitClause } from '../flow/wait-words.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { conversationText } from './conversation-text.ts';
import { getFolders } from './folders.ts';
import { messageFields } from './message-fields.ts';
import { ID_ARGUMENT, idOf } from './message-id-argument.ts';
import { momentText } from '../base/duration.ts';
import { instantText, sizeText } from './moment.ts';
import { countText } from './progress.ts';
import { type Column, printable, tableText } from './table.ts';

export const messageShow: Command = {
  words: ['message', 'show'],
  summary: 'Show the whole way of a message: what waits, every outcome so far, what was said',
  details:
    'Below the outcomes stands the SMTP conversation (> we, < the server, * what was not said) of every attempt that was deferred or failed, and of one in 1,000 that were delivered: without content and passwords, at most 40 lines each; of a connection that was used before, from MAIL on.',
  args: ID_ARGUMENT,
  examples: [
    ['postilion message show 01k9zq3v5m8w2x4y6z7a9b1c3d', 'exit code 1 when it is not known here'],
    ['postilion message show --json 01k9zq3v5m8w2x4y6z7a9b1c3d', 'for a program'],
  ],
  async run(call) {
    const { terminal, clock } = call.deps;
    const report = await ask(getFolders(call), 'GET /v1/messages/:id', undefined, { id: idOf(call) });
    const text = call.json
      ? `${JSON.stringify(jsonOf(report))}\n`
      : messageText(report, clock.now(), terminal.outColumns);
    await terminal.out(text);
    return EXIT.ok;
  },
};

function jsonOf(report: MessageReport): object {
  const waiting = report.queued?.waiting.map((delivery) => ({
    index: delivery.index,
    attempts: delivery.attempts,
    due_at: instantText(delivery.dueAt),
    ...waitFields(report.waits?.find(({ index }) => index === delivery.index)),
    ...(delivery.lastReply === undefined ? {} : { last_reply: delivery.lastReply }),
  }));
  return {
    ...messageFields(report),
    ...(report.queued === undefined ? {} : { expires_at: instantText(report.queued.expiresAt) }),
    waiting: waiting ?? [],
    outcomes: report.outcomes,
    reports: report.reports,
  };
}

function waitFields(found: DeliveryWait | undefined): object {
  return found === undefined ? {} : { wait: found.wait, waits_for: found.text };
}

export function messageText(report: MessageReport, now: number, columns?: number): string {
  const fields = Object.entries(messageFields(report)).map(([name, value]) => {
    const text = name === 'size' && typeof value === 'number' ? sizeText(value) : wordsOf(value);
    return `${`${name.replaceAll('_', ' ')}:`.padEnd(15)}${printable(text)}\n`;
  });
  const { queued } = report;
  const paths = queued?.message.forwardPaths ?? [];
  const waitingColumns: readonly Column<WaitingDelivery>[] = [
    { title: 'waiting', of: ({ index }) => paths[index]?.mailbox ?? String(index) },
    { title: 'attempts', of: ({ attempts }) => String(attempts), align: 'right' },
    { title: 'next', of: ({ dueAt }) => (dueAt <= now ? 'now' : momentText(dueAt, now)) },
    { title: 'last reply', of: ({ lastReply }) => lastReply ?? '' },
  ];
  return [
    ...fields,
    queued === undefined ? '' : `${'expires:'.padEnd(15)}${momentText(queued.expiresAt, now)}\n`,
    queued === undefined ? '' : `\n${tableText(waitingColumns, queued.waiting, columns)}`,
    waitsText(report),
    report.outcomes.length === 0 ? '' : `\n${tableText(OUTCOME_COLUMNS, report.outcomes, columns)}`,
    ...report.outcomes
      .map((event) => conversationText(event))
      .filter(Boolean)
      .map((text) => `\n${text}`),
    report.reports.length === 0 ? '' : `\n${tableText(REPORT_COLUMNS, report.reports, columns)}`,
  ].join('');
}

/** A sentence for each thing that some of it waits for. */
function waitsText({ queued, waits = [] }: MessageReport): string {
  const byText = new Map<string, DeliveryWait[]>();
  for (const wait of waits) byText.set(wait.text, [...(byText.get(wait.text) ?? []), wait]);
  const lines = [...byText].map(([text, [first, ...others]]) => {
    const who = queued?.message.forwardPaths[first?.index ?? -1]?.mailbox ?? String(first?.index);
    const more = others.length === 0 ? '' : ` and ${countText(others.length)} more`;
    return `${printable(`${who}${more} ${waitClause(text, others.length > 0)}`)}\n`;
  });
  return lines.length === 0 ? '' : `\n${lines.join('')}`;
}

function wordsOf(value: unknown): string {
  if (Array.isArray(value)) {
    const few = value.slice(0, 10).map(String).join(' ');
    return value.length > 10 ? `${few} and ${value.length - 10} more` : few;
  }
  return value === '' ? '<>' : String(value);
}

const OUTCOME_COLUMNS: readonly Column<OutcomeEvent>[] = [
  { title: 'at', of: ({ at }) => instantText(at) },
  { title: 'recipient', of: ({ forwardPath }) => forwardPath },
  { title: 'outcome', of: ({ outcome }) => outcome },
  { title: 'host', of: ({ remote }) => remote?.host ?? '' },
  { title: 'reply', of: replyText },
];

const REPORT_STATES: Readonly<Record<DsnReport['state'], string>> = {
  owed: 'owed, not made yet',
  queued: 'made, and waits',
  sent: 'sent',
  digest: 'over the limit: in a digest with others',
};

const REPORT_COLUMNS: readonly Column<DsnReport>[] = [
  { title: 'report to the sender', of: ({ id }) => id },
  { title: 'says', of: ({ kind }) => kind },
  {
    title: 'state',
    of: ({ state, outcome }) => `${REPORT_STATES[state]}${outcome === undefined ? '' : `, ${outcome}`}`,
  },
];

function replyText({ reply, error, rule }: OutcomeEvent): string {
  if (reply !== undefined) return [reply.code, reply.enhanced, ...reply.lines].filter(Boolean).join(' ');
  return error === undefined ? rule : `${error.kind}: ${error.text}`;
}

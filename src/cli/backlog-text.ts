// What waits for each provider as lines: its figures in a table, and below each line what limits it.
import type { BacklogReport, ProviderBacklog, SharedWait } from '../flow/backlog.ts';
import { waitClause } from '../flow/wait-words.ts';
import { countText, countedText } from './progress.ts';
import { type Column, cut, printable, tableText } from './table.ts';

/** Longest name that does not push the figures off a screen of 80 columns. */
const NAME_CHARS_MAX = 30;

export function backlogText({ providers, others }: BacklogReport, columns?: number): string {
  const [titles = '', ...lines] = tableText(COLUMNS, providers, columns).trimEnd().split('\n');
  const told = providers.flatMap(({ waits, waiting }, at) => [
    lines[at] ?? '',
    ...waits.map((one) => cut(`  ${waitLine(one, waiting)}`, columns)),
  ]);
  const rest =
    others === undefined
      ? []
      : [
          `and ${countText(others.waiting)} for ${countedText(others.providers, 'other')}, ${countText(others.inFlight)} in flight`,
        ];
  return [titles, ...told, ...rest].map((line) => `${line}\n`).join('');
}

/** How many stands there only when it is not all. */
function waitLine({ deliveries, text }: SharedWait, waiting: number): string {
  return printable(
    deliveries === waiting ? waitClause(text) : `${countText(deliveries)} ${waitClause(text, deliveries > 1)}`,
  );
}

/** A site is all its hosts: where mail for one domain alone waits its name says more. */
function nameOf({ name, kind, domain }: ProviderBacklog): string {
  return cut(kind === 'provider' ? name : (domain ?? name), NAME_CHARS_MAX);
}

const COLUMNS: readonly Column<ProviderBacklog>[] = [
  { title: 'provider', of: nameOf },
  { title: 'waiting', of: ({ waiting }) => countText(waiting), align: 'right' },
  { title: 'in flight', of: ({ inFlight }) => countText(inFlight), align: 'right' },
  { title: 'conn', of: ({ sessions }) => countText(sessions), align: 'right' },
  { title: 'per min', of: ({ perMinute }) => countText(Math.round(perMinute)), align: 'right' },
  { title: 'empties', of: ({ empties }) => empties },
];

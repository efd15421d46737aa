// postilion explain: what would happen now to a message for an address.
import { EXIT } from '../base/errors.ts';
import { momentText } from '../base/duration.ts';
import type { BudgetInForce, CapsInForce, Explained } from '../flow/explain.ts';
import { figureText, suspensionText, waitClause } from '../flow/wait-words.ts';
import { type Command, given, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { countText, countedText } from './progress.ts';
import { printable } from './table.ts';
import { providerText } from './warmup-words.ts';

export const explain: Command = {
  words: ['explain'],
  summary: 'Say what would happen now to a message for an address',
  details:
    'By which route, from which pool, sources and lanes; which caps, warm-up budgets and suspensions hold there; and what would hold it back. Asks the running relay and DNS; nothing is sent.',
  args: [{ name: 'address', doc: 'a mailbox' }],
  options: [
    { flags: '--tenant <name>', doc: 'as mail of this tenant (default)' },
    { flags: '--stream <name>', doc: 'as mail of this stream (default)' },
    { flags: '--campaign <name>', doc: 'as mail of this campaign' },
    { flags: '--pool <name>', doc: 'as mail that names this pool' },
    { flags: '--from <domain>', doc: 'as mail with this domain, or an address of it, in its From field' },
  ],
  examples: [
    ['postilion explain anna@example.net', 'route, hosts, provider, lanes, and one sentence'],
    ['postilion explain anna@example.net --from shop.example', 'by the route that this From domain has'],
    ['postilion explain anna@example.net --stream bulk --json', 'for a program'],
  ],
  async run(call) {
    const query: Record<string, string> = { address: given(call, 'address') };
    for (const name of ['tenant', 'stream', 'campaign', 'pool', 'from']) {
      const value = optionText(call, name);
      if (value !== undefined) query[name] = value;
    }
    const found = await ask(getFolders(call), 'GET /v1/explain', undefined, { query });
    await call.deps.terminal.out(call.json ? `${JSON.stringify(found)}\n` : explainText(found, call.deps.clock.now()));
    return EXIT.ok;
  },
};

function explainText(found: Explained, now: number): string {
  const lines: (readonly [string, string])[] = [
    ['address', found.address],
    ['route', found.route],
    ['hosts', found.hosts.join(' ')],
    ['provider', found.provider ?? 'none that is known'],
    ['pool', found.pool],
    ['sources', found.sources.join(' ')],
    ...found.lanes.map(({ name, state, connections, perMinute, limitedBy }): readonly [string, string] => [
      'lane',
      `${name}: ${state}, ${connections.open} of ${countedText(connections.allowed, 'connection')}, ${perMinute.sent} a minute; ${waitClause(limitedBy)}`,
    ]),
    ...found.caps.map((caps): readonly [string, string] => ['cap', capsText(caps)]),
    ...found.budgets.map((budget): readonly [string, string] => ['budget', budgetText(budget, now)]),
    ...found.suspensions.map((one): readonly [string, string] => ['suspended', suspensionText(one, now)]),
    ...found.suppressions.map(({ scope, reason }): readonly [string, string] => ['suppressed', `${scope}: ${reason}`]),
    ['so', found.verdict],
  ];
  return lines.map(([name, text]) => `${`${name}:`.padEnd(12)}${printable(text)}\n`).join('');
}

function capsText({ by, name, figures, burst, deliveriesPerConnection }: CapsInForce): string {
  const all = [
    ...figures.map(figureText),
    ...(burst === undefined ? [] : [`${countText(burst)} at once`]),
    ...(deliveriesPerConnection === undefined
      ? []
      : [`${countedText(deliveriesPerConnection, 'delivery', 'deliveries')} a connection`]),
  ];
  return `${by === 'host' ? 'host' : `${by} ${name}`}: ${all.join(', ')}`;
}

function budgetText({ source, provider, used, budget, until }: BudgetInForce, now: number): string {
  const next = until === undefined ? '' : `, the next ${momentText(until, now)}`;
  return `${source} at ${providerText(provider)}: ${countText(used)} of ${countText(budget)} used today${next}`;
}

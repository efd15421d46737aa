// postilion explain: what would happen now to a message for an address.
import { EXIT } from '../base/errors.ts';
import type { Explained } from '../flow/explain.ts';
import { type Command, given, optionText } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { printable } from './table.ts';

export const explain: Command = {
  words: ['explain'],
  summary: 'Say what would happen now to a message for an address',
  details:
    'By which route, from which pool, sources and lanes, and what would hold it back. Asks the running relay and DNS; nothing is sent.',
  args: [{ name: 'address', doc: 'a mailbox' }],
  options: [
    { flags: '--tenant <name>', doc: 'as mail of this tenant (default)' },
    { flags: '--stream <name>', doc: 'as mail of this stream (default)' },
    { flags: '--campaign <name>', doc: 'as mail of this campaign' },
    { flags: '--pool <name>', doc: 'as mail that names this pool' },
  ],
  examples: [
    ['postilion explain anna@example.net', 'route, hosts, provider, lanes, and one sentence'],
    ['postilion explain anna@example.net --stream bulk --json', 'for a program'],
  ],
  async run(call) {
    const query: Record<string, string> = { address: given(call, 'address') };
    for (const name of ['tenant', 'stream', 'campaign', 'pool']) {
      const value = optionText(call, name);
      if (value !== undefined) query[name] = value;
    }
    const found = await ask(getFolders(call), 'GET /v1/explain', undefined, { query });
    await call.deps.terminal.out(call.json ? `${JSON.stringify(found)}\n` : explainText(found));
    return EXIT.ok;
  },
};

function explainText(found: Explained): string {
  const lines: (readonly [string, string])[] = [
    ['address', found.address],
    ['route', found.route],
    ['hosts', found.hosts.join(' ')],
    ['provider', found.provider ?? 'none that is known'],
    ['pool', found.pool],
    ['sources', found.sources.join(' ')],
    ...found.lanes.map(({ name, state, connections, perMinute, limitedBy }): readonly [string, string] => [
      'lane',
      `${name}: ${state}, ${connections.open} of ${connections.allowed} connections, ${perMinute.sent} a minute; limited by ${limitedBy}`,
    ]),
    ...found.suppressions.map(({ scope, reason }): readonly [string, string] => ['suppressed', `${scope}: ${reason}`]),
    ['so', found.verdict],
  ];
  return lines.map(([name, text]) => `${`${name}:`.padEnd(12)}${printable(text)}\n`).join('');
}

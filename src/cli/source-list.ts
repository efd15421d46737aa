// postilion source list: where mail is sent from.
import { EXIT } from '../base/errors.ts';
import type { SourceReport } from '../flow/operations.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { countText } from './progress.ts';
import { type Column, tableText } from './table.ts';

export const sourceList: Command = {
  words: ['source', 'list'],
  summary: 'List sources, and whether they may send',
  details:
    'enabled: sends. draining: drained, and what it has begun is not over yet. drained: nothing of it is open. missing: its address is not on this host, which is looked at every 10 s. disabled: by `enabled: false` in sending.yaml. unknown: drained, and in no configuration.',
  examples: [['postilion source list', 'state, pools and connections of each']],
  async run(call) {
    const sources = await ask(getFolders(call), 'GET /v1/sources', undefined);
    const { terminal } = call.deps;
    await terminal.out(call.json ? `${JSON.stringify(sources)}\n` : tableText(COLUMNS, sources, terminal.outColumns));
    return EXIT.ok;
  },
};

const COLUMNS: readonly Column<SourceReport>[] = [
  { title: 'source', of: ({ name }) => name },
  { title: 'state', of: ({ state }) => state },
  { title: 'address', of: ({ address }) => address ?? 'any' },
  { title: 'ehlo', of: ({ ehlo }) => ehlo },
  { title: 'conn', of: ({ sessions }) => countText(sessions), align: 'right' },
  { title: 'in flight', of: ({ inFlight }) => countText(inFlight), align: 'right' },
  { title: 'pools', of: ({ pools }) => pools.join(' ') },
];

// postilion lane list: what each source does and may do at each provider.
import { EXIT } from '../base/errors.ts';
import type { LaneReport, LanesReport, SuspensionReport } from '../flow/lanes.ts';
import { suspensionText } from '../flow/wait-words.ts';
import type { Command } from './command.ts';
import { ask } from './control-client.ts';
import { getFolders } from './folders.ts';
import { connectionsText, perMinuteText } from './lane-text.ts';
import { type Column, tableText } from './table.ts';

export const laneList: Command = {
  words: ['lane', 'list'],
  summary: 'List lanes, what limits them, and what is suspended',
  details:
    'A lane is a source at a provider, or at a site that nobody knows. conn: connections open, and as many as its pace allows. per min: deliveries in the last minute, and as many as its pace allows. Shown are lanes that do something or are not as they began.',
  examples: [
    ['postilion lane list', 'every lane in one line, then suspended sending domains'],
    ['postilion lane show out1/google', 'more about one'],
  ],
  async run(call) {
    const report = await ask(getFolders(call), 'GET /v1/lanes', undefined);
    const { terminal, clock } = call.deps;
    const text = call.json ? `${JSON.stringify(report)}\n` : lanesText(report, clock.now(), terminal.outColumns);
    await terminal.out(text);
    return EXIT.ok;
  },
};

const LANES: readonly Column<LaneReport>[] = [
  { title: 'lane', of: ({ name }) => name },
  { title: 'state', of: ({ state }) => state },
  { title: 'conn', of: connectionsText, align: 'right' },
  { title: 'per min', of: perMinuteText, align: 'right' },
  { title: 'waits for', of: ({ limitedBy }) => limitedBy },
];

function lanesText({ lanes, suspensions }: LanesReport, now: number, columns: number | undefined): string {
  // Those of lanes stand in their lines.
  const others = suspensions.filter(({ what, name }) => !isShown(lanes, what, name));
  const columnsOf: readonly Column<SuspensionReport>[] = [
    { title: 'what', of: ({ what }) => what },
    { title: 'suspended', of: (suspension) => suspensionText(suspension, now) },
  ];
  const below = others.length === 0 ? '' : `\n${tableText(columnsOf, others, columns)}`;
  return `${tableText(LANES, lanes, columns)}${below}`;
}

function isShown(lanes: readonly LaneReport[], what: string, name: string): boolean {
  return lanes.some(({ suspension }) => suspension?.what === what && suspension.name === name);
}

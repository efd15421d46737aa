// Lanes in words for people.
import type { LaneReport } from '../flow/lanes.ts';
import type { Argument } from './command.ts';
import { momentText } from '../base/duration.ts';
import { waitClause } from '../flow/wait-words.ts';
import { instantText } from './moment.ts';
import { countText } from './progress.ts';
import { printable } from './table.ts';

export const LANE_ARGUMENT: Argument = {
  name: 'lane',
  doc: 'source/provider, source/site or source/provider/site, as `postilion lane list` shows it',
};

/** `30`, `0.5`, or `any`. */
export function rateText(perMinute: number | undefined): string {
  if (perMinute === undefined) return 'any';
  return perMinute >= 10 ? countText(Math.round(perMinute)) : String(Math.round(perMinute * 10) / 10);
}

export function connectionsText({ connections: { open, allowed } }: LaneReport): string {
  return `${countText(open)}/${countText(allowed)}`;
}

export function perMinuteText({ perMinute: { sent, allowed } }: LaneReport): string {
  return `${countText(sent)}/${rateText(allowed)}`;
}

export function laneText(lane: LaneReport, now: number): string {
  const { connections, perMinute, changed } = lane;
  const leftOut = (lane.leftOut ?? []).map(
    ({ extension, until, reply, by }) =>
      `  without ${extension} until ${instantText(until)} (${momentText(until, now)}): ${reply} (${by}); \`postilion lane resume\` uses it again`,
  );
  const lines = [
    `${lane.name}: ${lane.state}`,
    `  ${waitClause(lane.limitedBy)}`,
    `  connections: ${connectionsText(lane)} (ceiling ${countText(connections.ceiling)}); deliveries in the last minute: ${countText(perMinute.sent)}, allowed ${rateText(perMinute.allowed)} (ceiling ${rateText(perMinute.ceiling)}); ${countText(lane.inFlight)} in flight`,
    ...leftOut,
    changed === undefined
      ? '  the pace is as it began'
      : `  the pace was changed ${momentText(changed.at, now)} (${instantText(changed.at)}) by ${changed.by}${changed.reply === undefined ? '' : `: ${changed.reply}`}`,
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

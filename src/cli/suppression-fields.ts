// An entry of the suppression list as people see it, as JSON for programs, and as a row of a table.
import type { Suppression } from '../flow/suppression.ts';
import { instantText } from './moment.ts';
import type { Column } from './table.ts';

/** Names as in the CSV of import and export. */
export function suppressionJson(entry: Suppression): Readonly<Record<string, unknown>> {
  const { address, scope, reason, at, until, by, isSoft, messageId, reply, note } = entry;
  return {
    address,
    scope,
    reason,
    at: instantText(at),
    ...(until === undefined ? {} : { until: instantText(until) }),
    by,
    soft: isSoft === true,
    ...(messageId === undefined ? {} : { message_id: messageId }),
    ...(reply === undefined ? {} : { reply }),
    ...(note === undefined ? {} : { note }),
  };
}

export const SUPPRESSION_COLUMNS: readonly Column<Suppression>[] = [
  { title: 'address', of: ({ address }) => address },
  { title: 'scope', of: ({ scope }) => scope },
  { title: 'reason', of: ({ reason }) => reason },
  { title: 'since', of: ({ at }) => dayText(at) },
  { title: 'until', of: ({ until }) => (until === undefined ? 'for good' : dayText(until)) },
  { title: 'because of', of: ({ by, reply, note }) => [by, reply, note].filter(Boolean).join(': ') },
];

function dayText(at: number): string {
  return instantText(at).slice(0, 10);
}

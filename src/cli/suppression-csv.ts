// The suppression list as CSV: what export writes, import reads. A plain list of addresses, one a line, is read too.
import type { SuppressionInput } from '../control/api.ts';
import { parseMessageId } from '../flow/message-id.ts';
import { NOTE_CHARS_MAX, REPLY_CHARS_MAX, type Suppression } from '../flow/suppression.ts';
import { parseComparableAddress } from '../mail/comparable-address.ts';
import { isSuppressionScope } from '../policy/suppression.ts';
import { type CsvRow, csvText } from './csv.ts';
import { instantText } from './moment.ts';

/** In the order of an export. An import needs the first alone and takes any order. */
const COLUMNS = ['address', 'scope', 'reason', 'at', 'until', 'by', 'soft', 'message_id', 'reply', 'note'] as const;
type Column = (typeof COLUMNS)[number];

export const CSV_HEAD = csvText(COLUMNS);

export function csvLine(entry: Suppression): string {
  const { address, scope, reason, at, until, by, isSoft, messageId, reply, note } = entry;
  const ends = until === undefined ? '' : instantText(until);
  const soft = isSoft === true ? 'true' : '';
  return csvText([address, scope, reason, instantText(at), ends, by, soft, messageId ?? '', reply ?? '', note ?? '']);
}

export interface CsvTrouble {
  readonly line: number;
  readonly text: string;
}

export type Layout = readonly (Column | undefined)[];

/** What the first row says of the others; `isHead` false: it is an address itself. */
export function layoutOf(first: CsvRow): { readonly layout: Layout; readonly isHead: boolean } | CsvTrouble {
  const names = first.fields.map((field) => field.trim().toLowerCase());
  if (!names.includes('address')) {
    const isPlain = first.fields.length === 1 && parseComparableAddress(first.fields[0] ?? '') !== undefined;
    if (isPlain) return { layout: ['address'], isHead: false };
    return { line: first.line, text: 'no column is named address, and it is not a list of addresses' };
  }
  const unknown = names.find((name) => !COLUMNS.some((column) => column === name));
  if (unknown !== undefined) {
    return { line: first.line, text: `no such column: ${unknown.slice(0, 40)}; known: ${COLUMNS.join(', ')}` };
  }
  return { layout: names as Column[], isHead: true };
}

/** What a row says, or what is wrong with it. */
export function inputOf({ fields, line }: CsvRow, layout: Layout): SuppressionInput | CsvTrouble {
  const given: Partial<Record<Column, string>> = {};
  for (const [at, field] of fields.entries()) {
    const column = layout[at];
    if (column === undefined)
      return { line, text: `${fields.length} fields, but the first line names ${layout.length}` };
    if (field.trim() !== '') given[column] = field.trim();
  }
  const read = readFields(given);
  return typeof read === 'string' ? { line, text: read } : read;
}

function readFields(given: Partial<Record<Column, string>>): SuppressionInput | string {
  const { scope, reason = 'import', by, soft = '', message_id: id, reply, note } = given;
  const address = parseComparableAddress(given.address ?? '');
  if (address === undefined) return `address: '${(given.address ?? '').slice(0, 100)}' is not a mailbox`;
  if (scope !== undefined && !isSuppressionScope(scope)) {
    return `scope: '${scope.slice(0, 60)}' is none: global, tenant/NAME or stream/TENANT/NAME`;
  }
  if (!/^[a-z0-9-]{1,40}$/.test(reason)) return `reason: '${reason.slice(0, 60)}': small letters, digits and - only`;
  if (by !== undefined && !/^(?:operator|rule .{1,100})$/.test(by))
    return `by: '${by.slice(0, 60)}': operator or rule ID`;
  if (!/^(?:true|false|yes|no|1|0|)$/i.test(soft)) return `soft: '${soft.slice(0, 20)}': true or false`;
  if (id !== undefined && parseMessageId(id) === undefined) return `message_id: '${id.slice(0, 40)}' is none`;
  const at = instantOf(given.at);
  const until = instantOf(given.until);
  if (at === 'wrong' || until === 'wrong') {
    return `${at === 'wrong' ? 'at' : 'until'}: an instant such as 2026-01-02T03:04:05Z or a day such as 2026-01-02`;
  }
  return {
    address,
    reason,
    ...(scope === undefined ? {} : { scope }),
    ...(by === undefined ? {} : { by }),
    ...(at === undefined ? {} : { at }),
    ...(until === undefined ? {} : { until }),
    ...(/^(?:true|yes|1)$/i.test(soft) ? { soft: true } : {}),
    ...(id === undefined ? {} : { message_id: id.toLowerCase() }),
    ...(reply === undefined ? {} : { reply: reply.slice(0, REPLY_CHARS_MAX) }),
    ...(note === undefined ? {} : { note: note.slice(0, NOTE_CHARS_MAX) }),
  };
}

function instantOf(text: string | undefined): number | undefined | 'wrong' {
  if (text === undefined) return undefined;
  if (!/^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/i.test(text)) return 'wrong';
  // Without a zone: UTC, as everything the relay prints.
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/i.test(text.slice(10));
  const at = Date.parse(`${text.replace(' ', 'T')}${text.length === 10 || hasZone ? '' : 'Z'}`);
  return Number.isNaN(at) || at < 0 ? 'wrong' : at;
}

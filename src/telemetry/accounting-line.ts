// One line for one settled delivery, made of its outcome event: JSON for programs, CSV for spreadsheets and databases.
// Pure. Times are told once as an instant and then as how long each part took, so that one line says where time went.
import type { OutcomeEvent } from '../flow/event.ts';

/** Column names of the CSV and keys of the JSON, in order. Only ever added to, at the end. */
export const COLUMNS = [
  'at',
  'id',
  'index',
  'outcome',
  'category',
  'scope',
  'rule',
  'forward_path',
  'domain',
  'reverse_path',
  'tenant',
  'user',
  'stream',
  'campaign',
  'size',
  'attempts',
  'accepted_at',
  'queue_ms',
  'connect_ms',
  'transaction_ms',
  'lane',
  'source',
  'remote_host',
  'remote_address',
  'tls',
  'decided_at',
  'reply',
  'error',
  'may_have_been_delivered',
] as const;
type Column = (typeof COLUMNS)[number];
type Row = Partial<Record<Column, string | number | boolean>>;

export function accountingRow(event: OutcomeEvent): Row {
  const { instants, reply, remote, tls, error } = event;
  const row: Row = {
    at: iso(event.at),
    id: event.messageId,
    index: event.index,
    outcome: event.outcome,
    category: event.category,
    scope: event.scope,
    rule: event.rule,
    forward_path: event.forwardPath,
    domain: event.domain,
    reverse_path: event.reversePath,
    tenant: event.tenant,
    user: event.user,
    stream: event.stream,
    size: event.size,
    attempts: event.attempts,
    accepted_at: iso(event.acceptedAt),
  };
  if (event.campaign !== undefined) row.campaign = event.campaign;
  if (instants !== undefined) {
    const begun = instants.mail ?? instants.connected ?? instants.done;
    row.queue_ms = Math.max(0, instants.granted - event.acceptedAt);
    row.connect_ms = Math.max(0, begun - instants.granted);
    row.transaction_ms = Math.max(0, instants.done - begun);
  }
  if (event.lane !== undefined) row.lane = event.lane;
  if (event.source !== undefined) row.source = event.source;
  if (remote !== undefined) {
    row.remote_host = remote.host;
    row.remote_address = `${remote.address.includes(':') ? `[${remote.address}]` : remote.address}:${remote.port}`;
  }
  if (tls !== undefined) row.tls = tls.version;
  if (event.decidedAt !== undefined) row.decided_at = event.decidedAt;
  if (reply !== undefined) {
    const enhanced = reply.enhanced === undefined ? '' : ` ${reply.enhanced}`;
    row.reply = `${reply.code}${enhanced} ${reply.lines.join(' | ')}`;
  }
  if (error !== undefined) row.error = `${error.kind}: ${error.text}`;
  if (event.mayHaveBeenDelivered === true) row.may_have_been_delivered = true;
  return row;
}

/** With its line feed. */
export function jsonLine(event: OutcomeEvent): string {
  return `${JSON.stringify(accountingRow(event))}\n`;
}

export const CSV_HEAD = `${COLUMNS.join(',')}\n`;

/** RFC 4180, with a line feed alone. */
export function csvLine(event: OutcomeEvent): string {
  const row = accountingRow(event);
  return `${COLUMNS.map((column) => csvField(row[column])).join(',')}\n`;
}

function csvField(value: string | number | boolean | undefined): string {
  if (value === undefined) return '';
  const text = String(value).replace(/[\r\n]+/g, ' ');
  // A spreadsheet would run what begins like a formula: what a remote said must stay text.
  const harmless = typeof value === 'string' && /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

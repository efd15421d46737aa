// Which reports to its reverse-path became of a message's outcomes. For people: reads files.
import type { DsnKind, OutcomeEvent } from '../flow/event.ts';
import { dsnKey } from '../flow/feedback.ts';
import type { MessageId } from '../flow/message.ts';
import type { DsnReport } from '../flow/operations.ts';
import type { Spool } from '../flow/spool.ts';

/** What the reverse-path was told of these outcomes, or will be. */
export async function reportsOf(spool: Spool, outcomes: readonly OutcomeEvent[]): Promise<readonly DsnReport[]> {
  const owing = new Map<MessageId, { readonly kind: DsnKind; readonly indexes: number[] }>();
  for (const { dsn, index } of outcomes) {
    if (dsn === undefined) continue;
    const known = owing.get(dsn.id);
    if (known === undefined) owing.set(dsn.id, { kind: dsn.kind, indexes: [index] });
    else known.indexes.push(index);
  }
  const reports: DsnReport[] = [];
  for (const [id, { kind, indexes }] of owing) {
    if (indexes.some((index) => spool.state(dsnKey(id, index)) !== undefined)) {
      reports.push({ id, kind, state: 'owed' });
      continue;
    }
    const last = (await spool.history(id, 1)).at(-1);
    const outcome = last !== undefined && { outcome: last.outcome };
    if (spool.message(id) !== undefined) reports.push({ id, kind, state: 'queued', ...outcome });
    else reports.push({ id, kind, state: last === undefined ? 'digest' : 'sent', ...outcome });
  }
  return reports;
}

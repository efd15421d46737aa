// What is summed up of reports beyond the limit: how many, why, and the first of them by name. Bounded, plain JSON.
import type { DsnKind, OutcomeEvent } from '../flow/event.ts';

export interface Summary {
  /** ms since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Whose mail it was, of the first. */
  readonly tenant: string;
  readonly user: string;
  readonly recipients: number;
  readonly kinds: Readonly<Partial<Record<DsnKind, number>>>;
  /** By category; there are some fifty. */
  readonly categories: Readonly<Record<string, number>>;
  readonly first: readonly Example[];
}

export interface Example {
  readonly messageId: string;
  readonly mailbox: string;
  readonly kind: DsnKind;
  /** What was answered, in one line. */
  readonly reply: string;
}

/** Named in a digest; the journal and the accounting files have all. */
const EXAMPLES_MAX = 50;
const REPLY_CHARS_MAX = 200;

/** `events`: each owes a report. Never empty. */
export function addTo(summary: Summary | undefined, events: readonly OutcomeEvent[]): Summary {
  const [first] = events;
  if (first === undefined) throw new RangeError('nothing to sum up');
  const kinds: Partial<Record<DsnKind, number>> = { ...summary?.kinds };
  const categories: Record<string, number> = { ...summary?.categories };
  const examples: Example[] = [...(summary?.first ?? [])];
  for (const event of events) {
    const kind = event.dsn?.kind ?? 'failed';
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    categories[event.category] = (categories[event.category] ?? 0) + 1;
    if (examples.length >= EXAMPLES_MAX) continue;
    const { messageId, forwardPath: mailbox } = event;
    examples.push({ messageId, mailbox, kind, reply: replyOf(event) });
  }
  return {
    firstAt: Math.min(summary?.firstAt ?? Infinity, ...events.map(({ at }) => at)),
    lastAt: Math.max(summary?.lastAt ?? 0, ...events.map(({ at }) => at)),
    tenant: summary?.tenant ?? first.tenant,
    user: summary?.user ?? first.user,
    recipients: (summary?.recipients ?? 0) + events.length,
    kinds,
    categories,
    first: examples,
  };
}

function replyOf({ reply, error, category }: OutcomeEvent): string {
  const words = reply === undefined ? [error?.text ?? category] : [reply.code, reply.enhanced, ...reply.lines];
  return words
    .filter((word) => word !== undefined)
    .join(' ')
    .slice(0, REPLY_CHARS_MAX);
}

// Replies that no text rule knows: they keep the meaning of their codes, and are listed so that somebody can write a rule.
// One entry for each pattern and provider, kept as state, so that a restart does not forget them. A count is written when
// it doubles, and all of them at an orderly stop.
import type { Clock } from '../base/clock.ts';
import type { JournalEvent, OutcomeEvent, StateEvent } from '../flow/event.ts';
import type { UnknownReply } from '../flow/operations.ts';
import type { Spool } from '../flow/spool.ts';
import { replyPattern } from '../policy/reply-pattern.ts';

export interface UnknownRepliesDeps {
  readonly clock: Clock;
  readonly spool: Spool;
}

/** Entries kept; of more the one with the fewest replies, longest ago, goes. */
export const UNKNOWN_MAX = 500;
const PREFIX = 'unknown-reply/';
const SAMPLE_CHARS_MAX = 300;
/** Rules that are codes, as classify names them; text rules have ids. `at mail` and the like may follow. */
const BY_CODE = /^(?:enhanced \d\.\d{1,3}\.\d{1,3}|reply [45]\d\d|none)(?: |$)/;

interface Entry {
  reply: UnknownReply;
  readonly key: string;
  /** Count that stands in the journal. */
  written: number;
}

export class UnknownReplies {
  readonly #deps: UnknownRepliesDeps;
  readonly #entries = new Map<string, Entry>();

  constructor(deps: UnknownRepliesDeps) {
    this.#deps = deps;
  }

  /** After the spool's start. */
  load(): void {
    for (const { key, value } of this.#deps.spool.states(PREFIX)) {
      const reply = value as UnknownReply;
      this.#entries.set(nameOf(reply), { reply, key, written: reply.count });
    }
  }

  /** Most frequent first. */
  list(): readonly UnknownReply[] {
    return Array.from(this.#entries.values(), ({ reply }) => reply).sort((a, b) => b.count - a.count);
  }

  /** What must be written with these events. */
  follow(events: readonly JournalEvent[]): readonly StateEvent[] {
    let states: StateEvent[] | undefined;
    for (const event of events) {
      if (event.type !== 'outcome' || event.reply === undefined || event.decidedAt === undefined) continue;
      if (event.outcome === 'delivered' || event.decidedAt === 'dns' || !BY_CODE.test(event.rule)) continue;
      (states ??= []).push(...this.#count(event));
    }
    return states ?? [];
  }

  /** At an orderly stop: what is not written yet. */
  rest(): readonly StateEvent[] {
    const states: StateEvent[] = [];
    for (const entry of this.#entries.values()) if (entry.written < entry.reply.count) states.push(this.#write(entry));
    return states;
  }

  #count(event: OutcomeEvent): readonly StateEvent[] {
    const { reply, provider, domain, category, rule, at } = event;
    const text = [reply?.code, reply?.enhanced, ...(reply?.lines ?? [])].filter(Boolean).join(' ');
    const who = provider === undefined ? {} : { provider };
    const pattern = replyPattern(text);
    const entry = this.#entries.get(nameOf({ pattern, ...who }));
    if (entry !== undefined) {
      entry.reply = { ...entry.reply, count: entry.reply.count + 1, lastAt: at, category, rule };
      return entry.reply.count >= 2 * entry.written ? [this.#write(entry)] : [];
    }
    const states: StateEvent[] = [];
    if (this.#entries.size >= UNKNOWN_MAX) states.push(this.#forgetOne());
    const sample = text.slice(0, SAMPLE_CHARS_MAX);
    const fresh: UnknownReply = { pattern, ...who, domain, category, rule, sample, count: 1, firstAt: at, lastAt: at };
    const made: Entry = { reply: fresh, key: `${PREFIX}${event.messageId}-${event.index}`, written: 0 };
    this.#entries.set(nameOf(fresh), made);
    states.push(this.#write(made));
    return states;
  }

  #write(entry: Entry): StateEvent {
    entry.written = entry.reply.count;
    return { type: 'state', at: this.#deps.clock.now(), key: entry.key, value: entry.reply, by: 'scheduler' };
  }

  #forgetOne(): StateEvent {
    let least: Entry | undefined;
    for (const entry of this.#entries.values())
      if (least === undefined || isLess(entry.reply, least.reply)) least = entry;
    const { reply, key } = least as Entry;
    this.#entries.delete(nameOf(reply));
    return { type: 'state', at: this.#deps.clock.now(), key, by: 'scheduler' };
  }
}

function isLess(a: UnknownReply, b: UnknownReply): boolean {
  return a.count < b.count || (a.count === b.count && a.lastAt < b.lastAt);
}

function nameOf({ provider, pattern }: Pick<UnknownReply, 'provider' | 'pattern'>): string {
  return `${provider ?? ''} ${pattern}`;
}

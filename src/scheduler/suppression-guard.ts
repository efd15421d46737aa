// Watches what providers answer. While one of them says "user unknown" of too many recipients, nothing it says suppresses
// anybody, and what it made us enter since that began is taken back: the first of them were as wrong as the last.
// In memory: a restart forgets the few minutes that are looked at.
import type { OutcomeEvent } from '../flow/event.ts';
import type { Suppression } from '../flow/suppression.ts';
import { GUARD_LIMITS, UnknownGuard, type Watch } from '../policy/unknown-guard.ts';

/** Recent entries remembered over all groups; of more the oldest stay on the list whatever comes. */
const RECENT_MAX = 20_000;
/** Categories that say that nobody is there. */
const UNKNOWN: ReadonlySet<string> = new Set(['recipient-unknown', 'recipient-disabled', 'recipient-moved']);

interface Recent {
  readonly group: string;
  /** By the clock that only goes forward. */
  readonly at: number;
  readonly entry: Suppression;
}

export class SuppressionGuard {
  readonly #watch = new UnknownGuard(GUARD_LIMITS);
  /** Oldest first. */
  #recent: Recent[] = [];

  /** Each outcome that a recipient's reply decided. undefined: no reply did. */
  tell(event: OutcomeEvent, now: number): Watch | undefined {
    if (event.reply === undefined || (event.decidedAt !== 'rcpt' && event.decidedAt !== 'dot')) return undefined;
    return this.#watch.tell(groupOf(event), UNKNOWN.has(event.category), now);
  }

  entered(event: OutcomeEvent, entry: Suppression, now: number): void {
    const from = now - GUARD_LIMITS.withinMs;
    if (this.#recent.length >= RECENT_MAX || (this.#recent[0]?.at ?? now) < from - GUARD_LIMITS.withinMs) {
      this.#recent = this.#recent.filter(({ at }) => at > from).slice(1 - RECENT_MAX);
    }
    this.#recent.push({ group: groupOf(event), at: now, entry });
  }

  /** What this event's group made us enter of late, once. */
  takeBack(event: OutcomeEvent, now: number): readonly Suppression[] {
    const group = groupOf(event);
    const from = now - GUARD_LIMITS.withinMs;
    const taken = this.#recent.filter((one) => one.group === group && one.at > from);
    this.#recent = this.#recent.filter((one) => one.group !== group);
    return taken.map(({ entry }) => entry);
  }
}

/** Whoever runs the mailboxes: a provider, or one domain. */
function groupOf({ provider, domain }: OutcomeEvent): string {
  return provider ?? domain;
}

export function guardText(event: OutcomeEvent, { answered, unknown }: Watch, takenBack: number): string {
  const percent = Math.round((100 * unknown) / answered);
  return `${groupOf(event)} answered "user unknown" for ${unknown} of ${answered} recipients (${percent} %) within 5 minutes: its own trouble, or a bad list. Until that is over no reply of it suppresses anybody; ${takenBack} entries it made were taken back`;
}

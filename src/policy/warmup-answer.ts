// What an outcome says about the source it went by: counted by warm-up.
import type { OutcomeEvent } from '../flow/event.ts';

export type WarmupAnswer = 'delivered' | 'against' | 'block' | 'complaint';

/** Classes that speak against the source; greylisting and errors of recipients and remote systems do not. */
const AGAINST: ReadonlySet<string> = new Set(['throttle', 'block', 'content']);

/** undefined: nothing. A block counts as one only when it is of the source, not of a domain or of one message. */
export function answerOf(event: OutcomeEvent): WarmupAnswer | undefined {
  if (event.outcome === 'delivered') return 'delivered';
  if (event.category === 'complaint') return 'complaint';
  if (event.class === undefined || !AGAINST.has(event.class)) return undefined;
  return event.class === 'block' && event.scope === 'source' ? 'block' : 'against';
}

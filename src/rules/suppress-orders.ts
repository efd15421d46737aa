// What an outcome says about the suppression of its recipient, by the actions its rule gave it: nothing but these lines
// ever suppresses anybody. Pure; thresholds and the guard against a provider's own trouble come after it.
import type { OutcomeEvent } from '../flow/event.ts';
import type { SuppressOrder } from '../flow/suppression.ts';
import { parseAction } from './action.ts';
import { type CategoryClass, NEVER_SUPPRESS } from './rule-set.ts';

const NONE: readonly SuppressOrder[] = [];

export function suppressOrders(event: OutcomeEvent): readonly SuppressOrder[] {
  const { reply, actions, class: kind, reversePath } = event;
  // No reply, no word about a mailbox; and whatever wrote these actions, such a class has none about it.
  if (reply === undefined || actions === undefined || kind === undefined) return NONE;
  if (NEVER_SUPPRESS.has(kind as CategoryClass)) return NONE;
  // Many a host says "user unknown" to reports alone, because it signs its reverse-paths and this one was never used.
  if (reversePath === '') return NONE;
  const isPermanent = reply.code >= 500;
  const orders = actions.flatMap((text): readonly SuppressOrder[] => {
    if (!text.startsWith('suppress ')) return NONE;
    const action = parseAction(text);
    if (action?.do !== 'suppress' || (!isPermanent && action.after === undefined)) return NONE;
    const { scope, forMs, after } = action;
    return [
      {
        scope,
        // What a host would say for now only can be over.
        isSoft: kind !== 'hard' || !isPermanent,
        ...(forMs === undefined ? {} : { forMs }),
        ...(after === undefined ? {} : { after }),
      },
    ];
  });
  return orders.length === 0 ? NONE : orders;
}

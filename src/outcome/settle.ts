// From a report to outcomes: each delivery is judged, then the state in which the connection broke decides what a
// deferral becomes. Before the final dot: again at once, elsewhere, at most once. After it: perhaps delivered.
import type { RetryPlan } from '../flow/action.ts';
import type { DeliveryResult, Report } from '../flow/attempt.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { Judge, OutcomeKind, Verdict } from '../flow/outcome.ts';
import { type Fate, outcomeEvent } from '../flow/outcome-event.ts';
import type { Judged, Settle, Terms } from '../flow/settlement.ts';
import { actionText } from '../rules/action.ts';

export function createSettle(judge: Judge): Settle {
  return (report, queued, terms) => {
    const outcomes: OutcomeEvent[] = [];
    const again: number[] = [];
    const judged: Judged[] = [];
    for (const result of report.results) {
      const waiting = queued.waiting.find((delivery) => delivery.index === result.index);
      if (waiting === undefined) continue;
      const verdict = judge(result, report, terms.provider);
      if (verdict.kind !== 'delivered') {
        const { category, rule, actions = [] } = verdict;
        judged.push({ result, category, rule, actions });
      }
      if (brokeEarly(result, report) && !terms.isOver && !terms.isCancelled && terms.mayGoAgain(result.index)) {
        again.push(result.index);
        continue;
      }
      const fate = fateOf(result, report, verdict, terms, waiting.attempts + terms.attempted);
      outcomes.push(outcomeEvent(queued, result.index, terms.at, fate, report, terms.lane));
    }
    return { outcomes: withConversation(outcomes, report), again, judged };
  };
}

/** Once for an attempt: with a hundred recipients it would stand there a hundred times. */
function withConversation(outcomes: readonly OutcomeEvent[], { conversation }: Report): readonly OutcomeEvent[] {
  if (conversation === undefined || outcomes.length === 0) return outcomes;
  const at = Math.max(
    0,
    outcomes.findIndex(({ outcome }) => outcome !== 'delivered'),
  );
  return outcomes.map((event, i) => (i === at ? { ...event, conversation } : event));
}

/**
 * The peer went away in the middle of a transaction, before it could have taken the message: it closed, or said 421
 * (RFC 5321 section 3.8). That says nothing of this mail, and a connection that was kept is often found closed so.
 */
function brokeEarly(result: DeliveryResult, report: Report): boolean {
  if (report.mayHaveBeenDelivered) return false;
  const phase = result.decidedAt;
  if (phase !== 'mail' && phase !== 'rcpt' && phase !== 'data') return false;
  if (result.reply !== undefined) return result.reply.code === 421;
  return result.error?.kind === 'closed';
}

function fateOf(result: DeliveryResult, report: Report, verdict: Verdict, terms: Terms, attempts: number): Fate {
  const { reply, error, decidedAt } = result;
  const fate = (outcome: OutcomeKind, nextAttemptAt?: number): Fate => ({
    outcome,
    category: verdict.category,
    scope: verdict.scope,
    rule: verdict.rule,
    class: verdict.class,
    actions: verdict.actions?.map(actionText),
    provider: terms.provider,
    attempts,
    decidedAt,
    reply,
    error,
    nextAttemptAt,
  });
  const otherwise = reply === undefined ? undefined : terms.otherwise?.(verdict, report);
  if (verdict.kind !== 'deferred' && otherwise === undefined) return fate(verdict.kind);
  const isUnknown = report.mayHaveBeenDelivered && reply === undefined && !terms.mayDuplicate;
  if (isUnknown) return fate('unknown');
  if (terms.isCancelled) return fate('cancelled');
  if (terms.isOver) return fate('expired');
  if (isRest(verdict, result, report)) return fate('deferred', terms.at);
  if (otherwise === 'now') return fate('deferred', terms.at);
  return fate('deferred', terms.nextAttemptAt(attempts, planOf(verdict)));
}

/**
 * The remote took some recipients of this transaction and had no room for this one: the rest follows at once in another
 * (RFC 5321 section 4.5.3.1.10). Where it took none that would never end.
 */
function isRest({ actions = [] }: Verdict, result: DeliveryResult, report: Report): boolean {
  if (result.decidedAt !== 'rcpt' || !actions.some(({ do: verb }) => verb === 'split')) return false;
  return report.results.some(({ decidedAt, reply }) => decidedAt === 'dot' && reply !== undefined && reply.code < 300);
}

/** Of a block: soon, for another source may take it, and what is suspended does not try. */
function planOf({ actions = [] }: Verdict): RetryPlan {
  for (const action of actions) {
    if (action.do === 'retry') return action.plan;
    if (action.do === 'retry-elsewhere' || action.do === 'split') return 'soon';
  }
  return 'normal';
}

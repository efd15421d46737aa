// A transaction between MAIL and the reply to DATA, and what its replies mean for each recipient.
import type { AttemptError, DeliveryResult } from '../flow/attempt.ts';
import type { Phase, Reply } from '../flow/reply.ts';
import type { Transaction } from './transaction.ts';

export interface Envelope {
  readonly at: 'envelope';
  readonly transaction: Transaction;
  readonly isPipelined: boolean;
  /** The command whose reply is next. */
  readonly awaits: 'rset' | 'mail' | 'rcpt' | 'data';
  readonly mail: Reply | undefined;
  /** In the order of the recipients; shorter while replies are missing. */
  readonly rcpts: readonly Reply[];
}

export const isPositive = (reply: Reply): boolean => reply.code < 300;
export const isRefusal = (reply: Reply): boolean => reply.code >= 400;

/**
 * After one more reply. Written out: of a spread object V8 makes a new hidden class each time, which costs more than all
 * that is then done with it.
 */
export function moved(
  { transaction, isPipelined, mail }: Envelope,
  awaits: Envelope['awaits'],
  rcpts: Envelope['rcpts'],
  reply: Reply | undefined = mail,
): Envelope {
  return { at: 'envelope', transaction, isPipelined, awaits, mail: reply, rcpts };
}

type Why = { readonly reply?: Reply; readonly error?: AttemptError };

/** Recipients that were refused keep their reply; all others get `why`, decided at `phase`. */
export function resultsAt(transaction: Transaction, rcpts: readonly Reply[], phase: Phase, why: Why): DeliveryResult[] {
  return transaction.recipients.map(({ index }, at) => {
    const reply = rcpts[at];
    if (reply !== undefined && isRefusal(reply)) return { index, decidedAt: 'rcpt', reply };
    return { index, decidedAt: phase, ...why };
  });
}

/** A transaction that ends in its envelope. A refused MAIL decides for all, whatever came after it. */
export function settleEnvelope(now: Envelope, why: Why): DeliveryResult[] {
  const { transaction, mail } = now;
  if (mail !== undefined && isRefusal(mail)) return resultsAt(transaction, [], 'mail', { reply: mail });
  return resultsAt(transaction, now.rcpts, now.awaits === 'rset' ? 'mail' : now.awaits, why);
}

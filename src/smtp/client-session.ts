// An SMTP client session as data: step(state, event) → {state, effects}. No socket, no clock, no content.
//
// Normal:    greeting → ehlo [→ starttls → handshake → ehlo] [→ auth] → ready ⇄ envelope → content → dot → ready
// Refused:   envelope → ready (a transaction that the server still holds open is reset in front of the next MAIL,
//            without a round trip of its own); 354 though nobody was accepted → bare-dot → ready (RFC 2920 section 3.1)
// Broken:    any → over. `lost` tells why; what was open is settled by state: before the final dot nothing was
//            delivered, after it the remote may have the message.
// Forbidden: `begin` outside of ready (window 1: one transaction at a time); any step out of over.
//
// Pipelining (RFC 2920): [RSET] MAIL RCPT… DATA in one write when offered, else one command at a time.
import { InvariantError, unreachable } from '../base/errors.ts';
import type { AttemptError, DeliveryResult } from '../flow/attempt.ts';
import type { Phase, Reply } from '../flow/reply.ts';
import { afterOpening, type Credentials, type Opening, openingStep } from './client-opening.ts';
import { type Envelope, isPositive, isRefusal, moved, resultsAt, settleEnvelope } from './envelope.ts';
import { NO_OFFER, type Offer } from './extensions.ts';
import { findObstacle, mailCommand, rcptCommand, type Security, type Transaction } from './transaction.ts';

/** What a session knows of itself, whatever it is doing. */
export interface Facts {
  readonly ehlo: string;
  readonly tls: 'none' | 'opportunistic' | 'required';
  readonly credentials: Credentials | undefined;
  readonly offer: Offer;
  readonly security: Security;
  /** Transactions the server has answered something to. */
  readonly served: number;
  /** The server still holds a transaction that we gave up: RSET before the next. */
  readonly isDirty: boolean;
}

export type Activity =
  | Opening
  | { readonly at: 'ready' }
  | Envelope
  /** `content` was ordered; the final dot has not been written. */
  | { readonly at: 'content'; readonly transaction: Transaction; readonly rcpts: readonly Reply[] }
  | { readonly at: 'dot'; readonly transaction: Transaction; readonly rcpts: readonly Reply[] }
  | { readonly at: 'bare-dot' }
  | { readonly at: 'quit' }
  | { readonly at: 'over' };

export interface ClientState {
  readonly facts: Facts;
  readonly now: Activity;
}

export type ClientEvent =
  | { readonly on: 'reply'; readonly reply: Reply }
  /** A reply that answers nothing we had sent when it came. */
  | { readonly on: 'unsolicited'; readonly reply: Reply }
  /** The handshake is done. */
  | { readonly on: 'secured'; readonly security: Security }
  | { readonly on: 'begin'; readonly transaction: Transaction }
  /** The content and the final dot have been handed to the connection. */
  | { readonly on: 'dot' }
  | { readonly on: 'quit' }
  /** The connection broke, a deadline passed, or the content cannot be sent. */
  | { readonly on: 'lost'; readonly error: AttemptError };

export type ClientEffect =
  | { readonly do: 'send'; readonly text: string }
  | { readonly do: 'handshake' }
  /** Transactions can begin. */
  | { readonly do: 'up' }
  /** No transaction can begin: say why. */
  | { readonly do: 'failed'; readonly phase: Phase; readonly error?: AttemptError; readonly reply?: Reply }
  /** Write the content and the final dot, then tell `dot`. */
  | { readonly do: 'content' }
  | {
      readonly do: 'settled';
      readonly transaction: Transaction;
      readonly results: readonly DeliveryResult[];
      readonly mayHaveBeenDelivered: boolean;
    }
  /** The kept connection was gone before anything of this transaction was answered: as if it had not been begun. */
  | { readonly do: 'unbegun'; readonly transaction: Transaction }
  /** The conversation is over: close our side, wait for the peer's. */
  | { readonly do: 'end' }
  /** The connection cannot be used any more: close it at once. */
  | { readonly do: 'abort' };

export interface Step {
  readonly state: ClientState;
  readonly effects: readonly ClientEffect[];
}

export function startSession(ehlo: string, tls: Facts['tls'], credentials?: Credentials): ClientState {
  const facts: Facts = { ehlo, tls, credentials, offer: NO_OFFER, security: 'plain', served: 0, isDirty: false };
  return { facts, now: { at: 'greeting' } };
}

/** TLS from the first octet: before the greeting. */
export function startSecured(state: ClientState, security: Security): ClientState {
  return { ...state, facts: { ...state.facts, security } };
}

export function canBegin(state: ClientState): boolean {
  return state.now.at === 'ready';
}

/** Replies that commands already sent still wait for. More than these are unsolicited. */
export function outstanding(state: ClientState): number {
  const { now } = state;
  switch (now.at) {
    case 'handshake':
    case 'ready':
    case 'over':
      return 0;
    case 'envelope': {
      if (!now.isPipelined) return 1;
      const before = now.awaits === 'rset' ? 2 : now.awaits === 'mail' ? 1 : 0;
      return before + now.transaction.recipients.length - now.rcpts.length + 1;
    }
    case 'greeting':
    case 'ehlo':
    case 'helo':
    case 'starttls':
    case 'auth':
    case 'content':
    case 'dot':
    case 'bare-dot':
    case 'quit':
      return 1;
    default:
      return unreachable(now);
  }
}

export function step(state: ClientState, event: ClientEvent): Step {
  switch (event.on) {
    case 'reply':
      return onReply(state, event.reply);
    case 'unsolicited':
      return onUnsolicited(state, event.reply);
    case 'secured': {
      if (state.now.at !== 'handshake') throw new InvariantError(`secured in state ${state.now.at}`);
      // What was learnt before TLS is forgotten (RFC 3207 section 4.2).
      const facts = { ...state.facts, offer: NO_OFFER, security: event.security };
      return { state: { facts, now: { at: 'ehlo' } }, effects: [{ do: 'send', text: `EHLO ${facts.ehlo}\r\n` }] };
    }
    case 'begin':
      return begin(state, event.transaction);
    case 'dot': {
      // The server may have ended it while the content was being written: then there is nothing to wait for.
      if (state.now.at !== 'content') return { state, effects: [] };
      const { transaction, rcpts } = state.now;
      return { state: { facts: state.facts, now: { at: 'dot', transaction, rcpts } }, effects: [] };
    }
    case 'quit':
      if (state.now.at !== 'ready') return { state: over(state), effects: [{ do: 'abort' }] };
      return { state: { ...state, now: { at: 'quit' } }, effects: [{ do: 'send', text: 'QUIT\r\n' }] };
    case 'lost':
      return lost(state, event.error);
    default:
      return unreachable(event);
  }
}

const over = (state: ClientState): ClientState => ({ facts: state.facts, now: { at: 'over' } });

function onReply(state: ClientState, reply: Reply): Step {
  const { facts, now } = state;
  switch (now.at) {
    case 'greeting':
    case 'ehlo':
    case 'helo':
    case 'starttls':
    case 'handshake':
    case 'auth':
      return afterOpening(facts, openingStep(facts, now, reply));
    case 'envelope':
      return onEnvelopeReply(state, now, reply);
    case 'content':
      if (!isRefusal(reply)) return broken(state, 'a reply before the content was sent');
      // Refused while it was being sent: the dot has not been written, so this is the answer.
      return {
        state: over(state),
        effects: [settled(now.transaction, resultsAt(now.transaction, now.rcpts, 'data', { reply })), { do: 'abort' }],
      };
    case 'dot': {
      if (reply.code >= 300 && reply.code < 400) return broken(state, `a ${reply.code} reply to the final dot`);
      const effect = settled(now.transaction, resultsAt(now.transaction, now.rcpts, 'dot', { reply }));
      if (reply.code === 421) return { state: over(state), effects: [effect, { do: 'end' }] };
      return { state: ready(served(facts, false)), effects: [effect] };
    }
    case 'bare-dot':
      if (reply.code === 421) return { state: over(state), effects: [{ do: 'end' }] };
      return { state: ready({ ...facts, isDirty: !isPositive(reply) }), effects: [] };
    case 'quit':
      return { state: over(state), effects: [{ do: 'end' }] };
    case 'ready':
    case 'over':
      return onUnsolicited(state, reply);
    default:
      return unreachable(now);
  }
}

function ready(facts: Facts): ClientState {
  return { facts, now: { at: 'ready' } };
}

/** Written out: see `moved`. */
function served({ ehlo, tls, credentials, offer, security, served: before }: Facts, isDirty: boolean): Facts {
  return { ehlo, tls, credentials, offer, security, served: before + 1, isDirty };
}

function onUnsolicited(state: ClientState, reply: Reply): Step {
  if (state.now.at === 'over') return { state, effects: [] };
  // The server may close whenever it likes (RFC 5321 section 3.8).
  const said = `${reply.code} ${reply.lines[0] ?? ''}`;
  if (reply.code === 421) return lost(state, { kind: 'closed', text: `the server closes: ${said}` });
  return broken(state, `a reply to nothing: ${said}`);
}

function broken(state: ClientState, text: string): Step {
  return lost(state, { kind: 'protocol', text });
}

// ── one transaction ───────────────────────────────────────────────────────────────────────────────────────────────

function begin(state: ClientState, transaction: Transaction): Step {
  const { facts } = state;
  if (state.now.at !== 'ready') throw new InvariantError(`begin in state ${state.now.at}`);
  const obstacle = findObstacle(transaction, facts.offer, facts.security);
  if (obstacle !== undefined) {
    return { state, effects: [settled(transaction, resultsAt(transaction, [], 'mail', { error: obstacle }))] };
  }
  const isPipelined = facts.offer.pipelining;
  let text = facts.isDirty ? 'RSET\r\n' : '';
  if (!facts.isDirty || isPipelined) text += mailCommand(transaction, facts.offer);
  if (isPipelined) {
    for (const recipient of transaction.recipients) text += rcptCommand(recipient, facts.offer);
    text += 'DATA\r\n';
  }
  const awaits = facts.isDirty ? 'rset' : 'mail';
  return {
    state: { facts, now: { at: 'envelope', transaction, isPipelined, awaits, mail: undefined, rcpts: [] } },
    effects: [{ do: 'send', text }],
  };
}

function onEnvelopeReply(state: ClientState, now: Envelope, reply: Reply): Step {
  const { facts } = state;
  if (reply.code === 421) {
    const results = settleEnvelope(now, { reply });
    return { state: over(state), effects: [settled(now.transaction, results), { do: 'end' }] };
  }
  if (now.awaits !== 'data' && reply.code >= 300 && reply.code < 400) {
    return broken(state, `a ${reply.code} reply to ${now.awaits.toUpperCase()}`);
  }
  const go = (next: Envelope, text: string): Step => ({
    state: { facts, now: next },
    effects: now.isPipelined ? [] : [{ do: 'send', text }],
  });
  switch (now.awaits) {
    case 'rset':
      if (!isPositive(reply)) return broken(state, `RSET was answered ${reply.code}`);
      return go(moved(now, 'mail', now.rcpts), mailCommand(now.transaction, facts.offer));
    case 'mail': {
      const next = moved(now, 'rcpt', now.rcpts, reply);
      if (!now.isPipelined && !isPositive(reply)) return giveUp(state, next, false);
      return go(next, recipientCommand(now.transaction, 0, facts.offer));
    }
    case 'rcpt': {
      const rcpts = [...now.rcpts, reply];
      if (rcpts.length < now.transaction.recipients.length) {
        return go(moved(now, 'rcpt', rcpts), recipientCommand(now.transaction, rcpts.length, facts.offer));
      }
      const next = moved(now, 'data', rcpts);
      if (!now.isPipelined && !rcpts.some(isPositive)) return giveUp(state, next, true);
      return go(next, 'DATA\r\n');
    }
    case 'data':
      return onDataReply(state, now, reply);
    default:
      return unreachable(now.awaits);
  }
}

function onDataReply(state: ClientState, now: Envelope, reply: Reply): Step {
  const { facts } = state;
  const { transaction, rcpts } = now;
  const isAccepted = now.mail !== undefined && isPositive(now.mail) && rcpts.some(isPositive);
  if (reply.code >= 300 && reply.code < 400) {
    if (isAccepted)
      return { state: { facts, now: { at: 'content', transaction, rcpts } }, effects: [{ do: 'content' }] };
    // Nobody was accepted and yet the server waits for content: it gets none.
    return {
      state: { facts: served(facts, facts.isDirty), now: { at: 'bare-dot' } },
      effects: [settled(transaction, settleEnvelope(now, { reply })), { do: 'send', text: '.\r\n' }],
    };
  }
  if (isPositive(reply)) return broken(state, `a ${reply.code} reply to DATA`);
  return giveUp(state, now, true, reply);
}

function recipientCommand(transaction: Transaction, at: number, offer: Offer): string {
  const recipient = transaction.recipients[at];
  if (recipient === undefined) throw new InvariantError(`transaction ${transaction.id} has no recipient ${at}`);
  return rcptCommand(recipient, offer);
}

/** Refused in the envelope, in order: the session goes on. */
function giveUp(state: ClientState, now: Envelope, isOpen: boolean, reply?: Reply): Step {
  const { facts } = state;
  const results = settleEnvelope(now, reply === undefined ? {} : { reply });
  const isDirty = isOpen && now.mail !== undefined && isPositive(now.mail);
  return {
    state: ready(served(facts, isDirty)),
    effects: [settled(now.transaction, results)],
  };
}

// ── how it ends ───────────────────────────────────────────────────────────────────────────────────────────────────────

function settled(
  transaction: Transaction,
  results: readonly DeliveryResult[],
  mayHaveBeenDelivered = false,
): ClientEffect {
  return { do: 'settled', transaction, results, mayHaveBeenDelivered };
}

function lost(state: ClientState, error: AttemptError): Step {
  const { facts, now } = state;
  const end = (...effects: ClientEffect[]): Step => ({ state: over(state), effects: [...effects, { do: 'abort' }] });
  switch (now.at) {
    case 'greeting':
    case 'ehlo':
    case 'helo':
    case 'auth':
      return end({ do: 'failed', phase: now.at === 'helo' ? 'ehlo' : now.at, error });
    case 'starttls':
    case 'handshake':
      return end({ do: 'failed', phase: 'starttls', error });
    case 'envelope': {
      const isUnanswered = now.mail === undefined && now.awaits !== 'rcpt';
      if (isUnanswered && facts.served > 0 && error.kind === 'closed') {
        return end({ do: 'unbegun', transaction: now.transaction });
      }
      return end(settled(now.transaction, settleEnvelope(now, { error })));
    }
    case 'content':
      return end(settled(now.transaction, resultsAt(now.transaction, now.rcpts, 'data', { error })));
    case 'dot':
      return end(settled(now.transaction, resultsAt(now.transaction, now.rcpts, 'dot', { error }), true));
    case 'ready':
      // A server that closes between transactions is given the time to do so.
      return error.kind === 'closed' ? { state: over(state), effects: [{ do: 'end' }] } : end();
    case 'bare-dot':
    case 'quit':
      return end();
    case 'over':
      return { state, effects: [] };
    default:
      return unreachable(now);
  }
}

// The opening of a client session: greeting, EHLO or HELO, STARTTLS, AUTH. Pure; joined to the rest in client-session.ts.
import { InvariantError, unreachable } from '../base/errors.ts';
import type { AttemptError } from '../flow/attempt.ts';
import type { Phase, Reply } from '../flow/reply.ts';
import type { Facts, Step } from './client-session.ts';
import { NO_OFFER, type Offer, readOffer } from './extensions.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export type Opening =
  | { readonly at: 'greeting' }
  | { readonly at: 'ehlo' }
  | { readonly at: 'helo' }
  | { readonly at: 'starttls' }
  /** STARTTLS was answered 220: octets belong to TLS until `secured`. */
  | { readonly at: 'handshake' }
  /** What is sent for each coming 334; none left: 235 must follow. */
  | { readonly at: 'auth'; readonly answers: readonly string[] };

/** What comes of a reply in the opening. */
export type OpeningResult =
  | { readonly go: Opening; readonly offer?: Offer; readonly send?: string }
  | { readonly up: true; readonly offer?: Offer }
  | { readonly failed: Phase; readonly error?: AttemptError; readonly reply?: Reply };

export function openingStep(facts: Facts, now: Opening, reply: Reply): OpeningResult {
  const isPositive = reply.code < 300;
  switch (now.at) {
    case 'greeting':
      if (!isPositive) return { failed: 'greeting', reply };
      return { go: { at: 'ehlo' }, send: `EHLO ${facts.ehlo}\r\n` };
    case 'ehlo':
      if (isPositive) return secure({ ...facts, offer: readOffer(reply) });
      // Any 5xx to EHLO: perhaps an old server (RFC 5321 section 3.2).
      if (reply.code >= 500) return { go: { at: 'helo' }, send: `HELO ${facts.ehlo}\r\n` };
      return { failed: 'ehlo', reply };
    case 'helo':
      return isPositive ? secure({ ...facts, offer: NO_OFFER }) : { failed: 'ehlo', reply };
    case 'starttls':
      if (reply.code === 220) return { go: { at: 'handshake' } };
      if (facts.tls === 'required' || reply.code === 421 || reply.code < 400) return { failed: 'starttls', reply };
      return authenticate(facts);
    case 'handshake':
      // Plain octets behind the 220 could be an attacker's (CVE-2011-0411): never read as part of the TLS session.
      return { failed: 'starttls', error: { kind: 'tls', text: 'unencrypted octets behind the reply to STARTTLS' } };
    case 'auth': {
      const [answer, ...answers] = now.answers;
      if (reply.code === 334 && answer !== undefined) return { go: { at: 'auth', answers }, send: `${answer}\r\n` };
      return isPositive ? { up: true } : { failed: 'auth', reply };
    }
    default:
      return unreachable(now);
  }
}

/** After EHLO. */
function secure(facts: Facts): OpeningResult {
  const { offer, security, tls } = facts;
  if (security === 'plain' && tls !== 'none') {
    if (offer.startTls) return { go: { at: 'starttls' }, offer, send: 'STARTTLS\r\n' };
    if (tls === 'required') {
      return {
        failed: 'starttls',
        error: { kind: 'tls', text: 'TLS is required and the server does not offer STARTTLS' },
      };
    }
  }
  return authenticate(facts);
}

function authenticate(facts: Facts): OpeningResult {
  const { credentials, offer, security, tls } = facts;
  if (credentials === undefined) return { up: true, offer };
  const fail = (text: string): OpeningResult => ({ failed: 'auth', error: { kind: 'protocol', text } });
  if (security === 'plain' && tls !== 'none') return fail('credentials are not sent without TLS');
  const encode = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
  const { user, password } = credentials;
  if (offer.auth.includes('PLAIN')) {
    return { go: { at: 'auth', answers: [] }, offer, send: `AUTH PLAIN ${encode(`\0${user}\0${password}`)}\r\n` };
  }
  if (offer.auth.includes('LOGIN')) {
    return { go: { at: 'auth', answers: [encode(user), encode(password)] }, offer, send: 'AUTH LOGIN\r\n' };
  }
  return fail('the server offers neither AUTH PLAIN nor AUTH LOGIN');
}

export function afterOpening(facts: Facts, result: OpeningResult): Step {
  if ('failed' in result) {
    const { failed: phase, error, reply } = result;
    const why = { ...(error !== undefined && { error }), ...(reply !== undefined && { reply }) };
    return { state: { facts, now: { at: 'over' } }, effects: [{ do: 'failed', phase, ...why }, { do: 'end' }] };
  }
  const known = result.offer === undefined ? facts : { ...facts, offer: result.offer };
  if ('up' in result) return { state: { facts: known, now: { at: 'ready' } }, effects: [{ do: 'up' }] };
  const state = { facts: known, now: result.go };
  if (result.go.at === 'handshake') return { state, effects: [{ do: 'handshake' }] };
  if (result.send === undefined) throw new InvariantError(`nothing to send for ${result.go.at}`);
  return { state, effects: [{ do: 'send', text: result.send }] };
}

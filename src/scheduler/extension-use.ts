// What an attempt used of what can be left out: only that can be to blame for its reply, and only without that it may go
// at once.
import type { Extension } from '../flow/action.ts';
import type { Report } from '../flow/attempt.ts';
import type { Meaning } from '../flow/settlement.ts';
import type { OpenAttempt } from './in-flight.ts';

function isPlain({ tls, results }: Report): boolean {
  return tls === undefined && results.every(({ decidedAt }) => decidedAt !== 'starttls');
}

/** A message that asks for REQUIRETLS, and cannot have it, says nothing against TLS. */
function isKeptBack({ results }: Report): boolean {
  return results.some(({ error }) => error?.kind === 'no-requiretls');
}

/** Of look-ahead and CHUNKING no report tells. */
export function isUsed(extension: Extension, attempt: OpenAttempt, report: Report): boolean {
  if (extension === 'ipv6') return report.remote?.address.includes(':') === true;
  return extension === 'tls' ? mayBePlain(attempt) && !isPlain(report) && !isKeptBack(report) : true;
}

/** Of the taxonomy: the reply is about TLS, for it or against it. */
const ABOUT_TLS = 'tls-failure';

/** We left TLS out, and the server does not have it so. */
export function asksForTls({ category, actions = [] }: Meaning, { tlsLeftOut }: Report): boolean {
  if (tlsLeftOut !== true) return false;
  return category === ABOUT_TLS || actions.some((action) => action.do === 'disable' && action.extension === 'tls');
}

/** `now` never twice: a connection that was opened without it can no longer be to blame. */
export function otherwise(meaning: Meaning, attempt: OpenAttempt, report: Report): 'now' | 'later' | undefined {
  if (asksForTls(meaning, report)) return 'later';
  for (const action of meaning.actions ?? []) {
    if (action.do !== 'disable' || (action.extension !== 'ipv6' && action.extension !== 'tls')) continue;
    if (!attempt.session.without.includes(action.extension) && isUsed(action.extension, attempt, report)) return 'now';
  }
  return undefined;
}

/**
 * The route does not require TLS, and its hosts are no provider's: one broken host of a provider must not take it from all
 * mail there. Of each host egress remembers that by itself.
 */
function mayBePlain({ session: { lane }, queue: { binding } }: OpenAttempt): boolean {
  const { route } = binding.domain;
  const relay = route.state === 'known' && route.route.kind === 'relay' ? route.route : undefined;
  return lane.destination.provider === undefined && relay?.tls.level === 'opportunistic' && relay.tls.implicit !== true;
}

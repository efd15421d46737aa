// What an attempt used of what can be left out: only that can be to blame for its reply, and only without that it may go
// at once.
import type { Action, Extension } from '../flow/action.ts';
import type { Report } from '../flow/attempt.ts';
import type { OpenAttempt } from './in-flight.ts';

function isPlain({ tls, results }: Report): boolean {
  return tls === undefined && results.every(({ decidedAt }) => decidedAt !== 'starttls');
}

/** Of look-ahead and CHUNKING no report tells. */
export function isUsed(extension: Extension, attempt: OpenAttempt, report: Report): boolean {
  if (extension === 'ipv6') return report.remote?.address.includes(':') === true;
  return extension === 'tls' ? mayBePlain(attempt) && !isPlain(report) : true;
}

/** `now` never twice: a connection that was opened without it can no longer be to blame. */
export function otherwise(
  actions: readonly Action[],
  attempt: OpenAttempt,
  report: Report,
): 'now' | 'later' | undefined {
  for (const action of actions) {
    if (action.do !== 'disable' || (action.extension !== 'ipv6' && action.extension !== 'tls')) continue;
    if (action.extension === 'tls' && report.tlsLeftOut === true) return 'later';
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

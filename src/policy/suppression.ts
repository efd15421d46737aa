// What the entries for an address mean and how they change: pure, over the few entries of one page of the list.
import type { OutcomeEvent } from '../flow/event.ts';
import {
  REPLY_CHARS_MAX,
  type Suppression,
  type SuppressionFilter,
  type SuppressionScope,
  type SuppressOrder,
} from '../flow/suppression.ts';
import { comparableAddress } from '../mail/comparable-address.ts';

/** The entry that follows from an outcome, with its evidence. */
export function suppressionOf(event: OutcomeEvent, { scope, forMs, isSoft }: SuppressOrder): Suppression {
  const at = Math.floor(event.at / 1000) * 1000;
  const { tenant, stream, reply } = event;
  return {
    address: comparableAddress(event.forwardPath, event.domain),
    scope: scope === 'global' ? scope : scope === 'tenant' ? `tenant/${tenant}` : `stream/${tenant}/${stream}`,
    reason: event.category,
    at,
    ...(forMs === undefined ? {} : { until: Math.ceil((event.at + forMs) / 1000) * 1000 }),
    by: `rule ${event.rule}`,
    ...(isSoft ? { isSoft: true } : {}),
    messageId: event.messageId,
    ...(reply === undefined
      ? {}
      : { reply: [reply.code, reply.enhanced, ...reply.lines].filter(Boolean).join(' ').slice(0, REPLY_CHARS_MAX) }),
  };
}

/** Scopes that hold back mail of this tenant and stream, the widest first. */
export function scopesOf(tenant: string, stream?: string): readonly SuppressionScope[] {
  const scopes = ['global', `tenant/${tenant}`];
  if (stream !== undefined) scopes.push(`stream/${tenant}/${stream}`);
  return scopes;
}

/** `global`, `tenant/NAME`, `stream/TENANT/NAME`. */
export function isSuppressionScope(text: string): boolean {
  return /^(?:global|tenant\/[^/]+|stream\/[^/]+\/[^/]+)$/.test(text);
}

export function isInForce({ until }: Suppression, now: number): boolean {
  return until === undefined || until > now;
}

/** The entry that holds this mail back, of several the widest. */
export function findCovering(
  entries: readonly Suppression[],
  address: string,
  scopes: readonly SuppressionScope[],
  now: number,
): Suppression | undefined {
  for (const scope of scopes) {
    const found = entries.find((entry) => entry.address === address && entry.scope === scope);
    if (found !== undefined && isInForce(found, now)) return found;
  }
  return undefined;
}

/**
 * With `entry`. What a reply says never shortens or weakens what is there already, least of all an operator's word;
 * an operator's word replaces anything. undefined: nothing changes. What is over goes on the way.
 */
export function withEntry(
  entries: readonly Suppression[],
  entry: Suppression,
  now: number,
): readonly Suppression[] | undefined {
  const held = entries.find(({ address, scope }) => address === entry.address && scope === entry.scope);
  if (held !== undefined && isInForce(held, now) && !outweighs(entry, held)) return undefined;
  return [...entries.filter((other) => other !== held && isInForce(other, now)), entry];
}

function outweighs(entry: Suppression, held: Suppression): boolean {
  if (isSame(entry, held)) return false;
  if (entry.by === 'operator') return true;
  if (held.by === 'operator') return false;
  if (held.isSoft !== entry.isSoft) return held.isSoft === true;
  return (entry.until ?? Infinity) > (held.until ?? Infinity);
}

/** But for their instant: an import that is run again changes nothing. */
function isSame(a: Suppression, b: Suppression): boolean {
  return JSON.stringify({ ...a, at: 0 }) === JSON.stringify({ ...b, at: 0 });
}

/** Without those of `address`, of one scope or of all. undefined: there are none. */
export function withoutAddress(
  entries: readonly Suppression[],
  address: string,
  scope?: SuppressionScope,
): readonly Suppression[] | undefined {
  const left = entries.filter((entry) => entry.address !== address || (scope !== undefined && entry.scope !== scope));
  return left.length === entries.length ? undefined : left;
}

/** Without the one that stands there as it was entered. undefined: it does not. */
export function withoutEntry(
  entries: readonly Suppression[],
  gone: Pick<Suppression, 'address' | 'scope' | 'by' | 'messageId'>,
): readonly Suppression[] | undefined {
  const left = entries.filter(
    ({ address, scope, by, messageId }) =>
      address !== gone.address || scope !== gone.scope || by !== gone.by || messageId !== gone.messageId,
  );
  return left.length === entries.length ? undefined : left;
}

/** A success in these scopes: what was soft there is over. undefined: nothing was. */
export function withoutSoft(
  entries: readonly Suppression[],
  address: string,
  scopes: readonly SuppressionScope[],
): readonly Suppression[] | undefined {
  const left = entries.filter(
    (entry) => entry.address !== address || entry.isSoft !== true || !scopes.includes(entry.scope),
  );
  return left.length === entries.length ? undefined : left;
}

export function passes(entry: Suppression, { scope, reason, domain }: SuppressionFilter): boolean {
  if (scope !== undefined && entry.scope !== scope) return false;
  if (reason !== undefined && entry.reason !== reason) return false;
  return domain === undefined || entry.address.endsWith(`@${domain}`);
}

/** Reasons that say the mailbox is not there: 550 5.1.1, not 5.7.1 (RFC 3463 sections 3.2 and 3.8). */
const GONE: ReadonlySet<string> = new Set([
  'recipient-unknown',
  'recipient-moved',
  'recipient-disabled',
  'domain-unknown',
  'domain-no-mail',
]);

export function isGone(reason: string): boolean {
  return GONE.has(reason);
}

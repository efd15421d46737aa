// Replies that suppress only after several hits: what is counted for one recipient, and when it is enough. Pure, over the
// few counters of one page. A hit is one message, however often it is tried; the window is what the rule says.
import type { Threshold } from '../flow/action.ts';
import type { SuppressionScope } from '../flow/suppression.ts';
import { HITS_MAX } from '../rules/action.ts';
import { PAGES } from './suppression-page.ts';

export interface Hit {
  /** ms since 1970, whole seconds. */
  readonly at: number;
  /** End of the message's id: enough to tell the messages of one counter apart. */
  readonly message: string;
}

export interface HitCounter {
  readonly address: string;
  readonly scope: SuppressionScope;
  /** Category: rules of one category count together. */
  readonly reason: string;
  /** Of the longest window that counts here: hits older than that are forgotten. */
  readonly withinMs: number;
  /** Oldest first, never empty. */
  readonly hits: readonly Hit[];
}

export type Counted = Pick<HitCounter, 'address' | 'scope' | 'reason'>;

/** 4 million recipients that were hit and are not suppressed; of more in one page the one hit longest ago is forgotten. */
export const COUNTERS_PER_PAGE_MAX = 64;
const MESSAGE_CHARS = 8;

export function hitOf(messageId: string, at: number): Hit {
  return { at: Math.floor(at / 1000) * 1000, message: messageId.slice(-MESSAGE_CHARS) };
}

export interface Count {
  readonly counters: readonly HitCounter[];
  /** The hits are enough; the counter is gone with that. */
  readonly isReached: boolean;
}

/** undefined: this message has been counted. */
export function withHit(
  counters: readonly HitCounter[],
  counted: Counted,
  hit: Hit,
  threshold: Threshold,
  now: number,
): Count | undefined {
  const held = counters.find((one) => isSame(one, counted));
  const withinMs = Math.max(threshold.withinMs, held?.withinMs ?? 0);
  const recent = (held?.hits ?? []).filter(({ at }) => at > now - withinMs);
  if (recent.some(({ message }) => message === hit.message)) return undefined;
  const hits = [...recent, hit].slice(-HITS_MAX);
  const isReached = hits.filter(({ at }) => at > now - threshold.withinMs).length >= threshold.hits;
  const others = counters.filter((one) => one !== held && lastHitAt(one) > now - one.withinMs);
  if (isReached) return { counters: others, isReached };
  if (others.length >= COUNTERS_PER_PAGE_MAX) others.splice(oldestOf(others), 1);
  return { counters: [...others, { ...counted, withinMs, hits }], isReached };
}

/** A success in these scopes: what was counted there begins anew. undefined: nothing was. */
export function withoutHits(
  counters: readonly HitCounter[],
  address: string,
  scopes: readonly SuppressionScope[],
): readonly HitCounter[] | undefined {
  const left = counters.filter((one) => one.address !== address || !scopes.includes(one.scope));
  return left.length === counters.length ? undefined : left;
}

function isSame(a: Counted, b: Counted): boolean {
  return a.address === b.address && a.scope === b.scope && a.reason === b.reason;
}

function lastHitAt({ hits }: HitCounter): number {
  return hits.at(-1)?.at ?? 0;
}

function oldestOf(counters: readonly HitCounter[]): number {
  const instants = counters.map(lastHitAt);
  return instants.indexOf(Math.min(...instants));
}

// ── as they stand among the spool's states ────────────────────────────────────────────────────────────────────────

/** Of this form; a page of a newer one is not read. */
const VERSION = 1;

/** Name of the state that holds a page; an address has the same place as in the list itself. */
export function hitsKey(page: number): string {
  if (page < 0 || page >= PAGES) throw new RangeError(`there is no page ${page}`);
  return `suppress-hits/${page.toString(16).padStart(4, '0')}`;
}

/** undefined: an empty page is none. */
export function encodeHits(counters: readonly HitCounter[]): unknown {
  if (counters.length === 0) return undefined;
  const rows = counters.map(({ address, scope, reason, withinMs, hits }) => [
    address,
    scope,
    reason,
    withinMs / 1000,
    hits.flatMap(({ at, message }) => [at / 1000, message]),
  ]);
  return [VERSION, ...rows];
}

/** undefined: damaged, or of a newer form. */
export function decodeHits(value: unknown): readonly HitCounter[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value[0] !== VERSION) return undefined;
  const counters: HitCounter[] = [];
  for (const row of value.slice(1) as unknown[]) {
    if (!Array.isArray(row)) return undefined;
    const [address, scope, reason, withinS, pairs] = row as unknown[];
    if (typeof address !== 'string' || typeof scope !== 'string' || typeof reason !== 'string') return undefined;
    if (typeof withinS !== 'number' || !Array.isArray(pairs)) return undefined;
    const hits: Hit[] = [];
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      hits.push({ at: Number(pairs[at]) * 1000, message: String(pairs[at + 1]) });
    }
    counters.push({ address, scope, reason, withinMs: withinS * 1000, hits });
  }
  return counters;
}

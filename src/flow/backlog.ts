// What waits for each provider, what limits it and when it will be gone: the upper half of `postilion queue`. Plain JSON.
// Instants are ms since 1970.
import type { Wait } from './wait.ts';

export interface BacklogReport {
  /** Those for which most waits, most first. */
  readonly providers: readonly ProviderBacklog[];
  /** Of those that were left out. */
  readonly others?: { readonly providers: number; readonly waiting: number; readonly inFlight: number };
}

export interface ProviderBacklog {
  /** Of a provider; of a site that nobody knows, as lanes name it; of a domain whose hosts are not known (yet). */
  readonly name: string;
  readonly kind: 'provider' | 'site' | 'domain';
  /** Routing domain, when mail for no other waits here. */
  readonly domain?: string;
  /** Deliveries, those on their way included. */
  readonly waiting: number;
  readonly inFlight: number;
  readonly sessions: number;
  /** Deliveries that came to an end, a minute, over the last five minutes at most. */
  readonly perMinute: number;
  /** What it waits for, most deliveries first. Of each of its queues the first delivery tells for all. */
  readonly waits: readonly SharedWait[];
  readonly drain: DrainForecast;
  /** The same in words. */
  readonly empties: string;
}

export interface SharedWait {
  readonly deliveries: number;
  readonly wait: Wait;
  /** The same in words. */
  readonly text: string;
}

/**
 * If nothing more comes. `held`: deliveries that stay until somebody does something; of the others it is said when.
 * never: all of it is held. unknown: nothing came to an end lately, and nothing says how fast it may go.
 */
export type DrainForecast =
  | { readonly is: 'empty-about' | 'not-before'; readonly at: number; readonly held: number }
  | { readonly is: 'never' | 'unknown'; readonly held: number };

// Where mail of a routing domain goes when its rule says: by MX (RFC 5321 section 5.1, RFC 7505). Asks DNS, decides
// nothing about a delivery, and never rejects: not to know is a route of kind 'unknown'.
import type { Random } from '../base/random.ts';
import type { Domain } from '../flow/message.ts';
import type { Host, MxTarget, Relay, Route, RouteAnswer, Router } from '../flow/route.ts';
import { isAddress } from '../net/address.ts';
import type { MxRecord } from '../net/dns-message.ts';
import type { Resolver } from '../net/resolver.ts';

export interface RouterDeps {
  readonly random: Random;
}

/** Hosts of one MX set that are used; of 400 the best, and always the same ones. */
const HOSTS_MAX = 20;
const MAIL_PORT = 25;
const TTL_MS = { min: 60_000, max: 3_600_000, trouble: 60_000 } as const;

/** Host names that DNS may name as MX; anything else is junk. */
const HOST_NAME = /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;

export function createRouter(resolver: Resolver, deps: RouterDeps): Router {
  const { random } = deps;

  const byMx = async (domain: Domain, target: MxTarget): Promise<RouteAnswer> => {
    const looked = await resolver.mx(domain);
    if (looked.found === 'no-name') return answer(domain, { kind: 'no-name' }, looked.ttlMs);
    if (looked.found === 'trouble') return answer(domain, unknown(looked.text), Math.max(looked.ttlMs, TTL_MS.trouble));
    if (looked.found === 'nothing') return await byAddress(domain, target, looked.ttlMs);
    const { records, ttlMs } = looked;
    if (records.every((record) => record.exchange === '')) {
      const text = 'the domain takes no mail (null MX)';
      return answer(domain, { kind: 'unroutable', code: 556, enhanced: '5.1.10', text }, ttlMs);
    }
    const hosts = usable(records);
    if (hosts.length === 0) return answer(domain, unknown('no MX of the domain is a host name'), TTL_MS.trouble);
    return answer(domain, relayOf(hosts, target, random), ttlMs);
  };

  /** No MX: the domain itself is the host, if it has an address. */
  const byAddress = async (domain: Domain, target: MxTarget, ttlMs: number): Promise<RouteAnswer> => {
    const both = await Promise.all([resolver.addresses(domain, 4), resolver.addresses(domain, 6)]);
    if (both.some((looked) => looked.found === 'records')) {
      return answer(domain, relayOf([{ preference: 0, exchange: domain }], target, random), ttlMs);
    }
    const trouble = both.find((looked) => looked.found === 'trouble');
    if (trouble !== undefined && trouble.found === 'trouble') {
      return answer(domain, unknown(trouble.text), TTL_MS.trouble);
    }
    const text = 'the domain has neither MX nor address';
    return answer(domain, { kind: 'unroutable', code: 556, enhanced: '5.1.10', text }, ttlMs);
  };

  return {
    resolve: async (domain, via) => {
      if (!domain.startsWith('[')) return await byMx(domain, via);
      const text = 'mail to address literals is not sent';
      return answer(domain, { kind: 'unroutable', code: 550, enhanced: '5.1.2', text }, TTL_MS.max);
    },
  };
}

function answer(domain: Domain, route: Route, ttlMs: number): RouteAnswer {
  const isEarly = route.kind === 'unknown' || route.kind === 'no-name' || route.kind === 'unroutable';
  return { domain, route, ttlMs: isEarly ? ttlMs : Math.min(Math.max(ttlMs, TTL_MS.min), TTL_MS.max) };
}

function unknown(text: string): Route {
  return { kind: 'unknown', text };
}

/** Host names, each once, best first, bounded. `MX 10 192.0.2.1` is junk too: an address is no host name. */
function usable(records: readonly MxRecord[]): MxRecord[] {
  const best = new Map<string, MxRecord>();
  for (const record of records) {
    const { exchange, preference } = record;
    if (!HOST_NAME.test(exchange) || isAddress(exchange)) continue;
    if (preference < (best.get(exchange)?.preference ?? Infinity)) best.set(exchange, record);
  }
  const order = (a: MxRecord, b: MxRecord): number =>
    a.preference - b.preference || (a.exchange < b.exchange ? -1 : a.exchange > b.exchange ? 1 : 0);
  return [...best.values()].toSorted(order).slice(0, HOSTS_MAX);
}

function relayOf(records: readonly MxRecord[], target: MxTarget, random: Random): Relay {
  const { port = MAIL_PORT, tls, anyAddress = false } = target;
  const shuffled = records.map((record) => ({ ...record, lot: random.next() }));
  const hosts: Host[] = shuffled
    .toSorted((a, b) => a.preference - b.preference || a.lot - b.lot)
    .map(({ exchange }) => ({ name: exchange, port }));
  const site = records
    .map(({ exchange }) => (port === MAIL_PORT ? exchange : `${exchange}:${port}`))
    .toSorted()
    .join(',');
  return { kind: 'relay', site, hosts, tls, explicit: anyAddress };
}

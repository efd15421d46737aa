// Asks recursive resolvers and remembers: answers by their TTL, absences by their SOA, troubles for a moment. Questions
// in flight and waiting are bounded; the same question is asked once for all who wait. Never rejects: not to know is an
// answer.
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { DnsCache } from './dns-cache.ts';
import { type DnsServer, type Exchange, exchange } from './dns-exchange.ts';
import { type DnsMessage, type DnsRecord, isAskable, type MxRecord, type RecordType } from './dns-message.ts';
import { systemServers } from './dns-servers.ts';

export type Lookup<T> =
  | { readonly found: 'records'; readonly records: readonly T[]; readonly ttlMs: number; readonly isAuthentic: boolean }
  /** The name exists (or an ancestor does), without records of this type. */
  | { readonly found: 'nothing'; readonly ttlMs: number }
  /** NXDOMAIN. */
  | { readonly found: 'no-name'; readonly ttlMs: number }
  /** Nothing is known: SERVFAIL, time-out, a loop of CNAMEs, too many questions. */
  | { readonly found: 'trouble'; readonly text: string; readonly ttlMs: number };

export interface Resolver {
  mx(domain: string): Promise<Lookup<MxRecord>>;
  addresses(host: string, family: 4 | 6): Promise<Lookup<string>>;
  /** Forgets all answers. */
  clear(): void;
}

export interface ResolverOptions {
  /** In order of preference; the host's own when absent. */
  readonly servers?: readonly DnsServer[];
  /** For one server, one try. Default 3 s. */
  readonly timeoutMs?: number;
  /** Rounds through all servers. Default 2. */
  readonly rounds?: number;
  /** Default 200. */
  readonly inFlightMax?: number;
  /** Questions that wait for a place. Default 10,000. */
  readonly waitingMax?: number;
  /** Answers kept. Default 20,000. */
  readonly cacheMax?: number;
}

export interface ResolverDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** CNAMEs followed for one question, over all answers (row: loops are temporary). */
const CHAIN_MAX = 8;
const TTL_MS = { min: 5_000, max: 86_400_000, absent: 60_000, absentMax: 10 * 60_000, trouble: 15_000 } as const;
const RCODE = { ok: 0, noName: 3 } as const;

type Known = Lookup<DnsRecord>;

export function createResolver(options: ResolverOptions, deps: ResolverDeps): Resolver {
  const { clock, random } = deps;
  const { timeoutMs = 3_000, rounds = 2, inFlightMax = 200, waitingMax = 10_000, cacheMax = 20_000 } = options;
  const servers = options.servers ?? systemServers();
  const cache = new DnsCache<Known>(clock, cacheMax);
  const asked = new Map<string, Promise<Known>>();
  const waiting: (() => void)[] = [];
  let inFlight = 0;

  const lookUp = (name: string, type: RecordType): Promise<Known> => {
    const host = name.replace(/\.$/, '').toLowerCase();
    const key = `${type} ${host}`;
    const kept = cache.get(key);
    if (kept !== undefined) return Promise.resolve(kept);
    const pending = asked.get(key);
    if (pending !== undefined) return pending;
    if (!isAskable(host)) return Promise.resolve({ found: 'no-name', ttlMs: TTL_MS.absentMax });
    if (waiting.length >= waitingMax) return Promise.resolve(trouble('too many questions wait for DNS'));
    const answer = inTurn(() => resolve(host, type)).then((known) => {
      asked.delete(key);
      cache.set(key, known, known.ttlMs);
      return known;
    });
    asked.set(key, answer);
    return answer;
  };

  const inTurn = async (run: () => Promise<Known>): Promise<Known> => {
    if (inFlight >= inFlightMax) await new Promise<void>((go) => waiting.push(go));
    else inFlight++;
    try {
      return await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) inFlight--;
      else next();
    }
  };

  /** Follows the chain, in one answer or over several. */
  const resolve = async (host: string, type: RecordType): Promise<Known> => {
    let name = host;
    let left = CHAIN_MAX;
    let ttl = Infinity;
    const seen = new Set<string>();
    for (;;) {
      const asking = name;
      const message = await ask(asking, type);
      if ('trouble' in message) return trouble(message.trouble);
      for (;;) {
        const records = message.answers.filter((record) => record.name === name && record.data.type === type);
        if (records.length > 0) return found(records, ttl, message.isAuthentic);
        const alias = message.answers.find((record) => record.name === name && record.data.type === 'CNAME');
        if (alias === undefined || alias.data.type !== 'CNAME') break;
        if (seen.has(name) || left-- === 0) return trouble(`a loop or too long a chain of CNAMEs at ${host}`);
        seen.add(name);
        ttl = Math.min(ttl, alias.ttl);
        name = alias.data.target;
        if (!isAskable(name)) return trouble(`a CNAME of ${host} leads nowhere`);
      }
      if (message.rcode === RCODE.noName) return { found: 'no-name', ttlMs: negative(message, ttl) };
      if (name === asking) return { found: 'nothing', ttlMs: negative(message, ttl) };
    }
  };

  /** The first server that answers usefully. */
  const ask = async (name: string, type: RecordType): Promise<Exchange> => {
    let last = 'no DNS server is configured';
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) {
        const answer = await exchange(server, name, type, { clock, random, timeoutMs });
        if ('trouble' in answer) last = answer.trouble;
        else if (answer.rcode === RCODE.ok || answer.rcode === RCODE.noName) return answer;
        else last = `the resolver answered ${rcodeName(answer.rcode)}`;
      }
    }
    return { trouble: `DNS ${type} ${name}: ${last}` };
  };

  return {
    mx: async (domain) => narrow(await lookUp(domain, 'MX'), ({ data }) => (data.type === 'MX' ? data.mx : undefined)),
    addresses: async (host, family) =>
      narrow(await lookUp(host, family === 4 ? 'A' : 'AAAA'), ({ data }) =>
        data.type === 'A' || data.type === 'AAAA' ? data.address : undefined,
      ),
    clear: () => cache.clear(),
  };
}

function found(records: readonly DnsRecord[], chainTtl: number, isAuthentic: boolean): Known {
  const ttl = records.reduce((least, record) => Math.min(least, record.ttl), chainTtl);
  const ttlMs = Math.min(Math.max(ttl * 1000, TTL_MS.min), TTL_MS.max);
  return { found: 'records', records, ttlMs, isAuthentic };
}

function negative(message: DnsMessage, chainTtl: number): number {
  const seconds = Math.min(message.negativeTtl ?? TTL_MS.absent / 1000, chainTtl);
  return Math.min(Math.max(seconds * 1000, TTL_MS.min), TTL_MS.absentMax);
}

function trouble(text: string): Known & { found: 'trouble' } {
  return { found: 'trouble', text, ttlMs: TTL_MS.trouble };
}

function narrow<T>(known: Known, pick: (record: DnsRecord) => T | undefined): Lookup<T> {
  if (known.found !== 'records') return known;
  return { ...known, records: known.records.map(pick).filter((value) => value !== undefined) };
}

function rcodeName(code: number): string {
  return ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'][code] ?? `code ${code}`;
}

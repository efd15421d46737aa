// Pools whose mail waits for ever at providers that are sent nothing over IPv6.
import type { Config } from './config.ts';

/** Sentences, one for each pool. */
export function ipv6Pools({ pools, sources, providers }: Pick<Config, 'pools' | 'sources' | 'providers'>): string[] {
  const without = Object.keys(providers).filter((name) => providers[name]?.ipv6 === false);
  if (without.length === 0) return [];
  const isIpv6 = (source: string): boolean => sources[source]?.address?.includes(':') === true;
  return Object.entries(pools)
    .filter(([, pool]) => pool.overflow === undefined && pool.sources.every(({ source }) => isIpv6(source)))
    .map(([name]) => {
      const where = without.length > 3 ? `${without.length} providers` : without.join(', ');
      return `pool ${name} has IPv6 sources alone: its mail to ${where} (ipv6: false in providers.yaml) waits`;
    });
}

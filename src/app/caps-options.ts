// The caps of the configuration as the scheduler is told them: of two that speak of one thing the smaller counts.
import type { Config } from '../config/config.ts';
import {
  DEFAULT_CAPS,
  type LaneCaps,
  type MeterCaps,
  type OwnerCaps,
  type ProviderPolicy,
} from '../scheduler/options.ts';

type Provider = Config['providers'][string];
type Own = Config['caps'];
type Written = Partial<Pick<Own, 'connections' | 'newConnections' | 'rate' | 'burst'>>;
type WrittenRate = NonNullable<Own['rate']>[number];

export function meterCapsOf({ connections, newConnections, rate, burst }: Written): MeterCaps {
  return {
    ...(connections !== undefined && { connections }),
    ...(newConnections !== undefined && { newConnections }),
    ...(rate !== undefined && { rates: rate }),
    ...(burst !== undefined && { burst }),
  };
}

export function ownerCapsOf(written: Pick<Written, 'rate' | 'burst'>): { readonly caps?: OwnerCaps } {
  return written.rate === undefined ? {} : { caps: meterCapsOf(written) };
}

/** Of lanes to sites that are of no provider: what sending.yaml says, then the provider `default`. */
export function defaultLaneCaps({ caps, providers }: Pick<Config, 'caps' | 'providers'>): LaneCaps {
  const known = providers['default']?.ceiling;
  const connections = caps.connections ?? known?.connections ?? DEFAULT_CAPS.connections;
  return {
    ...meterCapsOf(caps),
    connections,
    // One site alone is never held back by it.
    connectionsPerAddress: caps.connectionsPerAddress ?? 2 * connections,
    deliveriesPerConnection:
      caps.deliveriesPerConnection ?? known?.deliveriesPerConnection ?? DEFAULT_CAPS.deliveriesPerConnection,
    recipientsPerTransaction: caps.recipientsPerTransaction,
  };
}

export function providerPolicyOf(provider: Provider, own: Own): ProviderPolicy {
  const { lanes = 'shared', start, ceiling, caps, group } = provider;
  const connections = least(own.connections, ceiling.connections);
  const deliveriesPerConnection = least(own.deliveriesPerConnection, ceiling.deliveriesPerConnection);
  const recipientsPerTransaction = least(own.recipientsPerTransaction, provider.recipientsPerTransaction);
  const connectionsPerAddress = least(own.connectionsPerAddress, caps.connectionsPerAddress);
  const newConnections = slowest([own.newConnections, caps.newConnections]);
  const rates = [...(own.rate ?? []), ...(caps.rate ?? []), ...(ceiling.rate === undefined ? [] : [ceiling.rate])];
  const burst = caps.burst ?? own.burst;
  return {
    lanes,
    caps: {
      ...(connections !== undefined && { connections }),
      ...(deliveriesPerConnection !== undefined && { deliveriesPerConnection }),
      ...(recipientsPerTransaction !== undefined && { recipientsPerTransaction }),
      ...(connectionsPerAddress !== undefined && { connectionsPerAddress }),
      ...(newConnections !== undefined && { newConnections }),
      ...(rates.length > 0 && { rates: byPeriod(rates) }),
      ...(burst !== undefined && { burst }),
    },
    group: meterCapsOf(group),
    start: {
      ...(start.connections !== undefined && { connections: start.connections }),
      ...(start.rate !== undefined && { rate: start.rate }),
    },
    ...(provider.ipv6 === false && { ipv6: false }),
  };
}

function least(...given: readonly (number | undefined)[]): number | undefined {
  const known = given.filter((each) => each !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function slowest(given: readonly (WrittenRate | undefined)[]): WrittenRate | undefined {
  const known = given.filter((each) => each !== undefined);
  return known.toSorted((a, b) => a.count / a.perMs - b.count / b.perMs)[0];
}

/** Of rates with one period the smallest. */
function byPeriod(rates: readonly WrittenRate[]): readonly WrittenRate[] {
  const periods = new Map<number, WrittenRate>();
  for (const rate of rates) {
    const known = periods.get(rate.perMs);
    if (known === undefined || rate.count < known.count) periods.set(rate.perMs, rate);
  }
  return [...periods.values()];
}

// Which caps, budgets and suspensions hold for mail that goes from these sources to one destination: for `explain`. Changes
// nothing.
import type { BudgetInForce, CapsInForce } from '../flow/explain.ts';
import type { SuspensionReport } from '../flow/lanes.ts';
import type { QueueName } from '../flow/spool.ts';
import type { CapFigure, CappedBy } from '../flow/wait.ts';
import { OTHER } from '../flow/warmup.ts';
import type { Budgets } from './budgets.ts';
import type { Destination } from './destination.ts';
import { campaignScope } from './held-back.ts';
import type { MeterCaps } from './options.ts';
import type { Settings } from './settings.ts';
import { type Suspensions, suspensionReport } from './suspensions.ts';

/** Sending domains that are named at most. */
const SUSPENSIONS_MAX = 20;

export function capsInForce(
  settings: Settings,
  { name, provider = OTHER }: Destination,
  sources: readonly string[],
  { tenant, stream }: QueueName,
): readonly CapsInForce[] {
  const lane = settings.laneCaps(provider === OTHER ? undefined : provider);
  const { deliveriesPerConnection } = lane;
  const found: CapsInForce[] = [{ ...capsOf('lane', name, lane), deliveriesPerConnection }];
  const add = (by: CappedBy, whose: string, caps: MeterCaps | undefined): void => {
    if (caps !== undefined) found.push(capsOf(by, whose, caps));
  };
  const { connectionsPerAddress: connections } = lane;
  if (connections !== undefined) add('address', '(each)', { connections });
  add('provider', provider, settings.groupCaps(provider));
  for (const source of sources) add('source', source, settings.sourceCaps(source));
  add('tenant', tenant, settings.ownerCaps('tenant').get(tenant));
  add('stream', stream, settings.ownerCaps('stream').get(stream));
  add('host', 'host', { connections: settings.caps.totalConnections });
  return found.filter(({ figures }) => figures.length > 0);
}

export function budgetsInForce(
  budgets: Budgets,
  { provider = OTHER }: Destination,
  sources: readonly string[],
): readonly BudgetInForce[] {
  return sources.flatMap((source) =>
    budgets.look(source, provider).flatMap(({ budget, provider: whose, used, until, mayGo }) => {
      if (budget === undefined) return [];
      return [{ source, provider: whose, used, budget, ...(!mayGo && until !== undefined && { until }) }];
    }),
  );
}

export function suspensionsInForce(
  suspensions: Suspensions,
  { name, provider }: Destination,
  sources: readonly string[],
  { tenant, campaign, from }: QueueName,
  now: number,
): readonly SuspensionReport[] {
  const named = (['lane', 'source+provider'] as const).flatMap((what) => {
    const where = what === 'lane' ? name : (provider ?? name);
    return sources.flatMap((source) => suspensions.find(what, `${source}/${where}`) ?? []);
  });
  const ofCampaign = campaign === '' ? undefined : suspensions.find('campaign', campaignScope(tenant, campaign));
  const where = `/${provider ?? name}`;
  const ofDomains = [...suspensions.all].filter(
    (each) =>
      each.what === 'sending-domain+provider' &&
      (from === undefined ? each.name.endsWith(where) : each.name === `${from}${where}`),
  );
  return [...named, ...(ofCampaign === undefined ? [] : [ofCampaign]), ...ofDomains]
    .slice(0, sources.length + SUSPENSIONS_MAX)
    .map((suspension) => suspensionReport(suspension, now));
}

function capsOf(
  by: CappedBy,
  name: string,
  { connections, newConnections, rates = [], burst }: MeterCaps,
): CapsInForce {
  const figures: CapFigure[] = [
    ...(connections === undefined ? [] : [{ cap: 'connections', count: connections } as const]),
    ...(newConnections === undefined ? [] : [{ cap: 'new_connections', ...newConnections } as const]),
    ...rates.map((rate) => ({ cap: 'rate', ...rate }) as const),
  ];
  return { by, name, figures, ...(burst !== undefined && { burst }) };
}

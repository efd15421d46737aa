// What would happen now to a message for one address: by which rule it goes, from which pool and lanes, and what would
// hold it back. Asks DNS, changes nothing.
import type { Domain as DomainName } from '../flow/message.ts';
import type { Explained, ExplainQuestion } from '../flow/explain.ts';
import type { LaneOperations, LaneReport } from '../flow/lanes.ts';
import type { Route, Router } from '../flow/route.ts';
import type { QueueName } from '../flow/spool.ts';
import type { Suppression } from '../flow/suppression.ts';
import type { Destinations } from './destinations.ts';
import type { Marks } from './marks.ts';
import type { ProviderOf } from './options.ts';
import { configured } from './routes.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';
import type { Suppressions } from './suppressions.ts';

export interface ExplainDeskDeps {
  readonly router: Router;
  readonly providerOf?: ProviderOf | undefined;
  readonly settings: Settings;
  readonly sources: Sources;
  readonly marks: Marks;
  readonly suppressions: Suppressions;
  readonly destinations: Destinations;
  readonly lanes: LaneOperations;
}

export class ExplainDesk {
  readonly #deps: ExplainDeskDeps;

  constructor(deps: ExplainDeskDeps) {
    this.#deps = deps;
  }

  async explain({ address, tenant, stream, campaign, pool }: ExplainQuestion): Promise<Explained> {
    const { settings, sources } = this.#deps;
    const domain = address.slice(address.lastIndexOf('@') + 1) as DomainName;
    const name: QueueName = { pool, domain, stream, tenant, campaign };
    const { rule } = settings.route(name);
    const from = settings.poolOf(name, rule);
    const { target } = rule;
    const route: Route =
      target.to === 'mx' ? (await this.#deps.router.resolve(domain, target)).route : configured(rule.name, target);
    const hosts = route.kind === 'relay' ? route.hosts.map((host) => `${host.name}:${host.port}`) : [];
    const provider =
      route.kind === 'relay'
        ? this.#deps.providerOf?.(
            target.to === 'hosts' ? '' : domain,
            route.hosts.map((host) => host.name),
          )
        : undefined;
    const members = sources.tiers(from).flat();
    const lanes = route.kind === 'relay' ? await this.#lanes(route.site, provider, members) : [];
    const known = {
      address,
      domain,
      tenant,
      stream,
      pool: from,
      route: rule.name,
      hosts,
      ...(route.kind === 'relay' && { site: route.site }),
      ...(provider !== undefined && { provider }),
      sources: members.map(({ source }) => source.name),
      lanes,
    };
    const suppressions = this.#deps.suppressions.of(address).filter((entry) => isAbout(entry, tenant, stream));
    const verdict = this.#verdict(name, route, known, suppressions);
    return { ...known, suppressions, verdict };
  }

  /** Those that have something to tell: of the others nothing was sent yet. */
  async #lanes(
    site: string,
    provider: string | undefined,
    members: readonly { readonly source: { readonly name: string } }[],
  ): Promise<readonly LaneReport[]> {
    const found: LaneReport[] = [];
    const { name } = this.#deps.destinations.of({ site }, provider);
    for (const { source } of members) {
      const lane = await this.#deps.lanes.lane(`${source.name}/${name}`);
      if (lane !== undefined) found.push(lane);
    }
    return found;
  }

  /** One sentence: what would happen, and when. */
  #verdict(
    name: QueueName,
    route: Route,
    { pool, route: rule, hosts, lanes, sources }: Pick<Explained, 'pool' | 'route' | 'hosts' | 'lanes' | 'sources'>,
    [entry]: readonly Suppression[],
  ): string {
    const { marks, settings } = this.#deps;
    if (entry !== undefined) return `it ends as suppressed: ${entry.reason}, ${entry.scope}`;
    const mark = marks.any ? marks.pauseOf(name, pool, rule) : undefined;
    if (mark !== undefined) return `it is held: paused: ${mark}`;
    const unknown = settings.unknownName(name, settings.route(name).rule);
    if (unknown !== undefined) return `it is held: nobody knows ${unknown}`;
    if (route.kind === 'discard') return `it is thrown away by the route ${route.rule}`;
    if (route.kind === 'unroutable') return `it fails at once: ${route.code} ${route.enhanced} ${route.text}`;
    if (route.kind === 'no-name')
      return 'it waits: the domain does not exist, and is asked once more before mail fails';
    if (route.kind === 'unknown') return `it waits: DNS: ${route.text}`;
    if (sources.length === 0) return `it waits: no source of pool ${pool} may send`;
    const stopped = lanes.filter(({ suspension }) => suspension !== undefined);
    const [first] = stopped;
    if (first !== undefined && stopped.length === sources.length) return `it waits: ${first.limitedBy}`;
    const from = sources.find((source) => stopped.every((lane) => lane.source !== source));
    return `it goes now, from ${from} to ${hosts[0]}, once its turn comes`;
  }
}

function isAbout({ scope }: Suppression, tenant: string, stream: string): boolean {
  return scope === 'global' || scope === `tenant/${tenant}` || scope === `stream/${tenant}/${stream}`;
}

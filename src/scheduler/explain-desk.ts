// What would happen now to a message for one address: by which rule it goes, from which pool and lanes, and what would
// hold it back. Asks DNS, changes nothing.
import type { Clock } from '../base/clock.ts';
import type { Domain as DomainName, Mailbox } from '../flow/message.ts';
import type { Explained, ExplainQuestion } from '../flow/explain.ts';
import type { LaneOperations, LaneReport } from '../flow/lanes.ts';
import type { Route, Router, RouteRule } from '../flow/route.ts';
import type { QueueName } from '../flow/spool.ts';
import type { Suppression } from '../flow/suppression.ts';
import type { Wait } from '../flow/wait.ts';
import { waitSentence } from '../flow/wait-words.ts';
import { NOT_ALLOWED } from '../policy/route-choice.ts';
import type { Budgets } from './budgets.ts';
import { budgetsInForce, capsInForce, suspensionsInForce } from './caps-in-force.ts';
import { type Destination, relayKeyOf } from './destination.ts';
import type { Destinations } from './destinations.ts';
import type { ProviderOf } from './options.ts';
import { suspensionWait } from './lane-waits.ts';
import { configured } from './routes.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';
import type { Suppressions } from './suppressions.ts';
import type { Suspensions } from './suspensions.ts';
import type { Waits } from './waits.ts';

export interface ExplainDeskDeps {
  readonly router: Router;
  readonly providerOf?: ProviderOf | undefined;
  readonly settings: Settings;
  readonly sources: Sources;
  readonly suppressions: Suppressions;
  readonly destinations: Destinations;
  readonly budgets: Budgets;
  readonly suspensions: Suspensions;
  readonly waits: Waits;
  readonly clock: Clock;
  readonly lanes: LaneOperations;
}

export class ExplainDesk {
  readonly #deps: ExplainDeskDeps;

  constructor(deps: ExplainDeskDeps) {
    this.#deps = deps;
  }

  async explain({ address, tenant, stream, campaign, pool, from: sender }: ExplainQuestion): Promise<Explained> {
    const { settings, sources } = this.#deps;
    const domain = address.slice(address.lastIndexOf('@') + 1) as DomainName;
    const name: QueueName = {
      pool,
      domain,
      stream,
      tenant,
      campaign,
      ...(sender !== '' && { from: sender as DomainName }),
    };
    const rule = this.#rule(name, address);
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
    const destination = route.kind === 'relay' ? this.#deps.destinations.of(route, provider) : undefined;
    const named = members.map(({ source }) => source.name);
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
      sources: named,
      lanes: destination === undefined ? [] : await this.#lanes(destination, named),
      ...this.#inForce(destination, named, name),
    };
    const suppressions = this.#deps.suppressions.of(address).filter((entry) => isAbout(entry, tenant, stream));
    const wait = suppressions.length > 0 ? undefined : this.#wait(name, rule, route, destination, from);
    const verdict = this.#verdict(route, known, suppressions, wait);
    return { ...known, suppressions, ...(wait !== undefined && { wait }), verdict };
  }

  /** Where only some mailboxes of a domain may be written to, the address decides. */
  #rule(name: QueueName, address: string): RouteRule {
    const { settings } = this.#deps;
    const { rule, isPartlyAllowed } = settings.route(name);
    const mayWrite = !isPartlyAllowed || settings.mayWriteTo({ mailbox: address as Mailbox, domain: name.domain });
    return mayWrite ? rule : NOT_ALLOWED;
  }

  #inForce(
    destination: Destination | undefined,
    named: readonly string[],
    name: QueueName,
  ): Pick<Explained, 'caps' | 'budgets' | 'suspensions'> {
    if (destination === undefined) return { caps: [], budgets: [], suspensions: [] };
    const { settings, budgets, suspensions, clock } = this.#deps;
    return {
      caps: capsInForce(settings, destination, named, name),
      budgets: budgetsInForce(budgets, destination, named),
      suspensions: suspensionsInForce(suspensions, destination, named, name, clock.now()),
    };
  }

  /** Those that have something to tell: of the others nothing was sent yet. */
  async #lanes({ name }: Destination, sources: readonly string[]): Promise<readonly LaneReport[]> {
    const found: LaneReport[] = [];
    for (const source of sources) {
      const lane = await this.#deps.lanes.lane(`${source}/${name}`);
      if (lane !== undefined) found.push(lane);
    }
    return found;
  }

  /** undefined: it does not wait. */
  #wait(
    name: QueueName,
    rule: RouteRule,
    route: Route,
    destination: Destination | undefined,
    pool: string,
  ): Wait | undefined {
    const { waits, suspensions, clock } = this.#deps;
    const held = waits.ofName(undefined, name, rule);
    if (held !== undefined) return held;
    if (route.kind === 'no-name') {
      return { for: 'dns-again', text: 'the domain does not exist, and is asked once more before mail fails' };
    }
    if (route.kind === 'unknown') return { for: 'dns-again', text: route.text };
    if (route.kind !== 'relay' || destination === undefined) return undefined;
    const sender = `${name.from}/${destination.provider ?? destination.name}`;
    const ofSender = suspensions.find('sending-domain+provider', sender);
    if (ofSender !== undefined) return suspensionWait(ofSender, clock.now());
    const { site } = route;
    const wait = waits.ofPlace({ destination, site, relayKey: relayKeyOf(route) }, name, undefined, pool);
    return wait.for === 'turn' ? undefined : wait;
  }

  /** One sentence: what would happen, and when. */
  #verdict(
    route: Route,
    { hosts, sources, suspensions }: Pick<Explained, 'hosts' | 'sources' | 'suspensions'>,
    [entry]: readonly Suppression[],
    wait: Wait | undefined,
  ): string {
    if (entry !== undefined) return `it ends as suppressed: ${entry.reason}, ${entry.scope}`;
    if (wait !== undefined) return waitSentence(wait, this.#deps.clock.now());
    if (route.kind === 'discard') return `it is thrown away by the route ${route.rule}`;
    if (route.kind === 'unroutable') return `it fails at once: ${route.code} ${route.enhanced} ${route.text}`;
    const isStopped = (source: string): boolean => suspensions.some(({ name }) => name.startsWith(`${source}/`));
    return `it goes now, from ${sources.find((one) => !isStopped(one)) ?? sources[0]} to ${hosts[0]}, once its turn comes`;
  }
}

function isAbout({ scope }: Suppression, tenant: string, stream: string): boolean {
  return scope === 'global' || scope === `tenant/${tenant}` || scope === `stream/${tenant}/${stream}`;
}

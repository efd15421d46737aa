// What is known of routes: domains by name, and the questions to the router. A domain is asked about once for
// each target that rules have for it, however much of it waits; while its route is unknown it sleeps, and one delivery
// tells why. Where the rule names the hosts, or throws away, nobody is asked.
import type { Random } from '../base/random.ts';
import { InvariantError } from '../base/errors.ts';
import type { Domain as DomainName } from '../flow/message.ts';
import type { Relay, RouteAnswer, Router, RouteTarget } from '../flow/route.ts';
import { backOffMs } from '../policy/retry-plan.ts';
import type { RouteChoice } from '../policy/route-choice.ts';
import { type Destination, relayKeyOf } from './destination.ts';
import type { Destinations } from './destinations.ts';
import { Domain, type KnownRoute } from './domain.ts';
import type { DueTime } from './due-time.ts';
import type { ProviderOf } from './options.ts';
import type { NoNames } from './no-names.ts';
import type { Settings } from './settings.ts';
import type { Wakes } from './wakes.ts';

export interface RoutesDeps {
  readonly router: Router;
  readonly time: DueTime;
  readonly random: Random;
  readonly wakes: Wakes;
  readonly settings: Settings;
  readonly noNames: NoNames;
  readonly destinations: Destinations;
  readonly providerOf?: ProviderOf | undefined;
  /** The destination of this domain may change: its queues leave the order of the old one. */
  readonly onLeave: (domain: Domain) => void;
  /** The route of this domain is known now: its queues may go on. */
  readonly onKnown: (domain: Domain) => void;
  /** The route could not be found out: the delivery at hand is deferred with these words. */
  readonly onUnknown: (domain: Domain, text: string) => void;
  /** It may be asked about again. */
  readonly onAskable: (domain: Domain) => void;
}

/** An answer is kept at least so long: a TTL of 0 must not mean a question per delivery. */
const TTL_MS_MIN = 1000;
const NO_SUCH_DOMAIN: KnownRoute = {
  kind: 'unroutable',
  code: 550,
  enhanced: '5.1.2',
  text: 'the domain does not exist (asked twice)',
};
const NO_SUCH_DOMAIN_TTL_MS = 60_000;

export class Routes {
  readonly #deps: RoutesDeps;
  /** By name, each the first of a chain: nearly always there is one. */
  readonly #domains = new Map<DomainName, Domain>();
  #known = 0;
  readonly #line: Domain[] = [];
  #asking = 0;
  /** Domains at the last look for forgettable ones. */
  #sweepAt: number;

  constructor(deps: RoutesDeps) {
    this.#deps = deps;
    this.#sweepAt = deps.settings.limits.idleDomainsMax;
  }

  /** A routing domain, once for each target that rules have for it. */
  *named(name: DomainName): Generator<Domain> {
    for (let domain = this.#domains.get(name); domain !== undefined; domain = domain.next) yield domain;
  }

  /** Where routes lead it to several places, the first of which is known; before that its name alone tells. */
  providerOf(name: DomainName): string | undefined {
    for (const domain of this.named(name)) if (domain.route.state === 'known') return domain.provider;
    return this.#deps.providerOf?.(name, []);
  }

  domain(name: DomainName, choice: RouteChoice): Domain {
    for (let known = this.#domains.get(name); known !== undefined; known = known.next) {
      if (known.key === choice.key) return known;
    }
    if (this.#known >= this.#sweepAt) this.#sweep();
    const domain = new Domain(name, choice, (woken) => this.#woken(woken));
    domain.next = this.#domains.get(name);
    this.#domains.set(name, domain);
    this.#known++;
    return domain;
  }

  /** Asks, unless it is being asked or sleeps. `onKnown` or `onUnknown` follows. */
  want(domain: Domain): void {
    const now = this.#deps.time.now();
    const { route } = domain;
    if (route.state === 'asking' || route.state === 'line') return;
    if (route.state === 'unknown' && route.until > now) {
      this.#deps.wakes.set(domain, route.until);
      return;
    }
    if (domain.freshRoute(now) !== undefined) {
      this.#deps.onKnown(domain);
      return;
    }
    const { target } = domain.rule;
    if (target.to !== 'mx') {
      this.#take(domain, { domain: domain.name, route: configured(domain.rule.name, target), ttlMs: Infinity });
      return;
    }
    if (this.#asking >= this.#deps.settings.limits.questionsMax) {
      domain.route = { state: 'line' };
      this.#line.push(domain);
      return;
    }
    this.#ask(domain);
  }

  /** An operator asks to try now: what sleeps wakes. */
  rouse(domain: Domain): void {
    if (domain.route.state === 'unknown') domain.route = { state: 'unasked' };
    for (const lane of domain.destination?.lanes.values() ?? []) {
      const reach = lane.findReach(domain.site);
      if (reach !== undefined) reach.openAfter = 0;
    }
    this.#deps.onAskable(domain);
    domain.destination?.wake();
  }

  /** After a reload every route is asked again. */
  forgetAll(): void {
    for (const domain of this.#all()) {
      if (domain.route.state === 'known' || domain.route.state === 'unknown') domain.route = { state: 'unasked' };
    }
  }

  *#all(): Generator<Domain> {
    for (const name of this.#domains.keys()) yield* this.named(name);
  }

  #ask(domain: Domain): void {
    const { target } = domain.rule;
    if (target.to !== 'mx') throw new InvariantError('only what goes by MX is asked about');
    domain.route = { state: 'asking' };
    this.#asking++;
    this.#deps.router.resolve(domain.name, target).then(
      (answer) => {
        this.#asking--;
        this.#take(domain, answer);
        const next = this.#line.shift();
        if (next !== undefined) this.#ask(next);
      },
      (error: unknown) => {
        throw new InvariantError('a router never rejects', { cause: error });
      },
    );
  }

  #take(domain: Domain, answer: RouteAnswer): void {
    const { time, noNames, onLeave, random } = this.#deps;
    const now = time.now();
    onLeave(domain);
    if (answer.route.kind === 'no-name') {
      const failsAt = noNames.met(domain.name);
      if (failsAt <= now) this.#learn(domain, NO_SUCH_DOMAIN, now + NO_SUCH_DOMAIN_TTL_MS);
      else this.#unknown(domain, 'the domain does not exist; it is asked once more', failsAt);
      return;
    }
    if (answer.route.kind === 'unknown') {
      const until = now + Math.max(1, backOffMs(this.#planOf(domain), domain.failures + 1, random));
      this.#unknown(domain, answer.route.text, until);
      return;
    }
    if (domain.rule.target.to === 'mx') noNames.exists(domain.name);
    this.#learn(domain, answer.route, now + Math.max(TTL_MS_MIN, answer.ttlMs));
  }

  #planOf({ queues }: Domain): readonly number[] {
    return this.#deps.settings.soonestPlan(Array.from(queues, ({ name }) => name.stream));
  }

  /** It sleeps until then, and one delivery tells why. */
  #unknown(domain: Domain, text: string, until: number): void {
    domain.failures++;
    domain.lastFailure = text;
    this.#join(domain, undefined);
    domain.route = { state: 'unknown', text, until };
    this.#deps.wakes.set(domain, until);
    this.#deps.onUnknown(domain, text);
  }

  #learn(domain: Domain, route: KnownRoute, until: number): void {
    domain.failures = 0;
    domain.lastFailure = undefined;
    domain.route = { state: 'known', route, until };
    const relay = route.kind === 'relay' ? route : undefined;
    domain.provider = this.#recognised(domain, relay);
    this.#join(domain, relay && this.#deps.destinations.of(relay, domain.provider));
    domain.site = relay?.site ?? '';
    domain.relayKey = relay === undefined ? '' : relayKeyOf(relay);
    this.#deps.onKnown(domain);
  }

  /** Hosts that a route names are known by their names alone: a smart host is not the provider of who gets the mail. */
  #recognised({ name, rule }: Domain, relay: Relay | undefined): string | undefined {
    const hosts = relay?.hosts.map((host) => host.name) ?? [];
    return this.#deps.providerOf?.(rule.target.to === 'hosts' ? '' : name, hosts);
  }

  #join(domain: Domain, destination: Destination | undefined): void {
    if (domain.destination === destination) return;
    if (domain.destination !== undefined) domain.destination.domains--;
    if (destination !== undefined) destination.domains++;
    domain.destination = destination;
  }

  #woken(domain: Domain): void {
    const { route } = domain;
    if (route.state !== 'unknown') return;
    if (route.until > this.#deps.time.now()) this.#deps.wakes.set(domain, route.until);
    else this.#deps.onAskable(domain);
  }

  /** Forgets domains and destinations of which nothing waits. Looked for only when their number has grown by half again. */
  #sweep(): void {
    const now = this.#deps.time.now();
    for (const name of Array.from(this.#domains.keys())) {
      const chain = [...this.named(name)];
      const kept = chain.filter((domain) => this.#isNeeded(domain));
      if (kept.length === chain.length) continue;
      for (const domain of chain) if (!this.#isNeeded(domain)) this.#join(domain, undefined);
      this.#known -= chain.length - kept.length;
      const [first] = kept;
      for (const [at, domain] of kept.entries()) domain.next = kept[at + 1];
      if (first === undefined) this.#domains.delete(name);
      else this.#domains.set(name, first);
    }
    this.#deps.destinations.sweep(now);
    this.#sweepAt = Math.max(this.#deps.settings.limits.idleDomainsMax, Math.ceil(this.#known * 1.5));
  }

  #isNeeded({ queues, route }: Domain): boolean {
    return queues.size > 0 || route.state === 'asking' || route.state === 'line';
  }
}

/** The route of a rule that needs no DNS. */
export function configured(name: string, target: Exclude<RouteTarget, { to: 'mx' }>): KnownRoute {
  if (target.to === 'discard') return { kind: 'discard', rule: name };
  const { hosts, tls, credentials } = target;
  const site = hosts.map((host) => `${host.name}:${host.port}`).join(',');
  const relay: Relay = { kind: 'relay', site, hosts, tls, explicit: true };
  return credentials === undefined ? relay : { ...relay, credentials };
}

// Where mail of one routing domain goes. Routing is a state of the domain: asked once, kept with a time to live.
import type { Domain } from './message.ts';

export interface Host {
  /** Name as in the MX record or the route, or an address. */
  readonly name: string;
  readonly port: number;
}

export interface TlsPolicy {
  /** none: never STARTTLS · opportunistic: when offered, certificate not checked · required: no TLS, no mail. */
  readonly level: 'none' | 'opportunistic' | 'required';
  /** TLS from the first octet (port 465 of a smart host). */
  readonly implicit?: boolean;
}

/** A route that mail can be sent along. */
export interface Relay {
  readonly kind: 'relay';
  /**
   * Names the set of hosts and where they are spoken to: MX host names (`host:port` where that is not 25) sorted and joined
   * by ',', or `host:port` of the route in its order.
   */
  readonly site: string;
  /** Best first; equal MX preferences already shuffled. Never empty. */
  readonly hosts: readonly Host[];
  readonly tls: TlsPolicy;
  /** The route names its host itself, so loopback and private addresses are allowed. */
  readonly explicit: boolean;
  /** Name of the credentials of a smart host in the configuration; the secret itself never travels. */
  readonly credentials?: string;
}

export type Route =
  | Relay
  /** Taken and thrown away as the configuration says; settled as delivered, with the rule's name. */
  | { readonly kind: 'discard'; readonly rule: string }
  /** The domain says it takes no mail (null MX, RFC 7505). Fails the delivery. */
  | { readonly kind: 'unroutable'; readonly code: number; readonly enhanced: string; readonly text: string }
  /** DNS says that there is no such domain (NXDOMAIN). Once it defers, said again 15 min later it fails. */
  | { readonly kind: 'no-name' }
  /** DNS did not answer usefully. Defers. */
  | { readonly kind: 'unknown'; readonly text: string };

export interface RouteAnswer {
  readonly domain: Domain;
  readonly route: Route;
  /** ms from now for which the answer may be kept. */
  readonly ttlMs: number;
}

/** Ask the domain's MX. */
export interface MxTarget {
  readonly to: 'mx';
  /** Default 25. */
  readonly port?: number;
  readonly tls: TlsPolicy;
  /** Hosts found by MX may have loopback, private or own addresses (a lab, an internal DNS). Default false. */
  readonly anyAddress?: boolean;
}

/**
 * Asks DNS. The question carries what its rule says, so who answers needs no rules. Never rejects: failures are routes
 * of kind 'unknown'.
 */
export interface Router {
  resolve(domain: Domain, via: MxTarget): Promise<RouteAnswer>;
}

/** What a rule of the route table does with its mail. */
export type RouteTarget =
  | MxTarget
  /** Always these hosts, best first. */
  | { readonly to: 'hosts'; readonly hosts: readonly Host[]; readonly tls: TlsPolicy; readonly credentials?: string }
  | { readonly to: 'discard' };

export interface RouteRule {
  readonly name: string;
  /** `example.org` (that domain alone), `*.example.org` (every domain below it) or `*`; A-labels, lower case. */
  readonly domain: string;
  /** Only mail of one of these; absent: of any. */
  readonly tenants?: readonly string[];
  readonly streams?: readonly string[];
  readonly campaigns?: readonly string[];
  /** Forms as of `domain`. Only mail whose From domain a route named when it was accepted (`Message.byFrom`). */
  readonly fromDomains?: readonly string[];
  /** Sent from this pool, whatever the message names. */
  readonly pool?: string;
  readonly target: RouteTarget;
}

/**
 * Plain data. Of the rules whose conditions all hold, that of the exact domain wins, then of the longest suffix, then of
 * `*`; of equal ones the first. What no rule names goes by MX, port 25, opportunistic TLS.
 */
export interface RouteTable {
  readonly rules: readonly RouteRule[];
  /**
   * Mailboxes (lower case, domain in A-labels) and domains, forms as above. Set, even to nothing: every other recipient
   * is discarded by the rule `allow`, before any rule.
   */
  readonly allow?: readonly string[];
}

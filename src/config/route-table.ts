// The routes of sending.yaml as the records that routing works with.
import type { RouteRule, RouteTable, RouteTarget, TlsPolicy } from '../flow/route.ts';
import type { Config } from './config.ts';
import type { RouteSetting } from './schema-routes.ts';

/** One rule per domain, in the order of the file; a route without a name is called by its place, as in `routes[2]`. */
export function routeTableOf(config: Pick<Config, 'routes' | 'allow'>): RouteTable {
  const rules = config.routes.flatMap((route, at): RouteRule[] => {
    const { name = `routes[${at}]`, domains, tenants, streams, campaigns, fromDomains, pool } = route;
    const target = targetOf(route);
    return domains.map((domain) => ({
      name,
      domain,
      ...(tenants === undefined ? {} : { tenants }),
      ...(streams === undefined ? {} : { streams }),
      ...(campaigns === undefined ? {} : { campaigns }),
      ...(fromDomains === undefined ? {} : { fromDomains }),
      ...(pool === undefined ? {} : { pool }),
      target,
    }));
  });
  return { rules, ...(config.allow === undefined ? {} : { allow: config.allow }) };
}

/** Every form of a From domain that a route names, once. */
export function fromRoutesOf({ routes }: Pick<Config, 'routes'>): readonly string[] {
  return [...new Set(routes.flatMap(({ fromDomains }) => fromDomains ?? []))];
}

function targetOf(route: RouteSetting): RouteTarget {
  const tls: TlsPolicy = route.tls === 'implicit' ? { level: 'required', implicit: true } : { level: route.tls };
  const { to, port, credentials } = route;
  if (to.kind === 'discard') return { to: 'discard' };
  if (to.kind === 'mx') {
    return { to: 'mx', ...(port === undefined ? {} : { port }), tls, anyAddress: route.privateAddresses };
  }
  const hosts = to.hosts.map((host) => ({ name: host.host, port: host.port }));
  return { to: 'hosts', hosts, tls, ...(credentials === undefined ? {} : { credentials }) };
}

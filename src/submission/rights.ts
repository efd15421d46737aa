// What a user may do, asked of the user's own record. Pure.
import { domainMatches } from '../mail/domain.ts';
import { Networks } from './networks.ts';
import type { SubmissionOptions } from './options.ts';
import type { User } from './users.ts';

const compiled = new WeakMap<readonly string[], Networks>();

/** May this user log in from `address`? */
export function mayComeFrom(user: User, address: string): boolean {
  if (user.networks === undefined) return true;
  let networks = compiled.get(user.networks);
  if (networks === undefined) {
    networks = new Networks(user.networks);
    compiled.set(user.networks, networks);
  }
  return networks.has(address);
}

/** Does a route in force tell this From domain from others? */
export function isRoutedByFrom(options: Pick<SubmissionOptions, 'fromRoutes'>, domain: string | undefined): boolean {
  const { fromRoutes = [] } = options;
  return domain !== undefined && fromRoutes.some((rule) => domainMatches(domain, rule));
}

/** May this user write as `domain`? */
export function mayUseDomain(user: User, domain: string): boolean {
  return user.domains === undefined || user.domains.some((rule) => domainMatches(domain, rule));
}

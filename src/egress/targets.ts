// The addresses a session may try, in order: hosts best first, each address once, those of a forbidden range left out.
// DNS is asked host by host, only as far as it is needed.
import type { Random } from '../base/random.ts';
import type { AttemptError, Source } from '../flow/attempt.ts';
import type { Host, Relay } from '../flow/route.ts';
import { canonicalAddress, isAddress, whyForbidden } from '../net/address.ts';
import type { Resolver } from '../net/resolver.ts';

export interface Candidate {
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

/** Why a host gave no candidate. */
export interface NoCandidate {
  readonly host: string;
  readonly port: number;
  readonly address?: string;
  readonly error: AttemptError;
}

export interface TargetDeps {
  readonly resolver: Resolver;
  readonly random: Random;
  /** Canonical forms of the host's own addresses. */
  readonly own: () => ReadonlySet<string>;
}

export async function* targetsOf(
  relay: Relay,
  source: Source,
  deps: TargetDeps,
): AsyncGenerator<Candidate | NoCandidate> {
  const seen = new Set<string>();
  for (const { name: host, port } of relay.hosts) {
    const found = await addressesOf({ name: host, port }, relay.explicit, source, deps);
    if (!Array.isArray(found)) {
      yield { host, port, error: found };
      continue;
    }
    for (const address of found) {
      const key = `${canonicalAddress(address)}:${port}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const why = relay.explicit ? undefined : whyForbidden(address, deps.own());
      if (why === undefined) yield { host, address, port };
      else
        yield { host, port, address, error: { kind: 'forbidden-address', text: `${host} is at ${address}: ${why}` } };
    }
  }
}

async function addressesOf(
  host: Host,
  isExplicit: boolean,
  source: Source,
  { resolver, random }: TargetDeps,
): Promise<string[] | AttemptError> {
  const families = familiesOf(source);
  // Only a route may name an address; one that came by DNS as a host name was dropped by the router.
  if (isExplicit && isAddress(host.name)) return [host.name];
  // RFC 6761 section 6.3, for smart hosts on this machine.
  if (isExplicit && host.name === 'localhost') return families.map((family) => (family === 4 ? '127.0.0.1' : '::1'));
  const looked = await Promise.all(families.map((family) => resolver.addresses(host.name, family)));
  const addresses = looked.flatMap((one) => (one.found === 'records' ? shuffled(one.records, random) : []));
  if (addresses.length > 0) return addresses;
  const trouble = looked.find((one) => one.found === 'trouble');
  if (trouble?.found === 'trouble') return { kind: 'timeout', text: trouble.text };
  return { kind: 'unreachable', text: `${host.name} has no address` };
}

/** IPv4 first: receivers judge IPv6 senders harder, and many hosts have no IPv6 route. */
function familiesOf(source: Source): readonly (4 | 6)[] {
  if (source.address === undefined) return [4, 6];
  return source.address.includes(':') ? [6] : [4];
}

function shuffled(addresses: readonly string[], random: Random): string[] {
  return addresses
    .map((address) => ({ address, lot: random.next() }))
    .toSorted((a, b) => a.lot - b.lot)
    .map(({ address }) => address);
}

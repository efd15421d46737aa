// The addresses a session may try, in order: hosts best first, each address once, those of a forbidden range left out,
// those of a family that does not work last. DNS is asked host by host, only as far as it is needed.
import type { Random } from '../base/random.ts';
import type { AttemptError, SessionGrant, Source } from '../flow/attempt.ts';
import type { Host } from '../flow/route.ts';
import { canonicalAddress, isAddress, whyForbidden } from '../net/address.ts';
import type { Resolver } from '../net/resolver.ts';
import type { BrokenFamilies, Family } from './broken-families.ts';

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
  readonly brokenFamilies: BrokenFamilies;
}

/** Addresses of a host's first family that come before one of its other: who can be reached by that alone is reached. */
const FIRST_FAMILY = 2;

export async function* targetsOf(
  { relay, source, without = [] }: Pick<SessionGrant, 'relay' | 'source' | 'without'>,
  deps: TargetDeps,
): AsyncGenerator<Candidate | NoCandidate> {
  const families = familiesOf(source).filter((family) => family === 4 || !without.includes('ipv6'));
  const { brokenFamilies } = deps;
  const late: { readonly host: Host; readonly families: readonly Family[] }[] = [];
  const seen = new Set<string>();
  const isFresh = ({ address, port }: Candidate): boolean => {
    const key = `${canonicalAddress(address)}:${port}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  };
  for (const host of relay.hosts) {
    const broken = families.filter((family) => brokenFamilies.isBroken(source, host.name, family));
    if (broken.length > 0) late.push({ host, families: broken });
    const whole = families.filter((family) => !broken.includes(family));
    if (whole.length === 0 && broken.length > 0) continue;
    yield* candidatesOf(host, whole, relay.explicit, broken.length > 0, isFresh, deps);
  }
  for (const { host, families: broken } of late)
    yield* candidatesOf(host, broken, relay.explicit, false, isFresh, deps);
}

/** `hasMore`: it has other families, which are tried later. */
async function* candidatesOf(
  { name: host, port }: Host,
  families: readonly Family[],
  isExplicit: boolean,
  hasMore: boolean,
  isFresh: (candidate: Candidate) => boolean,
  deps: TargetDeps,
): AsyncGenerator<Candidate | NoCandidate> {
  const found = await addressesOf(host, families, isExplicit, deps);
  if (!Array.isArray(found)) {
    if (!hasMore) yield { host, port, error: found };
    return;
  }
  for (const address of found) {
    const candidate = { host, address, port };
    if (!isFresh(candidate)) continue;
    const why = isExplicit ? undefined : whyForbidden(address, deps.own());
    if (why === undefined) yield candidate;
    else yield { ...candidate, error: { kind: 'forbidden-address', text: `${host} is at ${address}: ${why}` } };
  }
}

async function addressesOf(
  name: string,
  families: readonly Family[],
  isExplicit: boolean,
  { resolver, random }: TargetDeps,
): Promise<string[] | AttemptError> {
  // Only a route may name an address; one that came by DNS as a host name was dropped by the router.
  if (isExplicit && isAddress(name)) return [name];
  // RFC 6761 section 6.3, for smart hosts on this machine.
  if (isExplicit && name === 'localhost') return families.map((family) => (family === 4 ? '127.0.0.1' : '::1'));
  const looked = await Promise.all(families.map((family) => resolver.addresses(name, family)));
  const [first = [], second = []] = looked.map((one) => (one.found === 'records' ? shuffled(one.records, random) : []));
  const addresses = [
    ...first.slice(0, FIRST_FAMILY),
    ...second.slice(0, 1),
    ...first.slice(FIRST_FAMILY),
    ...second.slice(1),
  ];
  if (addresses.length > 0) return addresses;
  const trouble = looked.find((one) => one.found === 'trouble');
  if (trouble?.found === 'trouble') return { kind: 'timeout', text: trouble.text };
  const [only] = families;
  const kind = families.length === 1 ? `IPv${only} address` : 'address';
  return { kind: 'unreachable', text: families.length === 0 ? NO_FAMILY : `${name} has no ${kind}` };
}

const NO_FAMILY = 'IPv6 is off there, and the source has no IPv4 address';

export function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

/** IPv4 first: receivers judge IPv6 senders harder, and many hosts have no IPv6 route. */
function familiesOf({ address }: Source): readonly Family[] {
  return address === undefined ? [4, 6] : [familyOf(address)];
}

function shuffled(addresses: readonly string[], random: Random): string[] {
  return addresses
    .map((address) => ({ address, lot: random.next() }))
    .toSorted((a, b) => a.lot - b.lot)
    .map(({ address }) => address);
}

// Which addresses mail found by DNS is never sent to: loopback, private, link-local, our own and the like. Asked with
// the very address that is about to be connected, so that an answer of DNS cannot change in between.
import { isIP, isIPv4, isIPv6, SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';

interface Block {
  readonly prefix: readonly number[];
  readonly bits: number;
  readonly why: string;
}

const V4: readonly Block[] = [
  block([0], 8, 'this network'),
  block([10], 8, 'private'),
  block([100, 64], 10, 'shared address space'),
  block([127], 8, 'loopback'),
  block([169, 254], 16, 'link-local'),
  block([172, 16], 12, 'private'),
  block([192, 0, 0], 24, 'protocol assignments'),
  block([192, 88, 99], 24, '6to4 relay'),
  block([192, 168], 16, 'private'),
  block([198, 18], 15, 'benchmarking'),
  block([224], 4, 'multicast'),
  block([240], 4, 'reserved'),
];

const V6: readonly Block[] = [
  block([0x01], 8, 'discard or reserved'),
  block([0x20, 0x01, 0x00, 0x00], 32, 'Teredo'),
  block([0xfc], 7, 'private'),
  block([0xfe, 0x80], 10, 'link-local'),
  block([0xfe, 0xc0], 10, 'site-local'),
  block([0xff], 8, 'multicast'),
];

/** IPv6 that carries an IPv4 address: the inner one is asked. [prefix, octets before the inner address]. */
const CARRIERS: readonly (readonly [prefix: readonly number[], inner: number])[] = [
  [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 12], // mapped, RFC 4291
  [[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0], 12], // translated, RFC 2765
  [[0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], 12], // NAT64, RFC 6052
  [[0x20, 0x02], 2], // 6to4, RFC 3056
];

function block(prefix: readonly number[], bits: number, why: string): Block {
  return { prefix, bits, why };
}

/** Octets of an address in text; undefined when it is none. A zone (`%eth0`) is cut off. */
export function addressOctets(address: string): Uint8Array | undefined {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number);
  const [text = ''] = address.split('%');
  if (!isIPv6(text)) return undefined;
  const lastColon = text.lastIndexOf(':');
  const tail = text.slice(lastColon + 1);
  const inner = isIPv4(tail) ? tail.split('.').map(Number) : undefined;
  const hex = (a = 0, b = 0): string => ((a << 8) | b).toString(16);
  const whole =
    inner === undefined ? text : `${text.slice(0, lastColon + 1)}${hex(inner[0], inner[1])}:${hex(inner[2], inner[3])}`;
  const [left = '', right] = whole.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((g) => Number.parseInt(g, 16)));
  const head = groups(left);
  const end = right === undefined ? [] : groups(right);
  const all = [...head, ...Array.from({ length: 8 - head.length - end.length }, () => 0), ...end];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 255]));
}

export function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}

/** One text for one address: `::ffff:1.2.3.4` and `::FFFF:102:304` alike. */
export function canonicalAddress(address: string): string {
  return Buffer.from(addressOctets(address) ?? []).toString('hex');
}

/** `192.0.2.1:25`, `[2001:db8::1]:25`: one text for one address, for people too. */
export function addressText(address: string, port: number): string {
  if (!isIPv6(address)) return `${address}:${port}`;
  return `[${new SocketAddress({ address: address.replace(/%.*$/, ''), family: 'ipv6' }).address}]:${port}`;
}

function findBlock(octets: Uint8Array, blocks: readonly Block[]): Block | undefined {
  return blocks.find(({ prefix, bits }) =>
    prefix.every((octet, at) => {
      const left = Math.min(8, bits - 8 * at);
      const mask = (0xff << (8 - left)) & 0xff;
      return ((octets[at] ?? 0) & mask) === (octet & mask);
    }),
  );
}

/**
 * Why this address may not be connected unless a route names it; undefined: it may.
 * `own`: canonical forms of the host's addresses.
 */
export function whyForbidden(address: string, own: ReadonlySet<string>): string | undefined {
  const octets = addressOctets(address);
  if (octets === undefined) return 'not an address';
  if (own.has(Buffer.from(octets).toString('hex'))) return 'own address';
  if (octets.length === 4) return findBlock(octets, V4)?.why;
  for (const [prefix, inner] of CARRIERS) {
    if (!prefix.every((octet, at) => octets[at] === octet)) continue;
    const carried = [...octets.subarray(inner, inner + 4)].join('.');
    return whyForbidden(carried, own);
  }
  if (octets.subarray(0, 12).every((octet) => octet === 0)) return 'loopback or unspecified';
  return findBlock(octets, V6)?.why;
}

/** Canonical forms of the addresses of this host, now. */
export function ownAddresses(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) found.add(canonicalAddress(address));
  }
  return found;
}

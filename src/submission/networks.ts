// Sets of networks: is this address in one of these CIDRs? Built once, asked often. IPv4 addresses that a dual-stack
// listener reports as `::ffff:a.b.c.d` count as IPv4.
import { BlockList, isIP } from 'node:net';

/** Throws RangeError when `network` is neither an address nor a CIDR. */
function add(list: BlockList, network: string): void {
  const [address = '', bits, ...rest] = network.split('/');
  const family = isIP(address);
  const prefix = bits === undefined ? (family === 6 ? 128 : 32) : Number(bits);
  const valid =
    family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits ?? '0') && prefix <= (family === 6 ? 128 : 32);
  if (!valid) throw new RangeError(`not a network: ${network}`);
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
}

/** `::ffff:192.0.2.1` → `192.0.2.1`, lower case. */
export function plainAddress(address: string): string {
  const lower = address.toLowerCase();
  return lower.startsWith('::ffff:') && isIP(lower.slice(7)) === 4 ? lower.slice(7) : lower;
}

export class Networks {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  constructor(networks: readonly string[]) {
    for (const network of networks) add(this.#list, network);
    this.#isEmpty = networks.length === 0;
  }

  has(address: string): boolean {
    if (this.#isEmpty) return false;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

const LOOPBACK = new Networks(['127.0.0.0/8', '::1']);
export function isLoopback(address: string): boolean {
  return LOOPBACK.has(address);
}

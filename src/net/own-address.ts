// Is an address on this host, so that a connection can be made from it? Asked by binding, which knows what no list of
// interfaces does: whole networks that are routed here, and ip_nonlocal_bind.
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/** What the system says of an address that it does not have, or of a family that it does not speak. */
const MISSING: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);

/** Never rejects. A failure that says nothing of the address counts as yes: what is wrong shows when it is used. */
export function isOwnAddress(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    // A datagram socket: nobody can connect to it meanwhile.
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.on('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(!MISSING.has(error.code ?? ''));
    });
    socket.bind({ address, port: 0, exclusive: true }, () => {
      socket.close();
      resolve(true);
    });
  });
}

export type IsOwn = (address: string) => Promise<boolean>;

interface SourceInUse {
  readonly name: string;
  readonly enabled: boolean;
  readonly address?: string;
}

/** Names of the enabled sources whose address is not on this host. A source without an address is never missing. */
export async function missingSources(
  sources: Readonly<Record<string, SourceInUse>>,
  isOwn: IsOwn = isOwnAddress,
): Promise<readonly string[]> {
  const used = Object.values(sources).filter(({ enabled, address }) => enabled && address !== undefined);
  const found = await Promise.all(used.map(({ address = '' }) => isOwn(address)));
  return used.filter((_, at) => found[at] !== true).map(({ name }) => name);
}

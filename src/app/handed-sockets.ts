// Listening sockets that the service manager hands over (sd_listen_fds(3)). It keeps them while the relay is started
// anew, so that who connects meanwhile waits in the backlog instead of being refused. A listener gets the socket of its
// address and port, whatever their order and names.
import { isIPv6, SocketAddress } from 'node:net';
import { EXIT, OperatorError } from '../base/errors.ts';
import { type ListeningSocket, openSocket } from './listening-socket.ts';

export class HandedSockets {
  readonly #sockets: ListeningSocket[];

  constructor(sockets: readonly ListeningSocket[]) {
    this.#sockets = [...sockets];
  }

  /** The socket for this listener, once; undefined: it is the relay's to bind. Throws OperatorError (78). */
  take(name: string, host: string, port: number): ListeningSocket | undefined {
    const wanted = canonical(host);
    const atPort = this.#sockets.filter((socket) => socket.port === port);
    const found = atPort.find(({ address }) => address === wanted || (isAny(address) && isAny(wanted)));
    if (found !== undefined) {
      this.#sockets.splice(this.#sockets.indexOf(found), 1);
      return { ...found, name };
    }
    const inTheWay = atPort.find(({ address }) => isAny(address) || isAny(wanted));
    if (inTheWay === undefined) return undefined;
    throw new OperatorError(
      `listener ${name}: the socket unit has ${placeOf(inTheWay)}, so it cannot be bound; give both the same address`,
      EXIT.configuration,
    );
  }

  /** What is no listener's: nobody would answer there. Closes them here; the manager still holds them. */
  closeRest(): readonly string[] {
    const rest = this.#sockets.splice(0);
    for (const socket of rest) socket.close();
    return rest.map(placeOf);
  }
}

/** Throws OperatorError (78) for a descriptor that is no TCP socket: its unit must be mended. */
export function openHanded(descriptors: readonly { readonly fd: number; readonly name: string }[]): HandedSockets {
  return new HandedSockets(descriptors.map(({ fd, name }) => openSocket(fd, name)));
}

function canonical(host: string): string {
  return isIPv6(host) ? new SocketAddress({ address: host, family: 'ipv6' }).address : host;
}

/** A unit's `ListenStream=587` is `[::]:587` for both families, and so is `*:587` here. */
function isAny(address: string): boolean {
  return address === '::' || address === '0.0.0.0';
}

function placeOf({ address, port }: ListeningSocket): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

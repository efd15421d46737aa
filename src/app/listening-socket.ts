// The sockets mail comes in by. The supervisor binds them, or is handed them, and never accepts: submission processes
// inherit them, so a port is never without an owner while one of them is started anew. Tells an operator what is in the
// way of a port.
import { lookup } from 'node:dns/promises';
import net, { isIPv6, type Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { EXIT, OperatorError } from '../base/errors.ts';

export interface ListeningSocket {
  /** Names the listener in its configuration. */
  readonly name: string;
  /** For children to inherit. */
  readonly fd: number;
  readonly address: string;
  readonly port: number;
  /** Begins to accept, in this process. */
  accept(server: Server): Promise<void>;
  /** Idempotent. A client that connects afterwards is refused once no process has the socket. */
  close(): void;
}

/** What this file uses of Node's TCP handle; `net.Server` offers no way to bind without accepting. */
interface TcpHandle {
  readonly fd: number;
  getsockname(out: { address?: string; port?: number }): number;
  close(): void;
}
type CreateServerHandle = (
  address: string | null,
  port: number | null,
  family: 4 | 6 | null,
  fd?: number,
) => TcpHandle | number;

const createHandle = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;

/** Connections the kernel keeps while no process accepts: a burst at the start, or while a child is started anew. */
const BACKLOG = 1024;

/** Throws OperatorError: in use (71), not permitted (77), no such address here (78). */
export async function bindSocket(name: string, host: string, port: number): Promise<ListeningSocket> {
  const address = await resolveHost(name, host);
  const handle = createHandle(address, port, isIPv6(address) ? 6 : 4);
  if (typeof handle === 'number') throw bindError(name, host, port, getSystemErrorName(handle));
  const bound: { address?: string; port?: number } = {};
  // A port in use is told here: libuv keeps the error of `bind` for the next call.
  const failed = handle.getsockname(bound);
  if (failed !== 0) {
    handle.close();
    throw bindError(name, host, port, getSystemErrorName(failed));
  }
  return socketOver(handle, name, bound.address ?? address, bound.port ?? port);
}

/** A socket this process was started with. Throws OperatorError (78) when it is none that listeners could use. */
export function openSocket(fd: number, name: string): ListeningSocket {
  const handle = createHandle(null, null, null, fd);
  const bound: { address?: string; port?: number } = {};
  if (typeof handle === 'number' || typeof handle.getsockname !== 'function' || handle.getsockname(bound) !== 0) {
    throw new OperatorError(
      `descriptor ${fd} (${name}) of the service manager is no TCP socket: the socket unit may only have ListenStream= with ports`,
      EXIT.configuration,
    );
  }
  return socketOver(handle, name, bound.address ?? '', bound.port ?? 0);
}

function socketOver(handle: TcpHandle, name: string, address: string, port: number): ListeningSocket {
  let open = true;
  return {
    name,
    fd: handle.fd,
    address,
    port,
    accept: (server) => listen(server, { _handle: handle }, name),
    close() {
      if (!open) return;
      open = false;
      handle.close();
    },
  };
}

/** In a child: accepts from a socket that came with the start. */
export function acceptFrom(server: Server, fd: number, name: string): Promise<void> {
  return listen(server, { fd }, name);
}

function listen(server: Server, from: object, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      reject(
        error.code === 'EADDRINUSE'
          ? new OperatorError(`listener ${name}: another process listens on its port`, EXIT.portInUse, {
              cause: error,
            })
          : error,
      );
    };
    server.once('error', failed);
    server.listen({ ...from, backlog: BACKLOG }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

async function resolveHost(name: string, host: string): Promise<string> {
  if (net.isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new OperatorError(`listener ${name}: ${host} is no address of this host`, EXIT.configuration, {
      cause: error,
    });
  }
}

function bindError(name: string, host: string, port: number, code: string): OperatorError {
  const where = isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return new OperatorError(
        `listener ${name}: ${where} is in use by another process; find it with: ss -ltnp 'sport = :${port}'`,
        EXIT.portInUse,
      );
    case 'EACCES':
    case 'EPERM':
      return new OperatorError(
        `listener ${name}: not permitted to listen on ${where}; ports below 1024 need root, CAP_NET_BIND_SERVICE, or a socket unit`,
        EXIT.permission,
      );
    case 'EADDRNOTAVAIL':
      return new OperatorError(`listener ${name}: ${host} is no address of this host`, EXIT.configuration);
    default:
      return new OperatorError(`listener ${name}: cannot listen on ${where} (${code})`, EXIT.configuration);
  }
}

// PROXY protocol version 2: the header a load balancer sends before the client's octets. Pure: fixed part, then the
// rest, each as octets. http://www.haproxy.org/download/2.8/doc/proxy-protocol.txt section 2.2.

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
export const PROXY_FIXED_OCTETS = 16;
/** Addresses are 36 octets at most, the rest are extensions nobody here reads. */
const REST_OCTETS_MAX = 4096;

/** Octets that follow the first 16, or undefined when this is no header of version 2. */
export function proxyRestLength(fixed: Buffer): number | undefined {
  if (!fixed.subarray(0, 12).equals(SIGNATURE) || (fixed[12] ?? 0) >> 4 !== 2) return undefined;
  const length = fixed.readUInt16BE(14);
  return length <= REST_OCTETS_MAX ? length : undefined;
}

/** The client's address; 'local' when the balancer speaks for itself; undefined when it cannot be read. */
export function proxyAddress(fixed: Buffer, rest: Buffer): string | undefined {
  const command = (fixed[12] ?? 0) & 15;
  if (command === 0) return 'local';
  if (command !== 1) return undefined;
  const family = fixed[13];
  if (family === 0x11 && rest.length >= 12) return [...rest.subarray(0, 4)].join('.');
  if (family === 0x21 && rest.length >= 36) {
    const groups = Array.from({ length: 8 }, (_unused, index) => rest.readUInt16BE(2 * index).toString(16));
    // Makes the short form of RFC 5952.
    return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
  }
  return undefined;
}

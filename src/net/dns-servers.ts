// The resolvers the host is configured with (resolv.conf(5)).
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { DnsServer } from './dns-exchange.ts';

const SERVERS_MAX = 3;

/** At most three, in order; the loopback resolver when none is named or the file cannot be read. */
export function systemServers(path = '/etc/resolv.conf'): readonly DnsServer[] {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // Without the file libc asks the loopback too.
  }
  const servers = text
    .split('\n')
    .flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
    .filter((address) => isIP(address.split('%')[0] ?? '') !== 0)
    .slice(0, SERVERS_MAX)
    .map((address) => ({ address, port: 53 }));
  return servers.length > 0 ? servers : [{ address: '127.0.0.1', port: 53 }];
}

// Addresses, networks and host names as settings hold them. Only spelling: nothing is looked up.
import { domainToASCII } from 'node:url';
import { kindOf, type Parsed, shown } from './units.ts';

/** `host` is an address or, where a name is allowed, a host name. '*' was written: `host` is '::' (both families). */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export function familyOf(address: string): 4 | 6 | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) {
    return address.split('.').every((part) => Number(part) <= 255 && String(Number(part)) === part) ? 4 : undefined;
  }
  return /^[0-9a-fA-F:.]+$/.test(address) && address.includes(':') && URL.canParse(`http://[${address}]/`)
    ? 6
    : undefined;
}

export function parseAddress(raw: unknown): Parsed<string> {
  const family = typeof raw === 'string' ? familyOf(raw) : undefined;
  if (family === undefined) return { wrong: `must be an IPv4 or IPv6 address, not ${kindOf(raw)}` };
  return { value: String(raw) };
}

/** `address/prefix` or a bare address, as written. */
export function parseNetwork(raw: unknown): Parsed<string> {
  const [address = '', prefix, ...rest] = typeof raw === 'string' ? raw.split('/') : [];
  const family = familyOf(address);
  if (family === undefined || rest.length > 0) {
    return { wrong: `must be a network such as 10.0.0.0/8 or 2001:db8::/32, not ${kindOf(raw)}` };
  }
  const full = family === 4 ? 32 : 128;
  if (prefix !== undefined && (!/^\d{1,3}$/.test(prefix) || Number(prefix) > full)) {
    return { wrong: `'${shown(String(raw))}': the prefix must be 0 to ${full}` };
  }
  return { value: String(raw) };
}

/** Lower case, A-labels. `*.` in front stands for every name below, `*` for all. */
export function parseDomainPattern(raw: unknown): Parsed<string> {
  if (raw === '*') return { value: '*' };
  const text = typeof raw === 'string' ? raw : '';
  const below = text.startsWith('*.');
  const domain = hostName(below ? text.slice(2) : text);
  if (domain === undefined) {
    return { wrong: `must be a domain such as example.com or *.example.com, not ${kindOf(raw)}` };
  }
  return { value: below ? `*.${domain}` : domain };
}

export function parseHostName(raw: unknown): Parsed<string> {
  const name = typeof raw === 'string' ? hostName(raw) : undefined;
  return name === undefined
    ? { wrong: `must be a host name such as mail.example.com, not ${kindOf(raw)}` }
    : { value: name };
}

/** True when `pattern` (as parseDomainPattern gives it) covers the lower-case A-label domain. */
export function domainMatches(pattern: string, domain: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) : domain === pattern;
}

/** `address:port`, `[v6]:port` or `*:port`; with `names` also `host:port`. */
export function parseHostPort(raw: unknown, names: boolean): Parsed<HostPort> {
  const example = names ? 'mail.example.com:25, 192.0.2.1:25 or [2001:db8::1]:25' : '127.0.0.1:2525, [::1]:25 or *:587';
  const [, written = '', digits = ''] = (typeof raw === 'string' ? /^(.+):(\d{1,5})$/.exec(raw) : null) ?? [];
  const port = Number(digits);
  if (written === '' || port > 65_535) return { wrong: `must be host:port such as ${example}, not ${kindOf(raw)}` };
  const inner = written.startsWith('[') && written.endsWith(']') ? written.slice(1, -1) : undefined;
  if (inner !== undefined && familyOf(inner) === 6) return { value: { host: inner, port } };
  if (inner === undefined && familyOf(written) === 4) return { value: { host: written, port } };
  if (written === '*' && !names) return { value: { host: '::', port } };
  const name = names && !/^[\d.]+$/.test(written) ? hostName(written) : undefined;
  if (name !== undefined) return { value: { host: name, port } };
  return { wrong: `must be host:port such as ${example}, not ${kindOf(raw)}` };
}

/** RFC 1123 section 2.1; underscores occur in real zones and do no harm. */
function hostName(text: string): string | undefined {
  const trimmed = text.endsWith('.') ? text.slice(0, -1) : text;
  if (/[^\p{L}\p{M}\p{N}._-]/u.test(trimmed)) return undefined;
  const ascii = domainToASCII(trimmed).toLowerCase();
  if (ascii === '' || ascii.length > 253 || familyOf(ascii) !== undefined) return undefined;
  return ascii.split('.').every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label)) ? ascii : undefined;
}

// Domains: from what a client wrote to the routing domain whose MX is asked (lower-case A-labels or an address
// literal). What was sent is never decoded; `xn--` labels stay as they are.
import { domainToASCII } from 'node:url';
import type { Domain } from '../flow/message.ts';

const DOMAIN_OCTETS_MAX = 255;
// Underscores are not in RFC 5321's grammar but in names people publish; they harm nobody.
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const NON_ASCII = /[^\x00-\x7f]/;

/** The canonical form of an IPv6 address without brackets, or undefined. */
function findIpv6(text: string): string | undefined {
  if (!/^[0-9a-f:.]{2,45}$/i.test(text)) return undefined;
  try {
    return new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
}

/** RFC 5321 section 4.1.3: `[192.0.2.1]` or `[IPv6:2001:db8::1]`; general literals mean nothing to anybody. */
function parseLiteral(text: string): Domain | undefined {
  if (!text.endsWith(']')) return undefined;
  const inner = text.slice(1, -1);
  if (IPV4.test(inner)) return text as Domain;
  if (!/^ipv6:/i.test(inner)) return undefined;
  const address = findIpv6(inner.slice(5));
  return address === undefined ? undefined : (`[IPv6:${address}]` as Domain);
}

/**
 * The routing domain, or undefined when `text` is none: an empty or overlong label, a dot at the end, a bare address
 * (which a resolver could take for a host), a name IDNA refuses.
 */
export function parseDomain(text: string): Domain | undefined {
  if (text.startsWith('[')) return parseLiteral(text);
  const ascii = NON_ASCII.test(text) ? domainToASCII(text) : text.toLowerCase();
  if (ascii === '' || ascii.length > DOMAIN_OCTETS_MAX) return undefined;
  const labels = ascii.split('.');
  for (const label of labels) if (!LABEL.test(label)) return undefined;
  // No top-level domain is a number (RFC 3696 section 2).
  if (/^\d+$/.test(labels.at(-1) ?? '')) return undefined;
  return ascii as Domain;
}

/** Does `domain` fall under `rule`: the same name, or `*.example.com` for everything below it. */
export function domainMatches(domain: string, rule: string): boolean {
  const wanted = rule.toLowerCase();
  return wanted.startsWith('*.') ? domain.endsWith(wanted.slice(1)) : domain === wanted;
}

// What a domain's owner publishes in DNS so that its mail is believed: keys (RFC 6376 section 3.6), SPF (RFC 7208),
// DMARC (RFC 7489), and a return path. As records for programs, and as the lines of a zone file (RFC 1035 section 5).
import type { Config } from '../config/config.ts';
import type { SigningKey } from '../config/signing-keys.ts';
import { whyForbidden } from '../net/address.ts';
import { publicKeyText } from './signing-domain.ts';

export interface DnsRecord {
  readonly name: string;
  readonly type: 'TXT' | 'MX';
  readonly value: string;
  /** For people: what it is for. */
  readonly purpose: string;
}

const NOBODY: ReadonlySet<string> = new Set();
/** A character-string of a TXT record (RFC 1035 section 3.3.14). */
const STRING_OCTETS_MAX = 255;

export function keyRecords(keys: readonly SigningKey[]): readonly DnsRecord[] {
  return keys.map((key) => ({
    name: `${key.selector}._domainkey.${key.domain}`,
    type: 'TXT',
    value: `v=DKIM1; k=${key.algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519'}; p=${publicKeyText(key)}`,
    purpose:
      key.state === 'active'
        ? 'the key that mail is signed with'
        : key.state === 'next'
          ? 'the key that is used after the next `postilion domain rotate`'
          : 'a key of mail that may still be on its way',
  }));
}

/** All of a domain. */
export function domainRecords(config: Config, domain: string, keys: readonly SigningKey[]): readonly DnsRecord[] {
  const spf = `v=spf1 ${sourceTerms(config).join(' ')} ~all`;
  const returnPath = `bounce.${domain}`;
  return [
    ...keyRecords(keys),
    {
      name: domain,
      type: 'TXT',
      value: spf,
      purpose: 'SPF: who sends; a domain has one such record, so add these terms to yours if there is one',
    },
    {
      name: `_dmarc.${domain}`,
      type: 'TXT',
      value: `v=DMARC1; p=none; rua=mailto:postmaster@${domain}`,
      purpose: 'DMARC: reports go to that mailbox; go on to p=quarantine and p=reject when they show only your mail',
    },
    {
      name: returnPath,
      type: 'MX',
      value: `10 ${config.hostname}.`,
      purpose: `return path: the host that takes bounces, for MAIL FROM:<…@${returnPath}>; name another if it is not this one`,
    },
    { name: returnPath, type: 'TXT', value: spf, purpose: 'SPF of the return path' },
  ];
}

/** Terms of SPF for every source: its address, or the name it says in EHLO when others see another address than ours. */
function sourceTerms({ sources }: Pick<Config, 'sources'>): readonly string[] {
  const terms = Object.values(sources).map(({ address, ehlo }) => {
    if (address === undefined || whyForbidden(address, NOBODY) !== undefined) return `a:${ehlo}`;
    return address.includes(':') ? `ip6:${address}` : `ip4:${address}`;
  });
  return [...new Set(terms)];
}

export function zoneText(records: readonly DnsRecord[]): string {
  return records
    .map(({ name, type, value, purpose }) => {
      const data = type === 'TXT' ? strings(value) : value;
      return `; ${purpose}\n${name}.\t3600\tIN\t${type}\t${data}\n`;
    })
    .join('');
}

/** Joined again without a gap by who reads them. */
function strings(value: string): string {
  const parts: string[] = [];
  for (let at = 0; at < value.length; at += STRING_OCTETS_MAX) parts.push(value.slice(at, at + STRING_OCTETS_MAX));
  const quoted = parts.map((part) => `"${part.replace(/["\\]/g, '\\$&')}"`);
  return quoted.length === 1 ? (quoted[0] ?? '""') : `( ${quoted.join(' ')} )`;
}

export function recordsJson(records: readonly DnsRecord[]): readonly Omit<DnsRecord, 'purpose'>[] {
  return records.map(({ name, type, value }) => ({ name, type, value }));
}

// What an operator can mend when a provider refuses an address or a sending domain: the DNS record, by its name. Pure.

export interface Blamed {
  /** Of the taxonomy. */
  readonly category: string;
  readonly rule: string;
  /** Of the reply. */
  readonly text: string;
  readonly source: { readonly name: string; readonly address?: string; readonly ehlo: string };
  readonly sendingDomain: string;
  /** Names of the DKIM keys that signed, `selector._domainkey.domain`. */
  readonly selectors: readonly string[];
}

/** undefined: nothing in DNS would help. */
export function remedyOf(blamed: Blamed): string | undefined {
  const { category, rule, sendingDomain, source } = blamed;
  const said = `${rule} ${blamed.text}`.toLowerCase();
  if (category === 'host-identity') {
    const address = source.address ?? `the address of source ${source.name}`;
    if (/\b(helo|ehlo)\b/.test(said)) return `the A or AAAA record of ${source.ehlo}, which must give ${address}`;
    return `the PTR record of ${address}: it must name ${source.ehlo}, and that name must give the address again`;
  }
  if (category !== 'auth-fail' && category !== 'domain-block') return undefined;
  const names: string[] = [];
  if (/dmarc/.test(said)) names.push(`the TXT record _dmarc.${sendingDomain}`);
  if (/spf|5\.7\.23|5\.7\.27|4\.7\.27/.test(said)) {
    const address = source.address === undefined ? `source ${source.name}` : source.address;
    names.push(`the SPF record (TXT) of ${sendingDomain}, which must allow ${address}`);
  }
  if (/dkim|5\.7\.20|5\.7\.30|4\.7\.30/.test(said)) names.push(dkimRecord(blamed));
  if (names.length > 0) return names.join(', ');
  if (category === 'domain-block') return undefined;
  return `one of SPF (TXT of ${sendingDomain}), ${dkimRecord(blamed)} and _dmarc.${sendingDomain}`;
}

function dkimRecord({ selectors, sendingDomain }: Blamed): string {
  if (selectors.length === 0) return `the DKIM record of ${sendingDomain}: no key signs for it (postilion domain add)`;
  return `the DKIM record (TXT) ${selectors.join(' and ')}`;
}

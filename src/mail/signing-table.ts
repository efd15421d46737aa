// Which keys sign a message: those of its From domain, or of the closest domain above it that has any, and those of the
// relay's operator. Pure look-ups; the names of keys are what a message keeps of its acceptance.

export interface SigningDomain {
  /** Keys in force, as in DNS: `selector._domainkey.domain`. At most one of each algorithm. */
  readonly selectors: readonly string[];
  /** Only mail of this tenant may use the domain and what is below it. */
  readonly tenant?: string;
}

export interface SigningTable {
  readonly domains: Readonly<Record<string, SigningDomain>>;
  /** Its keys sign every message. */
  readonly operator?: string;
}

export interface Signing {
  readonly selectors: readonly string[];
  /** The From domain, or one above it, signs: receivers can align the two (RFC 7489 section 3.1.1). */
  readonly isOwn: boolean;
}

/** How a message names a key: `selector._domainkey.domain`, as in DNS. */
export function keyName(key: { readonly domain: string; readonly selector: string }): string {
  return `${key.selector}._domainkey.${key.domain}`;
}

export function domainOfKeyName(name: string): string {
  return name.slice(name.indexOf('._domainkey.') + '._domainkey.'.length);
}

/** `domain` and what is above it, as far as the table knows them; the closest first. */
function* known(table: SigningTable, domain: string): Generator<SigningDomain> {
  for (let at = domain; at !== ''; at = above(at)) {
    const found = Object.hasOwn(table.domains, at) ? table.domains[at] : undefined;
    if (found !== undefined) yield found;
  }
}

function above(domain: string): string {
  const dot = domain.indexOf('.');
  return dot === -1 ? '' : domain.slice(dot + 1);
}

/** `fromDomain` absent: the message has no From that could be read. */
export function signingOf(table: SigningTable, fromDomain: string | undefined): Signing {
  const operator = table.operator === undefined ? [] : (table.domains[table.operator]?.selectors ?? []);
  for (const { selectors } of fromDomain === undefined ? [] : known(table, fromDomain)) {
    if (selectors.length === 0) continue;
    return { selectors: selectors === operator ? selectors : [...selectors, ...operator], isOwn: true };
  }
  return { selectors: operator, isOwn: false };
}

/** Whose keys a message that is accepted names: of its From domain or one above it, of the operator alone, or nobody's. */
export function signerOf(
  selectors: readonly string[] | undefined,
  fromDomain: string | undefined,
): 'own' | 'operator' | 'nobody' {
  const [first] = selectors ?? [];
  if (first === undefined) return 'nobody';
  const domain = domainOfKeyName(first);
  return fromDomain === domain || fromDomain?.endsWith(`.${domain}`) === true ? 'own' : 'operator';
}

/** May mail of `tenant` bear `domain`? The closest domain that is known says so, keys or not. */
export function mayBear(table: SigningTable, tenant: string, domain: string): boolean {
  const [closest] = known(table, domain);
  return closest?.tenant === undefined || closest.tenant === tenant;
}

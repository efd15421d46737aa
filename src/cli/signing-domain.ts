// The domains of `postilion domain` as records that change: keys made, retired, removed. The key files are made before
// a record names them and removed after none does. RFC 6376 section 3.1, RFC 8463, RFC 8301 section 3.2.
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { loadDomains, removeKey, writeKey } from '../config/domains.ts';
import { problemText } from '../config/problem.ts';
import type { DomainSetting, KeptDomains, SelectorSetting } from '../config/schema-dkim.ts';
import { DOMAIN_NAME } from '../config/setting.ts';
import type { SigningKey } from '../config/signing-keys.ts';

export type Algorithm = SigningKey['algorithm'];
export type Selectors = DomainSetting['selectors'];

const DAY_MS = 86_400_000;
const RSA_BITS = 2048;
/** Second, third … key of one day. */
const LETTERS = Array.from('bcdefghijklmnopqrstuvwxyz');

/** Lower case, A-labels. Throws OperatorError (64). */
export function domainArgument(text: string): string {
  const name = domainToASCII(text.replace(/\.$/, '')).toLowerCase();
  if (DOMAIN_NAME.test(name)) return name;
  throw new OperatorError(`'${text}' is not a domain such as example.com`, EXIT.usage);
}

/** Throws OperatorError: the domain is not among those that these commands keep. */
export function getKept(config: Config, name: string): { readonly kept: KeptDomains; readonly domain: DomainSetting } {
  const loaded = loadDomains(config.folders.spool);
  if ('problems' in loaded) throw new OperatorError(loaded.problems.map(problemText).join('\n'), EXIT.configuration);
  const domain = Object.hasOwn(loaded.kept.domains, name) ? loaded.kept.domains[name] : undefined;
  if (domain !== undefined) return { kept: loaded.kept, domain };
  throw new OperatorError(
    config.domains[name] === undefined
      ? `there is no domain ${name}: postilion domain add ${name}`
      : `${name} stands in sending.yaml: change it there`,
    EXIT.no,
  );
}

/** Makes keys and their files; the selectors that name them. */
export function makeKeys(
  spoolDir: string,
  domain: string,
  names: Readonly<Partial<Record<Algorithm, string>>>,
  state: SelectorSetting['state'],
): Selectors {
  const made: [string, SelectorSetting][] = [];
  for (const [algorithm, selector] of Object.entries(names) as [Algorithm, string][]) {
    const pair =
      algorithm === 'rsa-sha256'
        ? generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
        : generateKeyPairSync('ed25519');
    const key = `${selector}._domainkey.${domain}.pem`;
    writeKey(spoolDir, key, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    made.push([selector, { key, algorithm, state }]);
  }
  return Object.fromEntries(made);
}

/** Names of selectors that no key of the domain has had: today's date, and a letter when there were some today. */
export function freeSelectors(
  taken: Selectors,
  algorithms: readonly Algorithm[],
  now: number,
  wish?: string,
): Partial<Record<Algorithm, string>> {
  const base = wish ?? `p${new Date(now).toISOString().slice(0, 10).replaceAll('-', '')}`;
  for (const suffix of ['', ...(wish === undefined ? LETTERS : [])]) {
    const names = algorithms.map((algorithm): [Algorithm, string] => [
      algorithm,
      `${base}${suffix}${algorithm === 'rsa-sha256' ? '' : '-ed'}`,
    ]);
    if (names.every(([, name]) => !Object.hasOwn(taken, name))) return Object.fromEntries(names);
  }
  throw new OperatorError(`the domain already has a selector ${base}; name another with --selector`, EXIT.no);
}

/** Selectors with what is active retired, and what is next active, at `now`. */
export function promoted(selectors: Selectors, now: number): Selectors {
  const hasNext = new Set(
    Object.values(selectors).flatMap(({ state, algorithm }) => (state === 'next' ? [algorithm] : [])),
  );
  return mapped(selectors, (setting) => {
    if (setting.state === 'next') return { ...setting, state: 'active' };
    return setting.state === 'active' && hasNext.has(setting.algorithm) ? retired(setting, now) : setting;
  });
}

/** What was in use signs only what waits; what was not is gone. */
export function allRetired(selectors: Selectors, now: number): Selectors {
  const used = Object.entries(selectors).filter(([, { state }]) => state !== 'next');
  return mapped(Object.fromEntries(used), (setting) => (setting.state === 'active' ? retired(setting, now) : setting));
}

function retired({ key, algorithm }: SelectorSetting, now: number): SelectorSetting {
  const at = `${new Date(now).toISOString().slice(0, 19)}Z`;
  return { key, ...(algorithm === undefined ? {} : { algorithm }), state: 'retired', retiredAt: at };
}

function mapped(selectors: Selectors, change: (setting: SelectorSetting) => SelectorSetting): Selectors {
  return Object.fromEntries(Object.entries(selectors).map(([name, setting]) => [name, change(setting)]));
}

/** ms since 1970: until then mail may wait that was accepted with it. Undefined: it is in use. A day to spare. */
export function neededUntil(config: Config, { state, retiredAt }: SelectorSetting): number | undefined {
  if (state !== 'retired') return undefined;
  const lifetimes = Object.values(config.streams).map(({ lifetimeMs }) => lifetimeMs);
  const at = retiredAt === undefined ? Number.NaN : Date.parse(retiredAt);
  return Number.isNaN(at) ? Infinity : at + Math.max(...lifetimes) + DAY_MS;
}

/** Without the selectors that no mail can need any more. */
export function withoutUnneeded(config: Config, selectors: Selectors, now: number): Selectors {
  return Object.fromEntries(
    Object.entries(selectors).filter(([, setting]) => (neededUntil(config, setting) ?? Infinity) > now),
  );
}

/** Removes the files of keys that `before` names and `after` does not. */
export function removeKeys(spoolDir: string, before: Selectors, after: Selectors): void {
  const kept = new Set(Object.values(after).map(({ key }) => key));
  for (const { key } of Object.values(before)) if (!kept.has(key)) removeKey(spoolDir, key);
}

/** The tag p= of a key's DNS record: for RSA the whole SubjectPublicKeyInfo, for Ed25519 the 32 octets (RFC 8463). */
export function publicKeyText({ pem, algorithm }: Pick<SigningKey, 'pem' | 'algorithm'>): string {
  const der = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' });
  return (algorithm === 'rsa-sha256' ? der : der.subarray(-32)).toString('base64');
}

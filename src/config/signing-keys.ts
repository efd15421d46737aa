// The private keys that `domains` name, read and checked: who may read the file, what kind of key it is, that no two
// would sign the same mail in the same way. A reload reads them again.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { statSync } from 'node:fs';
import { EXIT, OperatorError } from '../base/errors.ts';
import type { Config } from './config.ts';
import { isPem } from './pem.ts';
import type { Domains, SelectorSetting } from './schema-dkim.ts';
import { readText } from './text-file.ts';
import { type Parsed, shown } from './units.ts';

export interface SigningKey {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  readonly state: SelectorSetting['state'];
  /** PKCS #8 or PKCS #1. */
  readonly pem: string;
}

export interface KeyTrouble {
  readonly domain: string;
  readonly selector: string;
  readonly message: string;
}

const KEY_OCTETS_MAX = 16 * 1024;
/** RFC 8301 section 3.2: less must not be used. */
const RSA_BITS_MIN = 1024;

/** `domains`: with absolute paths. */
export function readSigningKeys(domains: Domains): {
  readonly keys: readonly SigningKey[];
  readonly trouble: readonly KeyTrouble[];
} {
  const keys: SigningKey[] = [];
  const trouble: KeyTrouble[] = [];
  for (const [domain, { selectors }] of Object.entries(domains)) {
    const active = new Map<string, string>();
    for (const [selector, setting] of Object.entries(selectors)) {
      const read = readKey(setting);
      if ('wrong' in read) {
        trouble.push({ domain, selector, message: read.wrong });
        continue;
      }
      const { algorithm, pem } = read.value;
      keys.push({ domain, selector, algorithm, state: setting.state, pem });
      if (setting.state !== 'active') continue;
      const other = active.get(algorithm);
      active.set(algorithm, selector);
      if (other === undefined) continue;
      const message = `${other} and ${selector} are both active for ${algorithm}; retire one`;
      trouble.push({ domain, selector, message });
    }
  }
  return { keys, trouble };
}

/** Keys of a configuration that was loaded before. Throws OperatorError when a file has changed for the worse since. */
export function signingKeysOf({ domains }: Pick<Config, 'domains'>): readonly SigningKey[] {
  const { keys, trouble } = readSigningKeys(domains);
  if (trouble.length === 0) return keys;
  const lines = trouble.map(({ domain, selector, message }) => `key ${selector} of ${domain}: ${message}`);
  throw new OperatorError(lines.join('\n'), EXIT.configuration);
}

function readKey(setting: SelectorSetting): Parsed<Pick<SigningKey, 'algorithm' | 'pem'>> {
  const text = isPem(setting.key) ? { value: setting.key } : readKeyFile(setting.key);
  if ('wrong' in text) return text;
  const name = isPem(setting.key) ? 'it' : `'${shown(setting.key)}'`;
  let key: KeyObject;
  try {
    key = createPrivateKey(text.value);
  } catch {
    return { wrong: `${name} holds no private key without a password` };
  }
  const algorithm =
    key.asymmetricKeyType === 'rsa' ? 'rsa-sha256' : key.asymmetricKeyType === 'ed25519' ? 'ed25519-sha256' : undefined;
  if (algorithm === undefined) return { wrong: `${name} is neither an RSA nor an Ed25519 key` };
  const bits = key.asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN;
  if (bits < RSA_BITS_MIN) return { wrong: `${name} has ${bits} bits; at least ${RSA_BITS_MIN} are needed` };
  if (setting.algorithm !== undefined && setting.algorithm !== algorithm) {
    return { wrong: `${name} is a key for ${algorithm}, not ${setting.algorithm}` };
  }
  return { value: { algorithm, pem: text.value } };
}

/** Whoever can read the key can write as the domain. */
function readKeyFile(path: string): Parsed<string> {
  const read = readText(path, KEY_OCTETS_MAX);
  if ('wrong' in read) return { wrong: `'${shown(path)}' ${read.wrong}` };
  const mode = (statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
  if ((mode & 0o037) === 0) return read;
  return {
    wrong: `'${shown(path)}' may be read or changed by others (mode ${mode.toString(8).padStart(4, '0')}): chmod 0600`,
  };
}

// The folder of a trial: configuration, spool and run of a relay that knows no world but the trial's. Made under the
// system's temporary folder, for its owner alone, and removed with everything in it.
import { generateKeyPair } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { changeDomains, writeKey } from '../config/domains.ts';
import { hashPassword } from '../config/password.ts';
import { changeUsers, withUser } from '../config/users.ts';

export const TRIAL_DOMAIN = 'trial.test';
export const TRIAL_USER = 'trial';
export const TRIAL_SOURCES: Readonly<Record<string, string>> = { out1: '127.0.0.101', out2: '127.0.0.102' };
/** Short: one watches. */
export const RETRY_DELAYS_MS: readonly number[] = [5_000, 10_000, 30_000];
const PREFIX = 'postilion-trial-';
/** A Unix socket's path has 107 octets at most, and ours is below the folder. */
const FOLDER_OCTETS_MAX = 70;
const RSA_BITS = 2048;

export interface Place {
  readonly root: string;
  readonly config: string;
}

export interface Ports {
  readonly port: number;
  readonly mailPort: number;
  readonly dnsPort: number;
}

export function makePlace(): Place {
  const above = Buffer.byteLength(tmpdir()) > FOLDER_OCTETS_MAX ? '/tmp' : tmpdir();
  const root = mkdtempSync(join(above, PREFIX));
  return { root, config: join(root, 'config') };
}

/** True for what `makePlace` makes, so that nothing else is ever removed. */
export function isPlace(path: string): boolean {
  return path.startsWith('/') && !path.includes('/..') && (path.split('/').at(-1) ?? '').startsWith(PREFIX);
}

/** Idempotent. */
export function removePlace(root: string): void {
  rmSync(root, { recursive: true, force: true, maxRetries: 3 });
}

export async function furnish({ root, config }: Place, ports: Ports, password: string): Promise<void> {
  const spool = join(root, 'spool');
  mkdirSync(config, { mode: 0o700 });
  mkdirSync(join(spool, 'keys'), { recursive: true, mode: 0o700 });
  writeFileSync(join(config, 'postilion.yaml'), relayYaml(ports));
  writeFileSync(join(config, 'sending.yaml'), sendingYaml(ports));
  const [hash, { privateKey }] = await Promise.all([
    hashPassword(password),
    promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS }),
  ]);
  changeUsers(spool, (users) => withUser(users, { name: TRIAL_USER, hash }));
  const key = `trial._domainkey.${TRIAL_DOMAIN}.pem`;
  writeKey(spool, key, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  changeDomains(spool, () => ({
    operator: TRIAL_DOMAIN,
    domains: { [TRIAL_DOMAIN]: { selectors: { trial: { key, state: 'active' } } } },
  }));
}

function relayYaml({ port, dnsPort }: Ports): string {
  return `# The relay of a trial. Gone when it ends.
hostname: relay.${TRIAL_DOMAIN}
listeners: [{address: "127.0.0.1:${port}", tls: none}]
processes: single
dns: {servers: ["127.0.0.1:${dnsPort}"], timeout: 1s}
stop: 1s
log: {level: error, conversations: 1}
`;
}

function sendingYaml({ mailPort }: Ports): string {
  const sources = Object.entries(TRIAL_SOURCES).map(
    ([name, address]) => `  ${name}: {address: ${address}, ehlo: ${name}.${TRIAL_DOMAIN}}\n`,
  );
  return `streams:
  default: {lifetime: 10m, retry_delays: [${RETRY_DELAYS_MS.map((ms) => `${ms / 1000}s`).join(', ')}]}
sources:
${sources.join('')}pools:
  default: {sources: [${Object.keys(TRIAL_SOURCES).join(', ')}]}
routes:
  - {domains: "*", to: mx, port: ${mailPort}, private_addresses: true}
`;
}

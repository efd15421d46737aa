// Signing domains as they are in force: those of sending.yaml and those that `postilion domain` keeps in the spool,
// with their keys checked. A domain stands in one of the two.
import { join, resolve } from 'node:path';
import { KEYS, loadDomains } from './domains.ts';
import { isPem } from './pem.ts';
import { type Problem, suggestion } from './problem.ts';
import type { SendingFile } from './schema.ts';
import type { Domains } from './schema-dkim.ts';
import { readSigningKeys } from './signing-keys.ts';
import type { Path } from './yaml-file.ts';

export interface Signing {
  /** With absolute paths of keys. */
  readonly sending: SendingFile;
  /** About sending.yaml. */
  readonly findings: readonly { readonly path: Path; readonly message: string }[];
  /** About the spool's file. */
  readonly problems: readonly Problem[];
}

export function withKeptDomains(sending: SendingFile, spoolDir: string): Signing {
  const loaded = loadDomains(spoolDir);
  if ('problems' in loaded) return { sending, findings: [], problems: loaded.problems };
  const { kept, problem } = loaded;
  const findings: { path: Path; message: string }[] = [];
  const problems: Problem[] = [];
  for (const name of Object.keys(sending.domains)) {
    if (!Object.hasOwn(kept.domains, name)) continue;
    const message = `${name} is also kept by \`postilion domain\`; take it out here, or there with: postilion domain remove ${name}`;
    findings.push({ path: ['domains', name], message });
  }
  const domains = withAbsoluteKeys({ ...kept.domains, ...sending.domains }, join(spoolDir, KEYS));
  for (const { domain, selector, message } of readSigningKeys(domains).trouble) {
    const path = ['domains', domain, 'selectors', selector, 'key'];
    if (Object.hasOwn(sending.domains, domain)) findings.push({ path, message });
    else problems.push(problem(path, message));
  }
  const operator = sending.dkim.operator ?? kept.operator;
  if (operator !== undefined && !Object.hasOwn(domains, operator)) {
    const message = `'${operator}' is not among the domains; ${suggestion(operator, Object.keys(domains))}`;
    if (sending.dkim.operator === undefined) problems.push(problem(['operator'], message));
    else findings.push({ path: ['dkim', 'operator'], message });
  }
  const dkim = { ...sending.dkim, ...(operator === undefined ? {} : { operator }) };
  return { sending: { ...sending, domains, dkim }, findings, problems };
}

function withAbsoluteKeys(domains: Domains, folder: string): Domains {
  return Object.fromEntries(
    Object.entries(domains).map(([name, domain]) => [
      name,
      {
        ...domain,
        selectors: Object.fromEntries(
          Object.entries(domain.selectors).map(([selector, setting]) => [
            selector,
            isPem(setting.key) ? setting : { ...setting, key: resolve(folder, setting.key) },
          ]),
        ),
      },
    ]),
  );
}

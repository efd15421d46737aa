// spool/keys/domains.yaml: the domains and selectors that `postilion domain` keeps, and their key files beside it.
// Read whole, replaced whole. A key file is there and durable before a selector names it.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, OperatorError } from '../base/errors.ts';
import { parseKept } from './check.ts';
import { type Problem, problemText, settingText, whole } from './problem.ts';
import { removeFile, replaceFile } from './replaced-file.ts';
import type { KeptDomains } from './schema-dkim.ts';
import { yamlName } from './setting.ts';
import { readText } from './text-file.ts';
import { parseYaml, type Path, YAML_OCTETS_MAX, type YamlFile, yamlText } from './yaml-file.ts';

export type LoadedDomains =
  | { readonly kept: KeptDomains; readonly problem: (path: Path, message: string) => Problem }
  | { readonly problems: readonly Problem[] };

export const KEYS = 'keys';

export function domainsPath(spoolDir: string): string {
  return join(spoolDir, KEYS, 'domains.yaml');
}

/** Without the file there is no domain. */
export function loadDomains(spoolDir: string): LoadedDomains {
  const path = domainsPath(spoolDir);
  const read = existsSync(path) ? readText(path, YAML_OCTETS_MAX) : { value: '' };
  if ('wrong' in read) return { problems: [whole(path, read.wrong)] };
  const file = parseYaml(read.value);
  if (file.errors.length > 0) return { problems: file.errors.map((error) => ({ file: path, setting: '', ...error })) };
  const parsed = parseKept(file.value);
  if ('kept' in parsed) return { kept: parsed.kept, problem: (at, message) => problemAt(path, file, at, message) };
  return { problems: parsed.findings.map((finding) => problemAt(path, file, finding.path, finding.message)) };
}

function problemAt(path: string, file: YamlFile, at: Path, message: string): Problem {
  return { file: path, ...file.locate(at, 'value'), setting: settingText(at), message };
}

export function formatDomains({ operator, domains }: KeptDomains): string {
  const map = Object.fromEntries(
    Object.entries(domains)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { tenant, selectors }]) => [
        name,
        {
          ...(tenant === undefined ? {} : { tenant }),
          selectors: Object.fromEntries(
            Object.entries(selectors).map(([selector, settings]) => [
              selector,
              Object.fromEntries(Object.entries(settings).map(([key, value]) => [yamlName(key), value])),
            ]),
          ),
        },
      ]),
  );
  const value = { ...(operator === undefined ? {} : { operator }), domains: map };
  return `# Domains that mail is signed for. Written by \`postilion domain\`; the keys are the files beside it.\n${yamlText(value, 'block')}\n`;
}

/** Reads, changes and replaces domains.yaml. Throws OperatorError. */
export function changeDomains(spoolDir: string, change: (kept: KeptDomains) => KeptDomains): KeptDomains {
  return replaceFile(domainsPath(spoolDir), () => {
    const loaded = loadDomains(spoolDir);
    if ('problems' in loaded) {
      throw new OperatorError(loaded.problems.map(problemText).join('\n'), EXIT.configuration);
    }
    const kept = change(loaded.kept);
    return { text: formatDomains(kept), result: kept };
  });
}

/** Writes a new key; its name is what a selector's `key` says. Throws OperatorError when there is one already. */
export function writeKey(spoolDir: string, name: string, pem: string): void {
  const path = join(spoolDir, KEYS, name);
  replaceFile(path, () => {
    if (existsSync(path)) throw new OperatorError(`${path} is there already`, EXIT.no);
    return { text: pem, result: undefined };
  });
}

export function removeKey(spoolDir: string, name: string): void {
  removeFile(join(spoolDir, KEYS, name));
}

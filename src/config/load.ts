// Reads the configuration, its secrets and certificates. Never half a result: either all is right, or every problem of every file is told.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { SYSTEM_STREAM } from '../flow/feedback.ts';
import { checkFiles, type Source } from './check.ts';
import { type Config, type Folders, makeConfig } from './config.ts';
import { interpolate, type Origin } from './interpolation.ts';
import { type Problem, settingText, whole } from './problem.ts';
import { ipv6Pools } from './ipv6-pools.ts';
import { loadRules } from './load-rules.ts';
import { loadPlans, unknownPlans, waitingPools } from './load-warmup.ts';
import { withKeptDomains } from './kept-domains.ts';
import { type ConfigFile, type RelayFile, SCHEMAS } from './schema.ts';
import { readText } from './text-file.ts';
import { type Parsed, shown } from './units.ts';
import { parseYaml, YAML_OCTETS_MAX, type YamlFile } from './yaml-file.ts';

export interface LoadOptions {
  readonly configDir: string;
  /** Instead of `spool` of postilion.yaml. */
  readonly spoolDir?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Number of the document: one more than the one in force at a reload. 1 when absent. */
  readonly number?: number;
  /** For tests: cores and name of the host. */
  readonly cores?: number;
  readonly systemName?: string;
}

/** `warnings`: sentences about what is not wrong and yet not right. */
export type Loaded =
  | { readonly ok: Config; readonly warnings: readonly string[] }
  | { readonly problems: readonly Problem[] };

const SECRET_OCTETS_MAX = 64 * 1024;

/** Resolves nothing and starts nothing. Never throws for what an operator can have written. */
export function loadConfig(options: LoadOptions): Loaded {
  const folder = resolve(options.configDir);
  if (!existsSync(join(folder, 'postilion.yaml'))) {
    return {
      problems: [whole(options.configDir, `has no postilion.yaml; name the folder with --config or POSTILION_CONFIG`)],
    };
  }
  const problems: Problem[] = [];
  const files = new Map<ConfigFile, YamlFile>();
  const sources: Source[] = [];
  const tell = (name: ConfigFile, path: readonly (string | number)[], at: 'key' | 'value', message: string): void => {
    const place = files.get(name)?.locate(path, at) ?? { line: 0, column: 0 };
    problems.push({ file: join(options.configDir, name), ...place, setting: settingText(path), message });
  };
  for (const name of Object.keys(SCHEMAS) as ConfigFile[]) {
    const source = readSource(name, folder, options, files, problems, tell);
    if (source !== undefined) sources.push(source);
  }
  const { findings, relay, sending } = checkFiles(sources);
  for (const [name, found] of findings) for (const { path, at, message } of found) tell(name, path, at, message);
  if (relay !== undefined) {
    for (const { path, message } of tlsTrouble(relay, folder)) tell('postilion.yaml', path, 'value', message);
  }
  const rules = loadRules(folder, options.configDir);
  if ('problems' in rules) problems.push(...rules.problems);
  const plans = loadPlans(
    {
      ...(sending !== undefined && { streams: ['default', SYSTEM_STREAM, ...Object.keys(sending.streams)] }),
      ...('providers' in rules && { providers: Object.keys(rules.providers) }),
    },
    folder,
    options.configDir,
  );
  if ('problems' in plans) problems.push(...plans.problems);
  else if (sending !== undefined) {
    for (const { path, at, message } of unknownPlans(sending.sources, plans.plans))
      tell('sending.yaml', path, at, message);
  }
  if (relay === undefined || sending === undefined) return { problems: inOrder(problems) };
  const above = dirname(folder);
  const spool = resolve(options.spoolDir ?? resolve(above, relay.spool));
  const signing = withKeptDomains(sending, spool);
  for (const { path, message } of signing.findings) tell('sending.yaml', path, 'value', message);
  problems.push(...signing.problems);
  if (problems.length > 0 || 'problems' in rules || 'problems' in plans) return { problems: inOrder(problems) };
  const config = makeConfig(withAbsolutePaths(relay, folder), signing.sending, {
    number: options.number ?? 1,
    folders: { config: folder, spool, run: resolve(above, relay.run) },
    systemName: options.systemName ?? hostname(),
    cores: options.cores ?? availableParallelism(),
    rules: { responses: rules.responses, providers: rules.providers },
    plans: plans.plans,
  });
  return { ok: config, warnings: warningsOf(config) };
}

/**
 * The folders alone, for commands that must work while a file is half edited: they take what postilion.yaml says as far
 * as it can be read, and the defaults otherwise.
 */
export function findFolders(configDir: string): Folders | undefined {
  const folder = resolve(configDir);
  if (!existsSync(join(folder, 'postilion.yaml'))) return undefined;
  const read = readText(join(folder, 'postilion.yaml'), YAML_OCTETS_MAX);
  const { value } = 'value' in read ? parseYaml(read.value) : { value: undefined };
  const named = (name: 'spool' | 'run'): string => {
    const written: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
    return resolve(dirname(folder), typeof written === 'string' && !written.includes('${') ? written : name);
  };
  return { config: folder, spool: named('spool'), run: named('run') };
}

function readSource(
  name: ConfigFile,
  folder: string,
  options: LoadOptions,
  files: Map<ConfigFile, YamlFile>,
  problems: Problem[],
  tell: (name: ConfigFile, path: readonly (string | number)[], at: 'key' | 'value', message: string) => void,
): Source | undefined {
  const shownFile = join(options.configDir, name);
  const misspelt = join(folder, name.replace('.yaml', '.yml'));
  if (existsSync(misspelt)) {
    problems.push(whole(join(options.configDir, name.replace('.yaml', '.yml')), `is not read; rename it to ${name}`));
  }
  const read = existsSync(join(folder, name)) ? readText(join(folder, name), YAML_OCTETS_MAX) : { value: '' };
  if ('wrong' in read) {
    problems.push(whole(shownFile, read.wrong));
    return undefined;
  }
  const file = parseYaml(read.value);
  files.set(name, file);
  for (const { line, column, message } of file.errors) {
    problems.push({ file: shownFile, line, column, setting: '', message });
  }
  if (file.errors.length > 0) return undefined;
  const { value, outside, wrong } = interpolate(file.value, (origin) => resolveOrigin(origin, folder, options.env));
  for (const { path, message } of wrong) tell(name, path, 'value', message);
  return { name, value, outside };
}

function warningsOf(config: Config): readonly string[] {
  const { hostname: name } = config;
  const noDomain = `hostname is '${name}': many servers refuse an EHLO name without a domain; set hostname in postilion.yaml`;
  return [...(name.includes('.') ? [] : [noDomain]), ...waitingPools(config), ...ipv6Pools(config)];
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => {
    if (a.file !== b.file) return a.file < b.file ? -1 : 1;
    return a.line - b.line || a.column - b.column;
  });
}

/** `%d/` is the folder of credentials that systemd gives (LoadCredential=). One line break at the end is not value. */
function resolveOrigin(origin: Origin, folder: string, env: LoadOptions['env']): Parsed<string> {
  if (origin.kind === 'env') {
    const value = env[origin.name];
    return value === undefined ? { wrong: 'is not in the environment' } : { value };
  }
  const credentials = env['CREDENTIALS_DIRECTORY'];
  if (origin.name.startsWith('%d/') && credentials === undefined) {
    return { wrong: 'needs CREDENTIALS_DIRECTORY, which systemd sets for LoadCredential=' };
  }
  const path = origin.name.startsWith('%d/') ? join(credentials ?? '', origin.name.slice(3)) : origin.name;
  const read = readText(resolve(folder, path), SECRET_OCTETS_MAX);
  return 'value' in read ? { value: read.value.replace(/\r?\n$/, '') } : read;
}

// ── certificates ──────────────────────────────────────────────────────────────────────────────────────────────────

function withAbsolutePaths(relay: RelayFile, folder: string): RelayFile {
  const { cert, key, ...rest } = relay.tls;
  if (cert === undefined || key === undefined) return relay;
  return { ...relay, tls: { ...rest, cert: resolve(folder, cert), key: resolve(folder, key) } };
}

function tlsTrouble(relay: RelayFile, folder: string): readonly { path: readonly string[]; message: string }[] {
  const { cert, key } = relay.tls;
  if (cert === undefined || key === undefined) return [];
  const trouble: { path: readonly string[]; message: string }[] = [];
  const certText = readText(resolve(folder, cert), YAML_OCTETS_MAX);
  const keyText = readText(resolve(folder, key), YAML_OCTETS_MAX);
  if ('wrong' in certText) trouble.push({ path: ['tls', 'cert'], message: `'${shown(cert)}' ${certText.wrong}` });
  if ('wrong' in keyText) trouble.push({ path: ['tls', 'key'], message: `'${shown(key)}' ${keyText.wrong}` });
  if ('wrong' in certText || 'wrong' in keyText) return trouble;
  const certificate = tried(() => new X509Certificate(certText.value));
  const privateKey = tried(() => createPrivateKey(keyText.value));
  if (certificate === undefined)
    trouble.push({ path: ['tls', 'cert'], message: `'${shown(cert)}' holds no certificate` });
  if (privateKey === undefined) {
    trouble.push({ path: ['tls', 'key'], message: `'${shown(key)}' holds no private key without a password` });
  }
  if (certificate !== undefined && privateKey !== undefined && !certificate.checkPrivateKey(privateKey)) {
    trouble.push({ path: ['tls', 'key'], message: `'${shown(key)}' is not the key of the certificate in tls.cert` });
  }
  return trouble;
}

function tried<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

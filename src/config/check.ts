// Everything that is wrong with the files together, found at once: spelling and values by the schema, names that refer
// to nothing, secrets in the open, settings that contradict each other. Pure: values in, findings out.
import { SYSTEM_STREAM } from '../flow/feedback.ts';
import type { Outside } from './interpolation.ts';
import { isPem } from './pem.ts';
import { type Finding, findingsOf, suggestion } from './problem.ts';
import { type KeptDomains, keptDomains } from './schema-dkim.ts';
import { SCHEMAS, type ConfigFile, type RelayFile, type SendingFile } from './schema.ts';
import { type AnySetting, parseWith, type Referred, type Setting } from './setting.ts';
import { sourceConflicts } from './source-conflicts.ts';
import { member, type Path } from './yaml-file.ts';

export interface Source {
  readonly name: ConfigFile;
  readonly value: unknown;
  readonly outside: readonly Outside[];
}

export interface Checked {
  readonly relay?: RelayFile;
  readonly sending?: SendingFile;
  readonly findings: ReadonlyMap<ConfigFile, readonly Finding[]>;
}

/** These are always there, whatever the file says. */
const ALWAYS: Readonly<Record<Referred, readonly string[]>> = {
  tenants: ['default'],
  streams: ['default', SYSTEM_STREAM],
  pools: ['default'],
  sources: ['default'],
  users: [],
  credentials: [],
};

/** A file that could not be parsed is not among `sources`; what refers to it is then not judged. */
export function checkFiles(sources: readonly Source[]): Checked {
  const findings = new Map<ConfigFile, Finding[]>();
  const sending = sources.find(({ name }) => name === 'sending.yaml');
  const known = sending === undefined ? undefined : (kind: Referred) => namesOf(sending.value, kind);
  const values = new Map<ConfigFile, unknown>();
  for (const source of sources) {
    const root: AnySetting = SCHEMAS[source.name];
    const plain = withoutShorthand(root, source.value);
    const parsed = parseWith(root, plain);
    const found = 'issues' in parsed ? parsed.issues.flatMap((issue) => findingsOf(root, issue)) : [];
    if ('value' in parsed) values.set(source.name, parsed.value);
    walk(root, plain, [], (setting, value, path) => {
      const finding = secretInline(setting, source, value, path) ?? (known && dangling(setting, value, path, known));
      if (finding !== undefined) found.push(finding);
    });
    found.push(...(source.name === 'postilion.yaml' ? relayConflicts(plain) : sendingConflicts(plain, source.value)));
    findings.set(
      source.name,
      found.map((finding) => concealed(finding, source.outside)),
    );
  }
  return {
    findings,
    ...(values.has('postilion.yaml') ? { relay: values.get('postilion.yaml') as RelayFile } : {}),
    ...(values.has('sending.yaml') ? { sending: values.get('sending.yaml') as SendingFile } : {}),
  };
}

/** spool/keys/domains.yaml. Tenants are not judged: a domain of a tenant that is gone is nobody's. */
export function parseKept(raw: unknown): { readonly kept: KeptDomains } | { readonly findings: readonly Finding[] } {
  const parsed = parseAlone(keptDomains, raw);
  return 'value' in parsed ? { kept: parsed.value } : parsed;
}

/** A file that refers to no other. */
export function parseAlone<T>(
  root: Setting<T>,
  raw: unknown,
): { readonly value: T } | { readonly findings: readonly Finding[] } {
  const parsed = parseWith(root, withoutShorthand(root, raw));
  if ('value' in parsed) return parsed;
  return { findings: parsed.issues.flatMap((issue) => findingsOf(root, issue)) };
}

function namesOf(sending: unknown, kind: Referred): readonly string[] {
  const entries = member(sending, kind);
  const named = typeof entries === 'object' && entries !== null ? Object.keys(entries) : [];
  return [...new Set([...ALWAYS[kind], ...named])];
}

/** `users:` with nothing under it is an empty map, `processes: split` its mode, a lone domain a list of one. */
function withoutShorthand(setting: AnySetting, raw: unknown): unknown {
  const { shape } = setting;
  if (shape.kind === 'list') {
    const items = shape.single && raw !== undefined && !Array.isArray(raw) ? [raw] : raw;
    return Array.isArray(items) ? items.map((item: unknown) => withoutShorthand(shape.item, item)) : items;
  }
  if (shape.kind === 'value') return raw;
  if (raw === undefined || raw === null) return {};
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    return shape.kind === 'group' && shape.shorthand !== undefined && !Array.isArray(raw)
      ? { [shape.shorthand]: raw }
      : raw;
  }
  const out: [string, unknown][] = [];
  for (const [name, value] of Object.entries(raw)) {
    const below = shape.kind === 'map' ? shape.item : shape.members.get(name);
    if (value === null && below !== undefined && !['group', 'map'].includes(below.shape.kind)) continue;
    out.push([name, below === undefined ? value : withoutShorthand(below, value)]);
  }
  return Object.fromEntries(out);
}

function walk(
  setting: AnySetting,
  value: unknown,
  path: Path,
  visit: (setting: AnySetting, value: unknown, path: Path) => void,
): void {
  const { shape } = setting;
  if (value === undefined) return;
  if (shape.kind === 'value') visit(setting, value, path);
  else if (shape.kind === 'list') {
    if (Array.isArray(value)) for (const [at, item] of value.entries()) walk(shape.item, item, [...path, at], visit);
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [name, item] of Object.entries(value)) {
      const below = shape.kind === 'map' ? shape.item : shape.members.get(name);
      if (below !== undefined) walk(below, item, [...path, name], visit);
    }
  }
}

function dangling(
  setting: AnySetting,
  value: unknown,
  path: Path,
  known: (kind: Referred) => readonly string[],
): Finding | undefined {
  if (setting.refers === undefined || typeof value !== 'string') return undefined;
  const names = known(setting.refers);
  if (names.includes(value)) return undefined;
  return {
    path,
    at: 'value',
    message: `'${value}' is not among ${setting.refers} of sending.yaml; ${suggestion(value, names)}`,
  };
}

function secretInline(setting: AnySetting, source: Source, value: unknown, path: Path): Finding | undefined {
  if (setting.secret === undefined) return undefined;
  if (setting.secret === 'pem' && !(typeof value === 'string' && isPem(value))) return undefined;
  const whole = source.outside.some((outside) => outside.whole && samePath(outside.path, path));
  if (whole) return undefined;
  return { path, at: 'value', message: 'a secret must not stand in this file: write ${file:PATH} or ${env:NAME}' };
}

/** What came from elsewhere may be a secret: messages show how it was written instead. */
function concealed(finding: Finding, outside: readonly Outside[]): Finding {
  const hidden = outside.find(({ path }) => samePath(path, finding.path));
  if (hidden === undefined) return finding;
  return { ...finding, message: `the value of ${hidden.written} does not fit here: ${withoutValue(finding.message)}` };
}

function withoutValue(message: string): string {
  return message.replace(/'[^]*'/, 'what it is').replace(/, not .*$/s, '');
}

function relayConflicts(value: unknown): readonly Finding[] {
  const found: Finding[] = [];
  const cert = member(value, 'tls', 'cert');
  const key = member(value, 'tls', 'key');
  if (cert !== undefined && key === undefined) found.push(away(['tls', 'cert'], 'tls.key'));
  if (key !== undefined && cert === undefined) found.push(away(['tls', 'key'], 'tls.cert'));
  const listeners = member(value, 'listeners');
  if (!Array.isArray(listeners)) return found;
  const seen = new Map<string, number>();
  for (const [at, listener] of listeners.entries()) {
    if (member(listener, 'tls') === 'implicit' && cert === undefined) {
      found.push({ path: ['listeners', at, 'tls'], at: 'value', message: 'implicit needs tls.cert and tls.key' });
    }
    const address = member(listener, 'address');
    if (typeof address !== 'string' || address.endsWith(':0')) continue;
    const first = seen.get(address);
    if (first === undefined) seen.set(address, at);
    else {
      const path = ['listeners', at, 'address'];
      found.push({ path, at: 'value', message: `'${address}' is already listeners[${first}].address` });
    }
  }
  return found;
}

/** `raw`: as it was written, with what has no value. */
function sendingConflicts(value: unknown, raw: unknown): readonly Finding[] {
  const found: Finding[] = [];
  if (typeof raw === 'object' && raw !== null && Object.hasOwn(raw, 'allow') && member(raw, 'allow') === undefined) {
    // Left empty it could be meant as nobody; that everybody gets mail must be said by leaving it out.
    found.push({
      path: ['allow'],
      at: 'key',
      message: 'has no value: write [] for nobody, or take it out for everybody',
    });
  }
  found.push(...sourceConflicts(value));
  for (const user of Object.keys(Object(member(value, 'users')))) {
    if (member(value, 'users', user, 'stream') !== SYSTEM_STREAM) continue;
    const path = ['users', user, 'stream'];
    found.push({
      path,
      at: 'value',
      message: `'${SYSTEM_STREAM}' is for the relay's own reports: name another stream`,
    });
  }
  const routes = member(value, 'routes');
  const named = new Map<unknown, number>();
  for (const [at, route] of Array.isArray(routes) ? routes.entries() : []) {
    found.push(...routeConflicts(route, at, named));
    const to = member(route, 'to') ?? 'mx';
    if (member(route, 'credentials') !== undefined) {
      const path = ['routes', at, 'credentials'];
      const tls = member(route, 'tls') ?? 'opportunistic';
      if (to === 'mx' || to === 'discard') {
        found.push({
          path,
          at: 'key',
          message: `a password is only sent to a host that the route names, not to '${to}'`,
        });
      } else if (tls !== 'required' && tls !== 'implicit' && !isLoopback(to)) {
        found.push({ path, at: 'key', message: 'a password needs TLS: set tls to required or implicit' });
      }
    }
    if (member(route, 'port') !== undefined && to !== 'mx') {
      found.push({ path: ['routes', at, 'port'], at: 'key', message: 'only for `to: mx`; write to: host:port' });
    }
  }
  return found;
}

function routeConflicts(route: unknown, at: number, named: Map<unknown, number>): readonly Finding[] {
  const found: Finding[] = [];
  const name = member(route, 'name');
  const first = named.get(name);
  if (name !== undefined && first !== undefined) {
    found.push({ path: ['routes', at, 'name'], at: 'value', message: `routes[${first}] has that name already` });
  } else named.set(name, at);
  if (member(route, 'to') === 'discard' && member(route, 'pool') !== undefined) {
    found.push({ path: ['routes', at, 'pool'], at: 'key', message: 'nothing is sent by a route `to: discard`' });
  }
  const from = member(route, 'from_domains');
  if (Array.isArray(from) && from.includes('*')) {
    const path = ['routes', at, 'from_domains'];
    found.push({ path, at: 'key', message: 'every From domain is no condition: name domains or take it out' });
  }
  return found;
}

function isLoopback(to: unknown): boolean {
  return typeof to === 'string' && to.split(',').every((host) => /^(127\.|\[::1\]|localhost:)/.test(host.trim()));
}

function away(path: Path, other: string): Finding {
  return { path, at: 'key', message: `needs ${other} beside it` };
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((part, at) => String(part) === String(b[at]));
}

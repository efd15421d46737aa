// The kinds of values that settings have: text, counts, choices, durations, networks … each with its parser and what
// an editor is told.
import { parseAddress, parseDomainPattern, parseHostName, parseHostPort, parseNetwork } from './network.ts';
import { isPem } from './pem.ts';
import { DOMAIN_NAME, type Referred, type Setting, type Spec, value } from './setting.ts';
import {
  kindOf,
  type Parsed,
  parseDuration,
  parseFlow,
  parseRate,
  parseShare,
  parseSize,
  parseTimeOfDay,
  shown,
} from './units.ts';

// The return types are inferred: each depends on whether the setting may stay away.

export function text<const S extends Spec>(doc: string, spec: S, allowed: RegExp = /^[^\0\r\n]+$/, hint = 'text') {
  return value<string, S>(
    doc,
    spec,
    (raw) =>
      typeof raw === 'string' && raw.length <= 4096 && allowed.test(raw)
        ? { value: raw }
        : { wrong: `must be ${hint}, not ${kindOf(raw)}` },
    { type: 'string' },
  );
}

/** A path; what it is relative to stands in the doc. */
export function path<const S extends Spec>(doc: string, spec: S) {
  return text(doc, spec, /^[^\0\r\n]+$/, 'a path');
}

/** Environment variables are text, so digits in quotes are taken too. */
export function count<const S extends Spec>(doc: string, spec: S & { min?: number; max: number }) {
  const { min = 0, max } = spec;
  return value<number, S>(
    doc,
    spec,
    (raw) => {
      const number = typeof raw === 'string' && /^\d{1,15}$/.test(raw) ? Number(raw) : raw;
      return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max
        ? { value: number }
        : { wrong: `must be a whole number from ${min} to ${max}, not ${kindOf(raw)}` };
    },
    { type: 'integer', minimum: min, maximum: max },
  );
}

export function flag<const S extends Spec>(doc: string, spec: S) {
  return value<boolean, S>(
    doc,
    spec,
    (raw) => {
      if (raw === true || raw === 'true') return { value: true };
      if (raw === false || raw === 'false') return { value: false };
      return { wrong: `must be true or false, not ${kindOf(raw)}` };
    },
    { type: 'boolean' },
  );
}

export function choice<const C extends string, const S extends Spec>(doc: string, choices: readonly C[], spec: S) {
  return value<C, S>(
    doc,
    spec,
    (raw) => {
      // `1.2` without quotes is a number.
      const written = typeof raw === 'number' ? String(raw) : raw;
      const found = choices.find((name) => name === written);
      return found === undefined ? { wrong: `must be ${inWords(choices)}, not ${kindOf(raw)}` } : { value: found };
    },
    { type: 'string', enum: choices },
  );
}

function inWords(choices: readonly string[]): string {
  return [choices.slice(0, -1).join(', '), choices.at(-1)].join(' or ');
}

const bounded =
  <T extends number>(parse: (raw: unknown) => Parsed<T>, min: T, what: string) =>
  (raw: unknown): Parsed<T> => {
    const parsed = parse(raw);
    return 'value' in parsed && parsed.value < min ? { wrong: `'${shown(String(raw))}' is less than ${what}` } : parsed;
  };

/** Code names of durations end in `Ms`. */
export function duration<const S extends Spec>(doc: string, spec: S & { min?: string }) {
  const min = parseDuration(spec.min ?? '0s');
  const least = 'value' in min ? min.value : 0;
  return value<number, S>(doc, spec, bounded(parseDuration, least, spec.min ?? '0s'), {
    type: 'string',
    pattern: '^(\\d+(\\.\\d+)?(ms|[smhdw]))+$',
  });
}

/** Code names of sizes end in `Octets`. KB is 1,000 octets, KiB is 1,024. */
export function size<const S extends Spec>(doc: string, spec: S & { min?: string }) {
  const min = parseSize(spec.min ?? '0B');
  const least = 'value' in min ? min.value : 0;
  return value<number, S>(doc, spec, bounded(parseSize, least, spec.min ?? '0B'), {
    type: 'string',
    pattern: '^\\d+(\\.\\d+)? ?([KMGT]i?)?B$',
  });
}

export function rate<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, parseRate, { type: 'string', pattern: '^\\d+ ?/ ?[smhd]$' });
}

/** Octets per second. */
export function flow<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, parseFlow, { type: 'string', pattern: '^\\d+(\\.\\d+)? ?([KMGT]i?)?B/s$' });
}

/** 0 to 1 in code. */
export function share<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, parseShare, { type: 'string', pattern: '^\\d+(\\.\\d+)? ?%$' });
}

/** Code names end in `Ms`: after midnight. */
export function timeOfDay<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, parseTimeOfDay, { type: 'string', pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' });
}

/** A name of the time zone database. */
export function timeZone<const S extends Spec>(doc: string, spec: S) {
  return value<string, S>(
    doc,
    spec,
    (raw) =>
      typeof raw === 'string' && isTimeZone(raw)
        ? { value: raw }
        : { wrong: `must be a time zone such as Europe/Berlin or UTC, not ${kindOf(raw)}` },
    { type: 'string' },
  );
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export function network<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, parseNetwork, { type: 'string' });
}

export function address<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, parseAddress, { type: 'string' });
}

export function hostName<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, parseHostName, { type: 'string' });
}

/** `address:port` to listen on or to ask. */
export function endpoint<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, (raw) => parseHostPort(raw, false), { type: 'string' });
}

export function domainPattern<const S extends Spec>(doc: string, spec: S) {
  return value(doc, spec, parseDomainPattern, { type: 'string' });
}

/** A mailbox (lower case, domain in A-labels) or a domain as of `domainPattern`. */
export function mailboxOrDomain<const S extends Spec>(doc: string, spec: S) {
  return value<string, S>(
    doc,
    spec,
    (raw) => {
      const at = typeof raw === 'string' ? raw.lastIndexOf('@') : -1;
      if (typeof raw !== 'string' || at === -1) return parseDomainPattern(raw);
      const local = raw.slice(0, at);
      const domain = parseHostName(raw.slice(at + 1));
      if (!/^[^\0-\x20@\x7f]{1,64}$/.test(local) || 'wrong' in domain) {
        return { wrong: `must be a mailbox such as qa@example.com or a domain, not ${kindOf(raw)}` };
      }
      return { value: `${local.toLowerCase()}@${domain.value}` };
    },
    { type: 'string' },
  );
}

/** A domain as it stands in `domains`: lower case, A-labels. */
export function domainName<const S extends Spec>(doc: string, spec: S) {
  return text(doc, spec, DOMAIN_NAME, 'a domain such as example.com in lower case');
}

/** The path of a private key, or its text by `${file:PATH}` or `${env:NAME}`. */
export function keyFile<const S extends Spec>(doc: string, spec: S) {
  return value<string, S & { readonly secret: 'pem' }>(
    doc,
    { ...spec, secret: 'pem' },
    (raw) =>
      typeof raw === 'string' && raw.length <= 16_384 && (isPem(raw) || /^[^\0\r\n]+$/.test(raw))
        ? { value: raw }
        : { wrong: `must be the path of a key file, not ${kindOf(raw)}` },
    { type: 'string' },
  );
}

/** RFC 5322 section 2.2: printable US-ASCII without a colon. Lower case, for comparing. */
export function headerName<const S extends Spec>(doc: string, spec: S) {
  return value<string, S>(
    doc,
    spec,
    (raw) =>
      typeof raw === 'string' && /^[!-9;-~]{1,76}$/.test(raw)
        ? { value: raw.toLowerCase() }
        : { wrong: `must be the name of a header field, not ${kindOf(raw)}` },
    { type: 'string' },
  );
}

/** The name of an entry of another map; that it exists is checked over all files together. */
export function reference<const S extends Spec>(doc: string, refers: Referred, spec: S) {
  return text<S & { readonly refers: Referred }>(doc, { ...spec, refers });
}

/** Never inline: `${file:PATH}` or `${env:NAME}`. */
export function secret(doc: string, spec: { readonly example: string }): Setting<string> {
  return text(doc, { ...spec, secret: true });
}

// Values with units as people write them: durations `15m`, sizes `25MB`, rates `200/h`, flows `500B/s`.
// A number without its unit is refused, because nobody remembers which one was meant.

/** A value, or what is wrong with the text in words that follow the setting's name. */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string };

export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const OCTETS = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

/** A bound so that no sum of a few settings leaves the exact integers or a timer's range without notice. */
const DURATION_MS_MAX = 3650 * MS.d;

export function parseDuration(raw: unknown): Parsed<number> {
  const example = 'a duration such as 30s, 15m, 1h30m or 4d';
  if (typeof raw === 'number') return { wrong: `${raw} has no unit: write ${example}` };
  if (typeof raw !== 'string') return { wrong: `must be ${example}, not ${kindOf(raw)}` };
  if (/^\d+$/.test(raw)) return { wrong: `'${raw}' has no unit: write ${example}` };
  if (!/^(\d+(\.\d+)?(ms|[smhdw]))+$/.test(raw)) {
    const unit = /^[\d.]+ *([a-zA-Z/]+)$/.exec(raw)?.[1];
    if (unit !== undefined) return { wrong: `'${raw}': '${unit}' is no unit of time; known: ms, s, m, h, d, w` };
    return { wrong: `must be ${example}, not '${shown(raw)}'` };
  }
  let total = 0;
  for (const [, digits, unit] of raw.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdw])/g)) {
    total += Number(digits) * MS[unit as keyof typeof MS];
  }
  if (total > DURATION_MS_MAX) return { wrong: `'${raw}' is longer than ten years` };
  return { value: Math.round(total) };
}

export function parseSize(raw: unknown): Parsed<number> {
  const example = 'a size such as 500B, 64KiB, 25MB or 2GiB';
  if (typeof raw === 'number') return { wrong: `${raw} has no unit: write ${example}` };
  if (typeof raw !== 'string') return { wrong: `must be ${example}, not ${kindOf(raw)}` };
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?) ?([a-zA-Z]*)$/.exec(raw) ?? [];
  if (digits === undefined) return { wrong: `must be ${example}, not '${shown(raw)}'` };
  if (unit === '') return { wrong: `'${raw}' has no unit: write ${example}` };
  const known = (Object.keys(OCTETS) as (keyof typeof OCTETS)[]).find((name) => name === unit);
  if (known === undefined) {
    return { wrong: `'${raw}': '${unit}' is no unit of size; known: ${Object.keys(OCTETS).join(', ')}` };
  }
  const value = Math.round(Number(digits) * OCTETS[known]);
  return Number.isSafeInteger(value) ? { value } : { wrong: `'${raw}' is too large` };
}

export function parseRate(raw: unknown): Parsed<Rate> {
  const example = 'a rate such as 10/s, 200/m, 5000/h or 100000/d';
  if (typeof raw === 'number') return { wrong: `${raw} has no unit: write ${example}` };
  if (typeof raw !== 'string') return { wrong: `must be ${example}, not ${kindOf(raw)}` };
  if (/^\d+$/.test(raw)) return { wrong: `'${raw}' has no unit: write ${example}` };
  const [, digits, unit = ''] = /^(\d+) ?\/ ?([a-zA-Z]+)$/.exec(raw) ?? [];
  if (digits === undefined) return { wrong: `must be ${example}, not '${shown(raw)}'` };
  if (!['s', 'm', 'h', 'd'].includes(unit)) {
    return { wrong: `'${raw}': '${unit}' is no unit of a rate; known: /s, /m, /h, /d` };
  }
  const count = Number(digits);
  if (!Number.isSafeInteger(count) || count < 1) return { wrong: `'${raw}': the count must be 1 or more` };
  return { value: { count, perMs: MS[unit as keyof typeof MS] } };
}

/** Octets per second. */
export function parseFlow(raw: unknown): Parsed<number> {
  const example = 'octets per second such as 500B/s or 2KiB/s';
  if (typeof raw !== 'string' || !raw.endsWith('/s')) {
    return { wrong: `must be ${example}, not ${typeof raw === 'string' ? `'${shown(raw)}'` : kindOf(raw)}` };
  }
  const size = parseSize(raw.slice(0, -2).trimEnd());
  return 'wrong' in size ? { wrong: `must be ${example}, not '${shown(raw)}'` } : size;
}

/** A share of something, as a fraction. */
export function parseShare(raw: unknown): Parsed<number> {
  const example = 'a share such as 70% or 0.1%';
  if (typeof raw === 'number') return { wrong: `${raw} has no unit: write ${example}` };
  const [, digits] = (typeof raw === 'string' && /^(\d+(?:\.\d+)?) ?%$/.exec(raw)) || [];
  if (digits === undefined) return { wrong: `must be ${example}, not ${kindOf(raw)}` };
  const percent = Number(digits);
  return percent <= 100 ? { value: percent / 100 } : { wrong: `'${shown(String(raw))}' is more than 100%` };
}

/** A time of day, in ms after midnight. */
export function parseTimeOfDay(raw: unknown): Parsed<number> {
  const [, hours, minutes] = (typeof raw === 'string' && /^([01]\d|2[0-3]):([0-5]\d)$/.exec(raw)) || [];
  if (hours === undefined) return { wrong: `must be a time of day such as '06:00', not ${kindOf(raw)}` };
  return { value: Number(hours) * MS.h + Number(minutes) * MS.m };
}

/** Shortest exact form of a size, for people. */
export function sizeText(octets: number): string {
  const fitting = Object.entries(OCTETS).filter(([, unit]) => octets >= unit && octets % unit === 0);
  const [name = 'B', unit = 1] = fitting.toSorted(([, one], [, other]) => other - one)[0] ?? [];
  return `${octets / unit}${name}`;
}

/** What a YAML value is, in words. */
export function kindOf(raw: unknown): string {
  if (raw === undefined || raw === null) return 'nothing';
  if (Array.isArray(raw)) return 'a list';
  if (typeof raw === 'string') return `'${shown(raw)}'`;
  return typeof raw === 'boolean' || typeof raw === 'number' ? String(raw) : 'a map of settings';
}

/** A value from a file in a message: short, and without control characters. */
export function shown(text: string): string {
  const clean = text.replace(/[^\P{C}]/gu, '?');
  return clean.length > 60 ? `${clean.slice(0, 57)}...` : clean;
}

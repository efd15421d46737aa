// Settings in force as an operator writes them: names in snake case, durations and rates with their units. Secrets are
// never shown.
import { MAPS } from './guard.ts';
import { yamlName } from './setting.ts';
import { durationText } from '../base/duration.ts';
import { sizeText } from './units.ts';

/** `['limits', 'messageOctets']` is `limits.message`; names that people chose stand as they are. */
export function shownName(path: readonly string[]): string {
  const [top = ''] = path;
  return path.map((part, at) => (at === 1 && MAPS.some((map) => map === top) ? part : yamlName(part))).join('.');
}

/** A key may stand there as text. */
export function isSecret(path: readonly string[]): boolean {
  const [top = ''] = path;
  return top === 'credentials' || (top === 'domains' && path.at(-1) === 'key');
}

/** A rate, and an address with its port, is one value. */
export function isGroup(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !('perMs' in value) &&
    !isPlace(value) &&
    !isTarget(value)
  );
}

/** `key`: the name in code, which tells the unit. */
export function shownValue(key: string, value: unknown): string {
  const all = Array.isArray(value) ? (value as unknown[]) : [value];
  const texts = all.map((each) => {
    if (typeof each === 'number') {
      if (key.endsWith('Share')) return `${Number((each * 100).toPrecision(12))}%`;
      return key.endsWith('Ms') ? durationText(each) : key.endsWith('Octets') ? sizeText(each) : String(each);
    }
    if (typeof each === 'object' && each !== null && 'perMs' in each) {
      const { count, perMs } = each as { count: number; perMs: number };
      return `${count}/${durationText(perMs).replace(/^1/, '')}`;
    }
    if (isPlace(each)) return placeText(each);
    if (isTarget(each)) return each.hosts?.map(placeText).join(', ') ?? each.kind;
    return typeof each === 'string' ? each : JSON.stringify(each);
  });
  return Array.isArray(value) ? `[${texts.join(', ')}]` : texts.join();
}

interface Place {
  readonly host: string;
  readonly port: number;
}

function isPlace(value: unknown): value is Place {
  return typeof value === 'object' && value !== null && 'host' in value && 'port' in value && !('tls' in value);
}

function placeText({ host, port }: Place): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Where a route goes. */
function isTarget(value: unknown): value is { readonly kind: string; readonly hosts?: readonly Place[] } {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

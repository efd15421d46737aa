// What sources and pools contradict each other in, beyond what their schema says. Pure: values in, findings out.
import type { Finding } from './problem.ts';
import { member } from './yaml-file.ts';

export function sourceConflicts(sending: unknown): readonly Finding[] {
  return [...sharedAddresses(member(sending, 'sources')), ...poolConflicts(member(sending, 'pools'))];
}

/** Two sources with one address would each have the caps that receivers count for that address. */
function sharedAddresses(sources: unknown): readonly Finding[] {
  const found: Finding[] = [];
  const first = new Map<string, string>();
  for (const [name, source] of entriesOf(sources)) {
    const address = member(source, 'address');
    if (typeof address !== 'string') continue;
    const other = first.get(address.toLowerCase());
    if (other === undefined) first.set(address.toLowerCase(), name);
    else {
      const path = ['sources', name, 'address'];
      found.push({ path, at: 'value', message: `'${address}' is already sources.${other}.address` });
    }
  }
  return found;
}

function poolConflicts(pools: unknown): readonly Finding[] {
  const found: Finding[] = [];
  for (const [name, pool] of entriesOf(pools)) {
    const seen = new Set<unknown>();
    const members = member(pool, 'sources');
    for (const [at, each] of Array.isArray(members) ? members.entries() : []) {
      const source = member(each, 'source');
      const path = ['pools', name, 'sources', at];
      if (seen.has(source)) found.push({ path, at: 'value', message: `'${String(source)}' is in this pool already` });
      seen.add(source);
    }
    const circle = circleFrom(name, pools);
    if (circle !== undefined) {
      const message = `overflows in a circle: ${circle.join(' -> ')}`;
      found.push({ path: ['pools', name, 'overflow'], at: 'value', message });
    }
  }
  return found;
}

/** The way from a pool back to itself; a pool that only leads into a circle is not told. */
function circleFrom(start: string, pools: unknown): readonly string[] | undefined {
  const way = [start];
  for (let at: unknown = start; ; ) {
    at = member(pools, String(at), 'overflow');
    if (typeof at !== 'string') return undefined;
    if (at === start) return [...way, start];
    if (way.includes(at)) return undefined;
    way.push(at);
  }
}

function entriesOf(map: unknown): readonly (readonly [string, unknown])[] {
  return typeof map === 'object' && map !== null && !Array.isArray(map) ? Object.entries(map) : [];
}

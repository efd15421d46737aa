// The providers in force: the shipped ones, what the operator's file changes of them, and those that it adds. And which of
// the operator's could never be recognised.
import { type Problem, settingText, suggestion } from './problem.ts';
import type { Provider, ProvidersFile } from './schema-responses.ts';
import type { Read } from './shipped-file.ts';

export type Providers = Readonly<Record<string, Provider>>;

/** Own providers that no mail host and no domain can lead to, in `table`, those in force. */
export function deadProviders(shipped: Providers, table: Providers, own: Read<ProvidersFile>): readonly Problem[] {
  const taken = new Map<string, string>();
  return Object.entries(table).flatMap(([name, provider]) => {
    const names = namesOf(provider);
    const others = new Set(names.map((one) => taken.get(one)));
    for (const one of names) if (!taken.has(one)) taken.set(one, name);
    if (own.value.providers[name] === undefined || !isDead(names, others)) return [];
    const message =
      names.length > 0
        ? `never recognised: ${[...others].join(', ')} before it has all of its mx and domains`
        : // A slip in the name of a shipped one.
          `no such provider; ${suggestion(name, Object.keys(shipped))}; one of your own needs mx or domains`;
    const path = ['providers', name];
    return [{ file: own.shown, ...own.yaml().locate(path, 'key'), setting: settingText(path), message }];
  });
}

/** Of two with the same name the first has it (ProviderBook). */
function isDead(names: readonly string[], others: ReadonlySet<string | undefined>): boolean {
  return names.length === 0 || !others.has(undefined);
}

function namesOf({ mx, domains }: Provider): readonly string[] {
  return [...mx.map((suffix) => suffix.replace(/^\./, '')), ...domains.map((domain) => `@${domain}`)];
}

/** Key by key; what is not written stays as shipped. */
export function overridden(shipped: Providers, own: Providers): Providers {
  const names = new Set([...Object.keys(own), ...Object.keys(shipped)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const before = shipped[name];
      const after = own[name];
      if (before === undefined || after === undefined) return [name, (after ?? before) as Provider];
      return [
        name,
        {
          ...before,
          ...after,
          mx: after.mx.length > 0 ? after.mx : before.mx,
          domains: after.domains.length > 0 ? after.domains : before.domains,
          start: { ...before.start, ...after.start },
          ceiling: { ...before.ceiling, ...after.ceiling },
          caps: { ...before.caps, ...after.caps },
          group: { ...before.group, ...after.group },
        },
      ];
    }),
  );
}

// Which provider a site belongs to: by the end of an MX host name first, by recipient domain second, for brands move and
// their mail hosts tell. Pure; the tables come from `config/providers.yaml`.

export interface ProviderNames {
  readonly name: string;
  /** Ends of MX host names, lower case; one that begins with a dot means a host below that domain. */
  readonly mx: readonly string[];
  /** Recipient domains, for providers whose mail hosts say nothing, or when no MX is known yet. */
  readonly domains: readonly string[];
}

/** Recognises providers; built once for a configuration. */
export class ProviderBook {
  /** Without the leading dot; true: only hosts below it. */
  readonly #suffixes = new Map<string, { readonly provider: string; readonly onlyBelow: boolean }>();
  readonly #domains = new Map<string, string>();

  /** Of two providers with the same suffix or domain the first in `providers` has it. */
  constructor(providers: readonly ProviderNames[]) {
    for (const { name, mx, domains } of providers) {
      for (const suffix of mx) {
        const onlyBelow = suffix.startsWith('.');
        const bare = onlyBelow ? suffix.slice(1) : suffix;
        if (!this.#suffixes.has(bare)) this.#suffixes.set(bare, { provider: name, onlyBelow });
      }
      for (const domain of domains) if (!this.#domains.has(domain)) this.#domains.set(domain, name);
    }
  }

  /** `hosts`: best first, as in the route. The longest suffix of the best host that has one decides. */
  find(domain: string, hosts: readonly string[]): string | undefined {
    for (const host of hosts) {
      const found = this.#byHost(host.toLowerCase().replace(/\.$/, ''));
      if (found !== undefined) return found;
    }
    return this.#domains.get(domain.toLowerCase());
  }

  #byHost(host: string): string | undefined {
    for (let from = 0; from >= 0 && from < host.length; ) {
      const entry = this.#suffixes.get(host.slice(from));
      if (entry !== undefined && !(entry.onlyBelow && from === 0)) return entry.provider;
      const dot = host.indexOf('.', from);
      from = dot < 0 ? -1 : dot + 1;
    }
    return undefined;
  }
}

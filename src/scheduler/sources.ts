// Which sources may begin something: known, enabled by the configuration, not drained by an operator, with an address
// that is on this host. A pool is asked as
// tiers: its own sources, then those of its overflow pool, each only while no source of those before may send.
import type { Session } from './lane.ts';
import type { Egresses } from './egresses.ts';
import type { Marks } from './marks.ts';
import type { PoolSource, Settings } from './settings.ts';

export interface SourcesDeps {
  readonly settings: Settings;
  readonly marks: Marks;
  readonly egresses: Egresses;
}

/** Nobody has more; a circle is refused by the configuration. */
const TIERS_MAX = 10;

export class Sources {
  readonly #deps: SourcesDeps;
  #missing: ReadonlySet<string> = new Set();
  readonly #tiers = new Map<string, readonly (readonly PoolSource[])[]>();

  constructor(deps: SourcesDeps) {
    this.#deps = deps;
  }

  maySend(name: string): boolean {
    const { settings, marks } = this.#deps;
    const isKnown = settings.source(name) !== undefined && !settings.isDisabled(name);
    return isKnown && !marks.isDrained(name) && !this.#missing.has(name);
  }

  isMissing(name: string): boolean {
    return this.#missing.has(name);
  }

  /** Their addresses are not on this host. Gives back those that were until now. */
  setMissing(names: readonly string[]): readonly string[] {
    const before = this.#missing;
    this.#missing = new Set(names);
    this.refresh();
    return names.filter((name) => !before.has(name));
  }

  /** Sources of the pool that may send, then of its overflow pool, and so on. Empty ones are left out. */
  tiers(pool: string): readonly (readonly PoolSource[])[] {
    let tiers = this.#tiers.get(pool);
    if (tiers === undefined) {
      tiers = this.#find(pool);
      this.#tiers.set(pool, tiers);
    }
    return tiers;
  }

  /** Marks or options changed. Sessions of sources that may not send any more end after what they were granted. */
  refresh(): void {
    this.#tiers.clear();
    const { egresses, settings } = this.#deps;
    for (const session of Array.from(egresses.all)) {
      if (!this.maySend(session.lane.source.name) || isOutdated(session, settings)) egresses.retire(session);
    }
  }

  #find(pool: string): readonly (readonly PoolSource[])[] {
    const { settings } = this.#deps;
    const tiers: (readonly PoolSource[])[] = [];
    let name: string | undefined = pool;
    for (let depth = 0; name !== undefined && depth < TIERS_MAX; depth++) {
      const members = settings.pool(name).filter(({ source }) => this.maySend(source.name));
      if (members.length > 0) tiers.push(members);
      name = settings.overflowOf(name);
    }
    return tiers;
  }
}

/** A reload gave its source another address or EHLO name. */
function isOutdated({ lane: { source } }: Session, settings: Settings): boolean {
  const now = settings.source(source.name);
  return now?.address !== source.address || now?.ehlo !== source.ehlo;
}

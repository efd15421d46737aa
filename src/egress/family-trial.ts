// What one opening learns of address families on its way: the one that serves in the end shows which did not work.
import type { AttemptError, Remote, Source } from '../flow/attempt.ts';
import type { BrokenFamilies, Family } from './broken-families.ts';
import { familyOf } from './targets.ts';

/** A family that is tried last from now on. */
export interface FoundBroken {
  /** Absent: all of that family. */
  readonly host?: string;
  readonly family: Family;
  readonly forMs: number;
}

interface Tried {
  readonly host: string;
  readonly family: Family;
  /** An address of it answered, were it by a refusal. */
  hasAnswered: boolean;
  hasNoRoute: boolean;
}

export class FamilyTrial {
  readonly #source: Source;
  readonly #known: BrokenFamilies;
  readonly #begunAt: number;
  readonly #tried = new Map<string, Tried>();

  /** `begunAt`: monotonic. */
  constructor(source: Source, known: BrokenFamilies, begunAt: number) {
    this.#source = source;
    this.#known = known;
    this.#begunAt = begunAt;
  }

  /** That address was of no use. `isConnected`: it was reached. */
  failed({ host, address }: Remote, error: AttemptError | undefined, isConnected: boolean): void {
    const family = familyOf(address);
    const key = `${family} ${host}`;
    const tried = this.#tried.get(key) ?? { host, family, hasAnswered: false, hasNoRoute: false };
    this.#tried.set(key, tried);
    if (isConnected || (error?.kind !== 'timeout' && error?.kind !== 'unreachable')) tried.hasAnswered = true;
    if (error?.noRoute === true) tried.hasNoRoute = true;
  }

  /** It is used. Families that are found broken now. */
  serves({ host, address }: Remote): readonly FoundBroken[] {
    const family = familyOf(address);
    this.#known.works(this.#source, host, family);
    const found: FoundBroken[] = [];
    for (const tried of this.#tried.values()) {
      if (tried.family === family || tried.hasAnswered) continue;
      const { hasNoRoute } = tried;
      const forMs = this.#known.broke(this.#source, hasNoRoute ? undefined : tried.host, tried.family, this.#begunAt);
      if (forMs === undefined) continue;
      found.push({ ...(!hasNoRoute && { host: tried.host }), family: tried.family, forMs });
    }
    return found;
  }
}

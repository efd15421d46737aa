// Every destination and group by name: where mail of a relay goes is one of these, the same for the same hosts. Forgets
// those of which nothing waits.
import type { Relay } from '../flow/route.ts';
import { IN_ALL } from '../flow/warmup.ts';
import { Addresses } from './addresses.ts';
import { Destination, type DestinationHost } from './destination.ts';
import { Group, OTHER } from './group.ts';
import type { Lane } from './lane.ts';
import type { Limits } from './limits.ts';
import type { Meter } from './meter.ts';
import type { LaneCaps } from './options.ts';
import type { Settings } from './settings.ts';

export interface DestinationsDeps {
  readonly settings: Settings;
  readonly limits: Limits;
  /** A lane of it may go on. */
  readonly onWake: (destination: Destination) => void;
}

export class Destinations implements DestinationHost {
  readonly #deps: DestinationsDeps;
  /** Providers, and sites by provider: the name of a site may be that of a provider. */
  readonly #all = new Map<string, Destination>();
  readonly #groups = new Map<string, Group>();
  readonly #sources = new Map<string, Meter>();
  readonly onWake: (destination: Destination) => void;

  constructor(deps: DestinationsDeps) {
    this.#deps = deps;
    this.onWake = deps.onWake;
  }

  get all(): Iterable<Destination> {
    return this.#all.values();
  }

  of({ site }: Pick<Relay, 'site'>, provider: string | undefined): Destination {
    const { settings } = this.#deps;
    const isApart = provider !== undefined && settings.provider(provider)?.lanes === 'per-site';
    const key = provider === undefined ? ` ${site}` : isApart ? `${provider} ${site}` : provider;
    let destination = this.#all.get(key);
    if (destination === undefined) {
      const name = provider === undefined ? site : isApart ? `${provider}/${site}` : provider;
      destination = new Destination(name, provider, settings.laneCaps(provider), this);
      this.#all.set(key, destination);
    }
    return destination;
  }

  group(source: string, provider: string = OTHER): Group {
    const { settings, limits } = this.#deps;
    const name = `${source}/${provider}`;
    let group = this.#groups.get(name);
    if (group === undefined) {
      const meter = limits.meter('provider', name, settings.groupCaps(provider));
      group = new Group(source, provider, meter, this.#source(source));
      this.#groups.set(name, group);
    }
    return group;
  }

  get lanes(): Iterable<Lane> {
    return lanesOf(this.#groups.values());
  }

  /** Of a source to a provider, or to `*`: to all. */
  lanesOf(source: string, provider: string): Iterable<Lane> {
    if (provider !== IN_ALL) return this.#groups.get(`${source}/${provider}`)?.lanes ?? [];
    return lanesOf([...this.#groups.values()].filter((group) => group.source === source));
  }

  meter(lane: string, caps: LaneCaps): Meter {
    return this.#deps.limits.meter('lane', lane, caps);
  }

  /** The options changed. */
  reload(): void {
    const { settings } = this.#deps;
    for (const destination of this.#all.values()) {
      destination.caps = settings.laneCaps(destination.provider);
      for (const { meter } of destination.lanes.values()) meter.take(destination.caps);
      destination.rousedAll();
    }
    for (const group of this.#groups.values()) {
      group.meter.take(settings.groupCaps(group.provider));
      Addresses.refresh(group, settings.laneCaps(providerOf(group)).connectionsPerAddress);
    }
    for (const [name, meter] of this.#sources) meter.take(settings.sourceCaps(name));
  }

  sweep(now: number): void {
    const { settings } = this.#deps;
    for (const [key, destination] of this.#all) {
      if (destination.isForgettable(now)) {
        this.#all.delete(key);
        for (const lane of destination.lanes.values()) lane.group.lanes.delete(lane);
      } else for (const lane of destination.lanes.values()) lane.sweep(now);
    }
    for (const [key, group] of this.#groups) {
      const { lanes, meter } = group;
      Addresses.refresh(group, settings.laneCaps(providerOf(group)).connectionsPerAddress);
      if (lanes.size === 0 && meter.isForgettable) this.#groups.delete(key);
    }
  }

  #source(name: string): Meter {
    const { limits, settings } = this.#deps;
    let meter = this.#sources.get(name);
    if (meter === undefined) {
      meter = limits.meter('source', name, settings.sourceCaps(name));
      this.#sources.set(name, meter);
    }
    return meter;
  }
}

function* lanesOf(groups: Iterable<Group>): Generator<Lane> {
  for (const { lanes } of groups) yield* lanes;
}

function providerOf({ provider }: Group): string | undefined {
  return provider === OTHER ? undefined : provider;
}

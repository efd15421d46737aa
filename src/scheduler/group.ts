// A group, (source, provider): its lanes. Where a provider is one lane they coincide; where it keeps its tenants apart
// the group holds a lane for each of its sites. All sites without provider are one group of a source, `other`.
import type { Lane } from './lane.ts';
import type { Meter } from './meter.ts';

export const OTHER = 'other';

export class Group {
  readonly source: string;
  /** `other`: sites that nobody knows. */
  readonly provider: string;
  /** `source/provider`. */
  readonly name: string;
  readonly lanes = new Set<Lane>();
  /** By remote address, of those that something is open to or waits for (addresses.ts). */
  readonly addresses = new Map<string, Meter>();
  readonly meter: Meter;
  readonly sourceMeter: Meter;

  constructor(source: string, provider: string, meter: Meter, sourceMeter: Meter) {
    this.source = source;
    this.provider = provider;
    this.name = `${source}/${provider}`;
    this.meter = meter;
    this.sourceMeter = sourceMeter;
  }
}

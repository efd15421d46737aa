// Counts at the receivers, over all egress processes, what caps speak of: connections until their end, connections made
// and recipients in any period. Knows nothing of meters: it has the caps in force, and what really happened when.
import type { Attempt, SessionGrant } from '../../src/flow/attempt.ts';
import type { Message } from '../../src/flow/message.ts';
import type { MeterCaps, Rate, SchedulerOptions } from '../../src/scheduler/options.ts';

interface Happened {
  readonly at: number;
  readonly amount: number;
}

export class CapWatch {
  readonly violations: string[] = [];
  mostPerAddress = 0;
  readonly #options: SchedulerOptions;
  readonly #now: () => number;
  readonly #open = new Map<string, number>();
  readonly #happened = new Map<string, Happened[]>();

  constructor(options: SchedulerOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  opened(grant: SessionGrant): void {
    for (const [name, caps] of this.#capsOf(grant)) {
      const count = (this.#open.get(name) ?? 0) + 1;
      this.#open.set(name, count);
      if (count > (caps.connections ?? Infinity)) this.violations.push(`${name} has ${count} connections`);
    }
  }

  /** The server heard of it. */
  connecting(grant: SessionGrant): void {
    for (const [name, caps] of this.#capsOf(grant)) {
      if (caps.newConnections !== undefined) this.#count(`${name}: new connections`, 1, [caps.newConnections]);
    }
  }

  closed(grant: SessionGrant): void {
    for (const [name] of this.#capsOf(grant)) this.#open.set(name, (this.#open.get(name) ?? 0) - 1);
  }

  /** From now on it may have a connection to it. */
  claimed(grant: SessionGrant, address: string): void {
    const { caps, providers } = this.#options;
    const name = addressOf(grant, address);
    const own = grant.provider === undefined ? caps : providers?.[grant.provider]?.caps;
    const count = (this.#open.get(name) ?? 0) + 1;
    this.#open.set(name, count);
    this.mostPerAddress = Math.max(this.mostPerAddress, count);
    if (count > (own?.connectionsPerAddress ?? Infinity)) this.violations.push(`${name} has ${count} connections`);
  }

  unclaimed(grant: SessionGrant, address: string): void {
    const name = addressOf(grant, address);
    this.#open.set(name, (this.#open.get(name) ?? 0) - 1);
  }

  /** The final dot. */
  ended(grant: SessionGrant, attempt: Attempt, { tenant, stream }: Message): void {
    const { tenants, streams } = this.#options;
    const owners: [string, MeterCaps | undefined][] = [
      [`tenant ${tenant}`, tenants[tenant]?.caps],
      [`stream ${stream}`, streams[stream]?.caps],
    ];
    for (const [name, caps] of [...this.#capsOf(grant), ...owners]) {
      if (caps?.rates !== undefined) this.#count(name, attempt.indexes.length, caps.rates);
    }
  }

  #capsOf({ lane, source, provider }: SessionGrant): readonly [string, MeterCaps][] {
    const { caps, providers, sources } = this.#options;
    const policy = provider === undefined ? undefined : providers?.[provider];
    return [
      [`lane ${lane}`, { ...caps, ...policy?.caps }],
      [`group ${source.name}/${provider ?? 'other'}`, policy?.group ?? {}],
      [`source ${source.name}`, sources[source.name]?.caps ?? {}],
    ];
  }

  #count(name: string, amount: number, rates: readonly Rate[]): void {
    const now = this.#now();
    const longest = Math.max(...rates.map(({ perMs }) => perMs));
    const all = (this.#happened.get(name) ?? []).filter(({ at }) => at > now - longest);
    all.push({ at: now, amount });
    this.#happened.set(name, all);
    for (const { count, perMs } of rates) {
      const within = all.filter(({ at }) => at > now - perMs).reduce((sum, one) => sum + one.amount, 0);
      if (within > count) this.violations.push(`${name}: ${within} within ${perMs} ms, at most ${count}`);
    }
  }
}

function addressOf({ source, provider = '' }: SessionGrant, address: string): string {
  return `address ${source.name} ${provider} ${address}`;
}

// Deliveries whose sending domain is suspended at the provider: taken from the head of their queue and kept here until
// that ends, so that other mail of the queue goes on. No row is touched; what is kept is bounded, and a queue of which too
// much is kept waits as a whole.
import type { Message } from '../flow/message.ts';
import type { Due } from '../flow/spool.ts';
import type { Queue } from './queue.ts';
import type { Suspension, Suspensions } from './suspensions.ts';

export interface HeldBackDeps {
  readonly suspensions: Suspensions;
  /** They may be pulled again. */
  readonly onFree: (queue: Queue, dues: readonly Due[]) => void;
}

/** Deliveries kept of one queue; then it waits as a whole. */
const PER_QUEUE_MAX = 1000;
/** The same over all queues. */
const IN_ALL_MAX = 100_000;
/** A probe that nobody answered by then is not waited for. */
const PROBE_MS = 15 * 60_000;

interface Kept {
  readonly queue: Queue;
  readonly dues: Due[];
}

interface Probe {
  readonly message: string;
  readonly at: number;
}

export class HeldBack {
  readonly #deps: HeldBackDeps;
  /** By name of the suspension, then by key of the queue. */
  readonly #kept = new Map<string, Map<string, Kept>>();
  readonly #probes = new Map<string, Probe>();
  #count = 0;

  constructor(deps: HeldBackDeps) {
    this.#deps = deps;
  }

  /** Deliveries kept. */
  get count(): number {
    return this.#count;
  }

  /** The suspension that keeps a message from going where this queue goes. When it may be probed, one message may. */
  find(queue: Queue, message: Message, now: number): Suspension | undefined {
    const { suspensions } = this.#deps;
    if (!suspensions.any) return undefined;
    const name = sendingScope(message, queue);
    const suspension = suspensions.find('sending-domain+provider', name);
    if (suspension === undefined || !suspensions.isProbing(suspension)) return suspension;
    const probe = this.#probes.get(name);
    if (probe !== undefined && probe.message !== message.id && now - probe.at < PROBE_MS) return suspension;
    this.#probes.set(name, { message: message.id, at: now });
    return undefined;
  }

  /** Keeps it. False: enough is kept of this queue, which is to wait as a whole. */
  keep({ name }: Suspension, queue: Queue, due: Due): boolean {
    let queues = this.#kept.get(name);
    if (queues === undefined) {
      queues = new Map();
      this.#kept.set(name, queues);
    }
    let kept = queues.get(queue.key);
    if (kept === undefined) {
      kept = { queue, dues: [] };
      queues.set(queue.key, kept);
    }
    kept.dues.push(due);
    this.#count++;
    return !isFull(kept) && this.#count < IN_ALL_MAX;
  }

  /** As `find`, for who only asks: nobody becomes a probe. */
  keeps(queue: Queue, message: Message): Suspension | undefined {
    return this.#deps.suspensions.find('sending-domain+provider', sendingScope(message, queue));
  }

  /** The suspension for which the queue waits as a whole. */
  blocks(queue: Queue): Suspension | undefined {
    const { tenant, campaign } = queue.name;
    const held = this.ofCampaign(tenant, campaign);
    if (held !== undefined) return held;
    if (this.#count === 0) return undefined;
    for (const [name, queues] of this.#kept) {
      const kept = queues.get(queue.key);
      if (kept !== undefined && (isFull(kept) || this.#count >= IN_ALL_MAX)) {
        return this.#deps.suspensions.find('sending-domain+provider', name);
      }
    }
    return undefined;
  }

  /** What keeps a campaign back everywhere. */
  ofCampaign(tenant: string, campaign: string): Suspension | undefined {
    const { suspensions } = this.#deps;
    if (campaign === '' || !suspensions.any) return undefined;
    const held = suspensions.find('campaign', campaignScope(tenant, campaign));
    return held === undefined || suspensions.isProbing(held) ? undefined : held;
  }

  /** A message was given back, or its attempt told nothing: if it was a probe, another may be one. */
  undecided(message: Message): void {
    for (const [name, probe] of this.#probes) if (probe.message === message.id) this.free(name);
  }

  /** The suspension is over, or may be probed, or its probe is over. */
  free(name: string): void {
    this.#probes.delete(name);
    const queues = this.#kept.get(name);
    if (queues === undefined) return;
    this.#kept.delete(name);
    for (const { dues } of queues.values()) this.#count -= dues.length;
    for (const { queue, dues } of queues.values()) this.#deps.onFree(queue, dues);
  }
}

function isFull({ dues }: Kept): boolean {
  return dues.length >= PER_QUEUE_MAX;
}

/** Name of a campaign's suspension. */
export function campaignScope(tenant: string, campaign: string): string {
  return `${tenant}/${campaign}`;
}

/** Whose name is on it: the domain of From, where it could be read. */
export function sendingDomain({ fromDomain, reversePath }: Message): string {
  return fromDomain ?? reversePath.slice(reversePath.lastIndexOf('@') + 1).toLowerCase();
}

function sendingScope(message: Message, { binding: { domain } }: Queue): string {
  return `${sendingDomain(message)}/${domain.destination?.provider ?? domain.destination?.name ?? domain.name}`;
}

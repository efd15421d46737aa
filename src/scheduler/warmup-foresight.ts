// Says it the day it becomes certain: mail whose sources are all warming up, and of which more waits than they may send
// before it expires, even if every day goes well. Looks once an hour; nothing is held or ended for it.
import { OTHER } from '../flow/warmup.ts';
import type { Spool } from '../flow/spool.ts';
import { capacityUntil } from '../policy/warmup-forecast.ts';
import type { Budgets } from './budgets.ts';
import type { DueTime } from './due-time.ts';
import type { Queues } from './queues.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';
import type { Wakeable, Wakes } from './wakes.ts';

export interface ForesightDeps {
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly spool: Spool;
  readonly settings: Settings;
  readonly sources: Sources;
  readonly queues: Queues;
  readonly budgets: Budgets;
  readonly recorder: Recorder;
}

const AGAIN_MS = 3_600_000;

/** What waits for the same budgets: of one pool, provider and stream. */
interface Waiting {
  readonly pool: string;
  readonly provider: string;
  readonly stream: string;
  deliveries: number;
}

export class WarmupForesight implements Wakeable {
  readonly #deps: ForesightDeps;
  wakeAt: number | undefined;

  constructor(deps: ForesightDeps) {
    this.#deps = deps;
  }

  wake(): void {
    const { settings, wakes, time } = this.#deps;
    if (!settings.hasPlans) return;
    for (const waiting of this.#waiting()) this.#judge(waiting);
    wakes.set(this, time.now() + AGAIN_MS);
  }

  #judge({ pool, provider, stream, deliveries }: Waiting): void {
    const { settings, recorder } = this.#deps;
    const { lifetimeMs } = settings.stream(stream);
    if (lifetimeMs === undefined) return;
    const capacity = this.#capacity(pool, provider, stream, lifetimeMs);
    if (deliveries <= capacity) return;
    const days = Math.round(lifetimeMs / 8_640_000) / 10;
    const text =
      `mail of stream ${stream} in pool ${pool} will expire without an attempt at ${provider}: ` +
      `${deliveries} recipients wait, and its sources, which warm up, may send ${capacity} there within ${days} days; ` +
      'add a warm source to the pool, or hold the mail back where it comes from';
    recorder.alarm('warmup-expiry', text, `warmup-expiry ${pool} ${provider} ${stream}`);
  }

  /** The most that the pool's sources may hand over in time. Infinity: one of them is warm. */
  #capacity(pool: string, provider: string, stream: string, lifetimeMs: number): number {
    const { settings, sources, budgets } = this.#deps;
    const tiers = sources.tiers(pool);
    // Nobody may send at all: that has an alarm of its own.
    if (tiers.length === 0) return Infinity;
    let capacity = 0;
    for (const members of tiers) {
      for (const { source } of members) {
        const plan = settings.planOf(source.name);
        const day = budgets.dayOf(source.name);
        if (plan === undefined || day === undefined) return Infinity;
        const warming = budgets.find(source.name, provider);
        if (warming === undefined || warming.isWarm) return Infinity;
        if (plan.exceptStreams.includes(stream)) continue;
        capacity += capacityUntil(warming.ladder, day.calendar, warming.state, day.now() + lifetimeMs);
      }
    }
    return capacity;
  }

  #waiting(): Iterable<Waiting> {
    const { spool, queues, settings } = this.#deps;
    const found = new Map<string, Waiting>();
    for (const { queue, waiting } of spool.queues()) {
      const binding = queues.find(queue)?.binding;
      if (binding === undefined) continue;
      const provider = binding.domain.provider ?? OTHER;
      const pool = settings.poolOf(queue, binding.rule);
      const key = `${pool} ${provider} ${queue.stream}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { pool, provider, stream: queue.stream, deliveries: waiting });
      else known.deliveries += waiting;
    }
    return found.values();
  }
}

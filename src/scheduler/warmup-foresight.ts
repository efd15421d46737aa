// Says it the day it becomes certain: mail whose sources are all warming up, and of which more waits than they may send
// before it expires, even if every day goes well. Looks once an hour; nothing is held or ended for it.
import { OTHER } from '../flow/warmup.ts';
import type { Spool } from '../flow/spool.ts';
import type { Budgets } from './budgets.ts';
import type { DueTime } from './due-time.ts';
import type { Queues } from './queues.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';
import type { Wakeable, Wakes } from './wakes.ts';
import { type BudgetShare, capacityWithin } from './warmup-capacity.ts';

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
interface Waiting extends BudgetShare {
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
    const capacity = capacityWithin(this.#deps, { pool, provider, stream }, lifetimeMs);
    if (deliveries <= capacity) return;
    const days = Math.round(lifetimeMs / 8_640_000) / 10;
    const text =
      `mail of stream ${stream} in pool ${pool} will expire without an attempt at ${provider}: ` +
      `${deliveries} recipients wait, and its sources, which warm up, may send ${capacity} there within ${days} days; ` +
      'add a warm source to the pool, or hold the mail back where it comes from';
    recorder.alarm('warmup-expiry', text, `warmup-expiry ${pool} ${provider} ${stream}`);
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

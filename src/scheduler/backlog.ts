// What waits for each provider, what limits it, and when it will be gone. For people: looks at every queue, but whoever asks
// again and again gets what was found a moment ago, so that it never takes more than 2 % of the scheduler's time. Bounded:
// most of what is found out is found out only of the providers that are named.
import type { Clock } from '../base/clock.ts';
import type { BacklogReport, ProviderBacklog, SharedWait } from '../flow/backlog.ts';
import type { QueueSummary, Spool } from '../flow/spool.ts';
import { endOf, type Wait } from '../flow/wait.ts';
import { drainText, waitText } from '../flow/wait-words.ts';
import { OTHER } from '../flow/warmup.ts';
import { drainForecast } from '../policy/drain-forecast.ts';
import type { Destination } from './destination.ts';
import type { Domain } from './domain.ts';
import type { DueTime } from './due-time.ts';
import type { LaneGate } from './lane-gate.ts';
import type { Lane } from './lane.ts';
import { perMinuteOf } from './options.ts';
import type { Meter } from './meter.ts';
import type { Paces } from './paces.ts';
import type { Queue } from './queue.ts';
import type { Queues } from './queues.ts';
import type { Routes } from './routes.ts';
import type { Waits } from './waits.ts';
import { type CapacityDeps, capacityWithin } from './warmup-capacity.ts';

export interface BacklogDeps extends CapacityDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly spool: Spool;
  readonly queues: Queues;
  readonly routes: Routes;
  readonly paces: Paces;
  readonly gate: LaneGate;
  readonly waits: Waits;
}

/** All queues are looked at again after so many times what it took. */
const LOOK_AGAIN = 50;
const WAITS_MAX = 3;
const DAY_MS = 86_400_000;
const DAYS_MAX = 60;

/** Of one provider, site or domain. */
interface Heap {
  readonly name: string;
  readonly kind: ProviderBacklog['kind'];
  /** undefined: several. */
  domain: string | undefined;
  waiting: number;
  inFlight: number;
  readonly queues: Queue[];
  readonly summaries: QueueSummary[];
}

/** What waits for the same thing. */
interface Share {
  wait: Wait;
  /** One of those that do. */
  readonly queue: Queue;
  deliveries: number;
}

export class Backlog {
  readonly #deps: BacklogDeps;
  #kept: { readonly providersMax: number; readonly report: BacklogReport } | undefined;
  /** Monotonic. */
  #lookAfter = Number.NEGATIVE_INFINITY;

  constructor(deps: BacklogDeps) {
    this.#deps = deps;
  }

  report(providersMax: number): BacklogReport {
    if (providersMax === 0) return { providers: [] };
    const { clock } = this.#deps;
    const began = clock.monotonic();
    if (this.#kept?.providersMax === providersMax && began < this.#lookAfter) return this.#kept.report;
    const report = this.#look(providersMax);
    this.#kept = { providersMax, report };
    this.#lookAfter = began + LOOK_AGAIN * (clock.monotonic() - began);
    return report;
  }

  #look(providersMax: number): BacklogReport {
    const heaps = this.#heaps().sort((a, b) => b.waiting - a.waiting || (a.name < b.name ? -1 : 1));
    const others = { providers: 0, waiting: 0, inFlight: 0 };
    for (const { waiting, inFlight } of heaps.slice(providersMax)) {
      others.providers++;
      others.waiting += waiting;
      others.inFlight += inFlight;
    }
    const providers = heaps.slice(0, providersMax).map((heap) => this.#tell(heap));
    return { providers, ...(others.providers > 0 && { others }) };
  }

  #heaps(): Heap[] {
    const { spool, queues, routes } = this.#deps;
    const heaps = new Map<string | Destination | Domain, Heap>();
    for (const summary of spool.queues()) {
      const queue = queues.find(summary.queue);
      if (queue === undefined) continue;
      const { name: domain } = queue.binding.domain;
      const { destination } = queue.binding.domain;
      const provider = destination === undefined ? routes.providerOf(domain) : destination.provider;
      // What it belongs to is its own key: no text is made for thousands of them.
      const key = provider ?? destination ?? queue.binding.domain;
      let heap = heaps.get(key);
      if (heap === undefined) {
        const kind = provider !== undefined ? 'provider' : destination !== undefined ? 'site' : 'domain';
        const name = provider ?? destination?.name ?? domain;
        heap = { name, kind, domain, waiting: 0, inFlight: 0, queues: [], summaries: [] };
        heaps.set(key, heap);
      }
      if (heap.domain !== domain) heap.domain = undefined;
      heap.waiting += summary.waiting;
      heap.inFlight += queue.inFlight;
      heap.queues.push(queue);
      heap.summaries.push(summary);
    }
    return [...heaps.values()];
  }

  #tell(heap: Heap): ProviderBacklog {
    const { clock, time } = this.#deps;
    const { name, kind, domain, waiting, inFlight, queues } = heap;
    const now = clock.now();
    const shares = this.#shares(heap).sort((a, b) => b.deliveries - a.deliveries);
    const destinations = new Set(queues.flatMap(({ binding }) => binding.domain.destination ?? []));
    let sessions = 0;
    let perMinute = 0;
    for (const destination of destinations) {
      perMinute += destination.endedPerMinute(time.now());
      for (const lane of destination.lanes.values()) sessions += lane.sessions.size;
    }
    const perMinuteMax = this.#perMinuteMax(destinations);
    const drain = drainForecast({
      now,
      shares: shares.map(({ deliveries, wait }) => ({ deliveries, end: endOf(wait) })),
      perMinute,
      ...(perMinuteMax < Infinity && { perMinuteMax }),
      budgetsUntil: (deliveries) => this.#budgetsUntil(shares, deliveries, now),
    });
    return {
      name,
      kind,
      ...(domain !== undefined && { domain }),
      waiting,
      inFlight,
      sessions,
      perMinute: Math.round(perMinute * 10) / 10,
      waits: shares.slice(0, WAITS_MAX).map(({ deliveries, wait }): SharedWait => {
        return { deliveries, wait, text: waitText(wait, now) };
      }),
      drain,
      empties: drainText(drain, now),
    };
  }

  /** Queues that are alike in all that decides are asked once. */
  #shares({ queues, summaries }: Heap): Share[] {
    const { waits, settings } = this.#deps;
    const alike = new Map<string, Share>();
    const shares = new Map<string, Share>();
    for (const [at, queue] of queues.entries()) {
      const { waiting, firstDueAt } = summaries[at] as QueueSummary;
      const { domain, rule } = queue.binding;
      const { stream, tenant } = queue.name;
      const where = `${domain.destination?.name} ${domain.relayKey} ${settings.poolOf(queue.name, rule)}`;
      // What is held, or has no route yet, is so by its own name.
      const isOwn = queue.mode === 'parked' || queue.mode === 'waiting';
      const key = isOwn ? '' : `${queue.mode} ${where} ${stream} ${tenant}`;
      let share = alike.get(key);
      if (share === undefined || isOwn) {
        const wait = waits.ofQueue(queue, firstDueAt);
        const what = wait.for === 'next-attempt' || wait.for === 'dns' ? wait.for : waitText(wait, 0);
        share = shares.get(what) ?? { wait, queue, deliveries: 0 };
        shares.set(what, share);
        if (!isOwn) alike.set(key, share);
      }
      share.deliveries += waiting;
      // Of those that were all tried, the first.
      const isFirst = share.wait.for === 'next-attempt' && queue.mode === 'asleep' && firstDueAt < share.wait.until;
      if (isFirst && queue.inFlight === 0) share.wait = { for: 'next-attempt', until: firstDueAt };
    }
    return [...shares.values()];
  }

  /** What caps and paces of the lanes that may send allow together; Infinity: no limit is known. */
  #perMinuteMax(destinations: Iterable<Destination>): number {
    const { gate, paces } = this.#deps;
    const groups = new Map<Lane['group'], number>();
    for (const { lanes } of destinations) {
      for (const lane of lanes.values()) {
        if (gate.isStopped(lane)) continue;
        const own = Math.min(paces.of(lane).perMinute, rateOf(lane.meter));
        groups.set(lane.group, (groups.get(lane.group) ?? 0) + own);
      }
    }
    let most = groups.size === 0 ? Infinity : 0;
    for (const [{ meter, sourceMeter }, lanes] of groups) most += Math.min(lanes, rateOf(meter), rateOf(sourceMeter));
    return most;
  }

  /** How long until the day of the pool's plans begins that is so many days away. */
  #dayBegins(pool: string, days: number): number {
    const { sources, budgets } = this.#deps;
    const [first] = sources.tiers(pool).flat();
    const day = first && budgets.dayOf(first.source.name);
    return day === undefined ? days * DAY_MS : day.calendar.day(day.now() + days * DAY_MS).from - day.now();
  }

  /** The day on which budgets let the last of so many go, if every day goes well: its beginning, or now. */
  #budgetsUntil([share]: readonly Share[], deliveries: number, now: number): number {
    const { settings } = this.#deps;
    if (share === undefined || !settings.hasPlans) return now;
    const { name, binding } = share.queue;
    const pool = settings.poolOf(name, binding.rule);
    const whose = { pool, provider: binding.domain.provider ?? OTHER, stream: name.stream };
    for (let days = 0; days <= DAYS_MAX; days++) {
      if (capacityWithin(this.#deps, whose, days * DAY_MS + 1) < deliveries) continue;
      return days === 0 ? now : now + this.#dayBegins(pool, days);
    }
    return Infinity;
  }
}

function rateOf({ caps: { rates = [] } }: Meter): number {
  return Math.min(...rates.map(perMinuteOf));
}

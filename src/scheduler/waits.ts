// The one place that says what mail waits for. It asks what granting (granting.ts, slots.ts) would ask, in the same order,
// and changes nothing: nobody waits in a line, no interval of a pace begins and no budget is reserved because somebody looked.
import type { Message } from '../flow/message.ts';
import type { QueueName, Spool } from '../flow/spool.ts';
import { sooner, type Wait } from '../flow/wait.ts';
import { OTHER } from '../flow/warmup.ts';
import { mayGrant } from '../policy/caps.ts';
import type { Budgets } from './budgets.ts';
import type { Destination } from './destination.ts';
import type { HeldBack } from './held-back.ts';
import { holdOf, type HoldDeps } from './hold.ts';
import type { InFlight } from './in-flight.ts';
import type { Lane } from './lane.ts';
import {
  familyWait,
  hostWait,
  LaneWaits,
  type LaneWaitsDeps,
  type Place,
  suspensionWait,
  wallOf,
} from './lane-waits.ts';
import type { Queue } from './queue.ts';
import type { PoolSource } from './settings.ts';
import type { Sources } from './sources.ts';

export interface WaitsDeps extends HoldDeps, LaneWaitsDeps {
  readonly spool: Spool;
  readonly inFlight: InFlight;
  readonly sources: Sources;
  readonly budgets: Budgets;
  readonly heldBack: HeldBack;
}

export class Waits {
  readonly #deps: WaitsDeps;
  readonly #lanes: LaneWaits;

  constructor(deps: WaitsDeps) {
    this.#deps = deps;
    this.#lanes = new LaneWaits(deps);
  }

  /** Of a queue: what the first of it that is not on its way waits for. `firstDueAt`: of its order in the spool. */
  ofQueue(queue: Queue, firstDueAt: number): Wait {
    const { domain, rule } = queue.binding;
    const held = this.ofName(queue, queue.name);
    if (held !== undefined) return held;
    const { route, destination, site, relayKey } = domain;
    if (route.state === 'unknown')
      return { for: 'dns-again', text: route.text, until: wallOf(this.#deps, route.until) };
    if (route.state === 'asking' || route.state === 'line') return { for: 'dns' };
    const place = destination && { destination, site, relayKey };
    const down = place && this.#down(place, this.#deps.settings.poolOf(queue.name, rule));
    if (down !== undefined) return down;
    // The spool's order holds what is on its way too, the queue's does not.
    if (queue.firstDueAt === Infinity && queue.inFlight > 0) return { for: 'delivery' };
    const first = queue.firstDueAt === Infinity ? firstDueAt : Math.max(firstDueAt, queue.firstDueAt);
    if (first > this.#deps.time.now()) return { for: 'next-attempt', until: wallOf(this.#deps, first) };
    return place === undefined ? { for: 'turn' } : this.ofPlace(place, queue.name, queue);
  }

  /** Of one delivery that waits in this queue and is not on its way. */
  ofDelivery(queue: Queue, message: Message, dueAt: number): Wait {
    const { heldBack, clock, time } = this.#deps;
    const held = this.ofName(queue, queue.name);
    if (held !== undefined) return held;
    if (dueAt > time.now()) return { for: 'next-attempt', until: wallOf(this.#deps, dueAt) };
    const suspension = heldBack.keeps(queue, message);
    if (suspension !== undefined) return suspensionWait(suspension, clock.now());
    return this.ofQueue(queue, dueAt);
  }

  /** What holds mail of this name before its route matters. `queue`: absent while none of it waits. */
  ofName(queue: Queue | undefined, name: QueueName, rule = queue?.binding.rule): Wait | undefined {
    const { heldBack, clock } = this.#deps;
    const hold = rule && holdOf(this.#deps, name, rule);
    if (hold !== undefined) return hold;
    const suspension = queue === undefined ? heldBack.ofCampaign(name.tenant, name.campaign) : heldBack.blocks(queue);
    return suspension && suspensionWait(suspension, clock.now());
  }

  /** Of mail that is due and whose place is known: the sources of its pool, tier by tier, as slots.ts asks them. */
  ofPlace(place: Place, name: QueueName, queue?: Queue, pool?: string): Wait {
    const { sources, egresses, settings, limits, spool, inFlight } = this.#deps;
    const from = pool ?? (queue === undefined ? name.pool : settings.poolOf(name, queue.binding.rule));
    if (egresses.count === 0) return { for: 'egress' };
    const { unsynced } = spool;
    if (!mayGrant(unsynced, inFlight.attempts, settings.limits.unsyncedMin)) return { for: 'disk', unsynced };
    const owner = limits.ownerOf(name);
    if (owner !== undefined) return this.#lanes.cap(owner, false) ?? { for: 'turn' };
    const tiers = sources.tiers(from);
    if (tiers.length === 0) return { for: 'source', pool: from };
    let soonest: Wait | undefined;
    for (const members of tiers) {
      const turn = this.#turn(members, place, name.stream);
      for (const { source } of turn.may) {
        const wait = this.#lanes.of(place.destination.lane(source), place);
        if (wait === undefined) return { for: 'turn' };
        soonest = sooner(soonest, wait);
      }
      if (turn.kept !== undefined) soonest = sooner(soonest, turn.kept);
      const mayStill = turn.isPassedOn ? turn.may : members;
      if (mayStill.some(({ source }) => this.#isAwake(place.destination.lane(source), place.site))) break;
    }
    return soonest ?? { for: 'turn' };
  }

  /** Of a lane, whatever waits for it. */
  ofLane(lane: Lane): Wait {
    const { gate, clock, leftOut } = this.#deps;
    const { destination, source } = lane;
    if (leftOut.stops(lane)) return familyWait(lane);
    const suspension = gate.find(lane);
    if (suspension !== undefined) return suspensionWait(suspension, clock.now());
    if (!this.#isWanted(lane)) return { for: 'nothing' };
    const spent = this.#spent(source.name, destination);
    if (spent !== undefined) return spent;
    const { name, provider } = destination;
    const site = provider === undefined ? name : name === provider ? undefined : name.slice(provider.length + 1);
    return this.#lanes.of(lane, { destination, ...(site !== undefined && { site }) }) ?? { for: 'turn' };
  }

  #isWanted({ destination, source }: Lane): boolean {
    const { sources } = this.#deps;
    return destination.sets.some(({ order, pool }) => {
      return (
        order.size > 0 && sources.tiers(pool).some((tier) => tier.some((member) => member.source.name === source.name))
      );
    });
  }

  /** Whose turn it is where sources warm up (warmup-turn.ts), and what the others wait for. */
  #turn(
    members: readonly PoolSource[],
    { destination }: Place,
    stream: string,
  ): { readonly may: readonly PoolSource[]; readonly kept?: Wait; readonly isPassedOn: boolean } {
    const { settings } = this.#deps;
    if (!settings.hasPlans) return { may: members, isPassedOn: false };
    const first: PoolSource[] = [];
    const warm: PoolSource[] = [];
    let kept: Wait | undefined;
    let waits = false;
    let isPassedOn = false;
    for (const member of members) {
      const { name: source } = member.source;
      const plan = settings.planOf(source);
      if (plan === undefined || this.#isWarm(source, destination)) {
        warm.push(member);
        continue;
      }
      const isKeptOff = plan.exceptStreams.includes(stream);
      if (!isKeptOff && plan.overflow === 'wait') waits = true;
      const spent = isKeptOff ? ({ for: 'warm-source', source, stream } as const) : this.#spent(source, destination);
      if (spent === undefined) {
        first.push(member);
        continue;
      }
      if (plan.overflow === 'overflow-pool') isPassedOn = true;
      kept = sooner(kept, spent);
    }
    const may = waits ? first : [...first, ...warm];
    return { may, isPassedOn: isPassedOn && !waits, ...(kept !== undefined && { kept }) };
  }

  #isWarm(source: string, { provider }: Destination): boolean {
    return this.#deps.budgets.look(source, provider ?? OTHER).every(({ budget }) => budget === undefined);
  }

  /** Its budget there; of two the one that has room last. undefined: it has room. */
  #spent(source: string, destination: Destination): Wait | undefined {
    const looks = this.#deps.budgets.look(source, destination.provider ?? OTHER).filter(({ mayGo }) => !mayGo);
    const [last] = looks.toSorted((a, b) => (b.until ?? 0) - (a.until ?? 0));
    if (last === undefined) return undefined;
    const { provider, used, budget = 0, until } = last;
    return { for: 'budget', source, provider, used, budget, ...(until !== undefined && { until }) };
  }

  /** No source of the pool reaches the site. */
  #down({ destination, site = '' }: Place, pool: string): Wait | undefined {
    const { sources, time } = this.#deps;
    const now = time.now();
    let soonest: Wait | undefined;
    for (const { source } of sources.tiers(pool).flat()) {
      const lane = destination.lanes.get(source.name);
      const reach = lane?.findReach(site);
      if (lane === undefined || reach === undefined || reach.isAwake(now)) return undefined;
      soonest = sooner(soonest, hostWait(lane, reach.lastFailure, wallOf(this.#deps, reach.openAfter)));
    }
    return soonest;
  }

  #isAwake(lane: Lane, site = ''): boolean {
    const { gate, time } = this.#deps;
    return !gate.isStopped(lane) && (lane.findReach(site)?.isAwake(time.now()) ?? true);
  }
}

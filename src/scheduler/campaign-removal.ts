// Campaigns that were cancelled: a mark, `cancelled/TENANT/NAME`, with the instant of it. What was accepted until then is
// not begun any more; its rows are settled as cancelled behind that, some in each turn, however many they are.
//
// sweeping (row by row) → waiting (for what was on its way) → sweeping once more, if something was → over, without mark
import type { Clock } from '../base/clock.ts';
import type { Message } from '../flow/message.ts';
import type { Due, QueueName, Spool } from '../flow/spool.ts';
import { campaignMark } from './campaigns.ts';
import type { DueTime } from './due-time.ts';
import type { InFlight } from './in-flight.ts';
import type { Recorder } from './recorder.ts';
import type { Unattempted } from './unattempted.ts';
import type { Wakeable, Wakes } from './wakes.ts';

export interface CampaignRemovalDeps {
  readonly clock: Clock;
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly spool: Spool;
  readonly inFlight: InFlight;
  readonly recorder: Recorder;
  readonly unattempted: () => Unattempted;
}

export const CANCELLED = 'cancelled/';
/** Rows settled in one turn. */
const STEP_MAX = 200;
/** What is on its way is looked at again after so long. */
const AGAIN_MS = 1000;
/** A message accepted before the mark may be told of so much later. */
const LATE_MS = 10_000;

class Removal implements Wakeable {
  readonly mark: string;
  /** ms since 1970. */
  readonly at: number;
  readonly by: string;
  /** Queues still to be swept; undefined: not looked up yet. */
  queues: QueueName[] | undefined;
  after: Due | undefined;
  state: 'sweeping' | 'waiting' = 'sweeping';
  /** Something was on its way after the last sweep. */
  isAgain = true;
  wakeAt: number | undefined;
  readonly #onWake: (removal: Removal) => void;

  constructor(mark: string, at: number, by: string, onWake: (removal: Removal) => void) {
    this.mark = mark;
    this.at = at;
    this.by = by;
    this.#onWake = onWake;
  }

  wake(): void {
    this.#onWake(this);
  }
}

export class CampaignRemoval {
  readonly #deps: CampaignRemovalDeps;
  /** By mark. */
  readonly #removals = new Map<string, Removal>();
  readonly #onWake = (removal: Removal): void => this.#look(removal);

  constructor(deps: CampaignRemovalDeps) {
    this.#deps = deps;
  }

  /** At a start. */
  load(): void {
    for (const { key, value } of this.#deps.spool.states(CANCELLED)) {
      const { at, by } = value as { readonly at: number; readonly by: string };
      this.#begin(`campaign/${key.slice(CANCELLED.length)}`, at, by);
    }
  }

  cancel(mark: string, by: string): void {
    const { clock, recorder } = this.#deps;
    const at = clock.now();
    recorder.write([{ type: 'state', at, key: keyOf(mark), value: { at, by }, by }]);
    this.#begin(mark, at, by);
  }

  isCancelling(mark: string): boolean {
    return this.#removals.has(mark);
  }

  /** By whom its campaign was cancelled after it was accepted; undefined: it may go. */
  cancelledBy({ campaign, tenant, acceptedAt }: Message): string | undefined {
    if (this.#removals.size === 0 || campaign === undefined) return undefined;
    const removal = this.#removals.get(campaignMark(tenant, campaign));
    return removal !== undefined && acceptedAt <= removal.at ? removal.by : undefined;
  }

  /** One turn's share. */
  step(): void {
    let left = STEP_MAX;
    for (const removal of this.#removals.values()) {
      if (left === 0) break;
      if (removal.state === 'sweeping') left = this.#sweep(removal, left);
    }
    if (left === 0) this.#deps.recorder.request();
  }

  #begin(mark: string, at: number, by: string): void {
    this.#removals.set(mark, new Removal(mark, at, by, this.#onWake));
    this.#deps.recorder.request();
  }

  #sweep(removal: Removal, budget: number): number {
    const { spool } = this.#deps;
    removal.queues ??= this.#queuesOf(removal.mark);
    let left = budget;
    while (left > 0) {
      const queue = removal.queues.at(-1);
      if (queue === undefined) {
        removal.state = 'waiting';
        removal.queues = undefined;
        this.#look(removal);
        return left;
      }
      const limit = left;
      const rows = spool.due(queue, limit, removal.after);
      for (const { messageId } of rows) this.#settle(removal, messageId);
      left -= rows.length;
      removal.after = rows.at(-1);
      if (rows.length < limit) {
        removal.queues.pop();
        removal.after = undefined;
      }
    }
    return left;
  }

  #settle(removal: Removal, id: Message['id']): void {
    const queued = this.#deps.spool.message(id);
    if (queued !== undefined && queued.message.acceptedAt <= removal.at) {
      this.#deps.unattempted().cancel(id, removal.by);
    }
  }

  #queuesOf(mark: string): QueueName[] {
    const names: QueueName[] = [];
    for (const { queue } of this.#deps.spool.queues()) {
      if (campaignMark(queue.tenant, queue.campaign) === mark) names.push(queue);
    }
    return names;
  }

  /** Swept: is it over? */
  #look(removal: Removal): void {
    const { clock, time, wakes, recorder, inFlight } = this.#deps;
    if (this.#removals.get(removal.mark) !== removal || removal.state !== 'waiting') return;
    const now = clock.now();
    const isLate = now >= removal.at && now < removal.at + LATE_MS;
    if (isLate || this.#hasInFlight(removal, inFlight)) {
      removal.isAgain = true;
      wakes.set(removal, time.now() + AGAIN_MS);
      return;
    }
    if (removal.isAgain) {
      removal.isAgain = false;
      removal.state = 'sweeping';
      recorder.request();
      return;
    }
    this.#removals.delete(removal.mark);
    recorder.add([{ type: 'state', at: now, key: keyOf(removal.mark), by: 'scheduler' }]);
  }

  #hasInFlight({ mark, at }: Removal, inFlight: InFlight): boolean {
    for (const { queued } of inFlight.open) {
      const { tenant, campaign, acceptedAt } = queued.message;
      if (campaign !== undefined && acceptedAt <= at && campaignMark(tenant, campaign) === mark) return true;
    }
    return false;
  }
}

function keyOf(mark: string): string {
  return `${CANCELLED}${mark.slice('campaign/'.length)}`;
}

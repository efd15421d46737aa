// What an operator can mark and unmark: mail that is held, and mail that goes from another pool. Each is one record,
// however much mail it is about.
import type { Clock } from '../base/clock.ts';
import type { MoveAnswer } from '../flow/operations.ts';
import type { Campaigns } from './campaigns.ts';
import { type Marks, PAUSE } from './marks.ts';
import { MOVE, type Moves } from './moves.ts';
import type { Queues } from './queues.ts';
import type { Recorder } from './recorder.ts';
import type { Settings } from './settings.ts';
import type { Suspensions } from './suspensions.ts';

export interface MarkDeskDeps {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly marks: Marks;
  readonly moves: Moves;
  readonly campaigns: Campaigns;
  readonly queues: Queues;
  readonly recorder: Recorder;
  readonly suspensions: Suspensions;
}

const CAMPAIGN = 'campaign/';

export class MarkDesk {
  readonly #deps: MarkDeskDeps;

  constructor(deps: MarkDeskDeps) {
    this.#deps = deps;
  }

  pause(mark: string, by: string): void {
    const { marks, clock } = this.#deps;
    marks.pause(mark);
    this.#write(`${PAUSE}${mark}`, clock.now(), by);
  }

  /** Of a campaign also what a reply has suspended. False: neither was. */
  resume(mark: string, by: string): boolean {
    const { marks, queues, campaigns, suspensions } = this.#deps;
    const isCampaign = mark.startsWith(CAMPAIGN);
    const wasSuspended = isCampaign && suspensions.clear('campaign', mark.slice(CAMPAIGN.length), by);
    if (!marks.resume(mark)) return wasSuspended;
    this.#write(`${PAUSE}${mark}`, undefined, by);
    campaigns.resumed(mark);
    queues.unpark();
    return true;
  }

  move(mark: string, pool: string | undefined, by: string): MoveAnswer {
    const { moves, queues, settings } = this.#deps;
    if (pool === undefined) {
      if (!moves.end(mark)) return 'not-moved';
    } else {
      if (!settings.poolNames.includes(pool)) return 'no-pool';
      moves.set(mark, pool);
    }
    this.#write(`${MOVE}${mark}`, pool, by);
    queues.moved(mark);
    return 'done';
  }

  #write(key: string, value: unknown, by: string): void {
    const event = { type: 'state', at: this.#deps.clock.now(), key, by } as const;
    this.#deps.recorder.write([value === undefined ? event : { ...event, value }]);
  }
}

// What an operator can ask of campaigns: those that have something waiting, were answered lately, or are marked. For
// people: looks at every queue, never on a hot path.
import type { Clock } from '../base/clock.ts';
import type { SuspensionReport } from '../flow/lanes.ts';
import type { CampaignReport } from '../flow/operations.ts';
import type { Spool } from '../flow/spool.ts';
import { suspensionText } from '../flow/wait-words.ts';
import type { CampaignRemoval } from './campaign-removal.ts';
import { campaignMark, type Campaigns } from './campaigns.ts';
import type { HeldBack } from './held-back.ts';
import type { Marks } from './marks.ts';
import type { Moves } from './moves.ts';
import type { Queues } from './queues.ts';
import { type Suspensions, suspensionReport } from './suspensions.ts';

export interface CampaignDeskDeps {
  readonly spool: Spool;
  readonly marks: Marks;
  readonly moves: Moves;
  readonly queues: Queues;
  readonly campaigns: Campaigns;
  readonly removal: CampaignRemoval;
  readonly heldBack: HeldBack;
  readonly suspensions: Suspensions;
  readonly clock: Clock;
}

interface Sum {
  waiting: number;
  inFlight: number;
}

const PREFIX = campaignMark('', '').slice(0, -1);

export class CampaignDesk {
  readonly #deps: CampaignDeskDeps;

  constructor(deps: CampaignDeskDeps) {
    this.#deps = deps;
  }

  /** Those with most mail first. */
  list(tenant: string | undefined, campaignsMax: number): readonly CampaignReport[] {
    const { campaigns, marks, moves, suspensions } = this.#deps;
    const sums = this.#sums();
    const suspended = [...suspensions.all]
      .filter(({ what }) => what === 'campaign')
      .map(({ name }) => `${PREFIX}${name}`);
    const named = [...campaigns.marks, ...marks.paused, ...moves.all.map(({ mark }) => mark), ...suspended];
    for (const mark of named) {
      if (mark.startsWith(PREFIX) && !sums.has(mark)) sums.set(mark, { waiting: 0, inFlight: 0 });
    }
    return [...sums]
      .filter(([mark]) => tenant === undefined || mark.startsWith(campaignMark(tenant, '')))
      .sort(([a, one], [b, other]) => other.waiting - one.waiting || (a < b ? -1 : 1))
      .slice(0, campaignsMax)
      .map(([mark, sum]) => this.#report(mark, sum));
  }

  /** How many deliveries wait that will be settled as cancelled. */
  cancel(mark: string, by: string): number {
    const waiting = this.#sums().get(mark)?.waiting ?? 0;
    if (waiting > 0) this.#deps.removal.cancel(mark, by);
    return waiting;
  }

  #report(mark: string, sum: Sum): CampaignReport {
    const { campaigns, marks, moves } = this.#deps;
    const [, tenant = '', ...name] = mark.split('/');
    const pool = moves.find(mark);
    const suspension = this.#suspension(tenant, name.join('/'));
    const why = marks.whyPaused(mark) ?? (suspension && suspensionText(suspension, this.#deps.clock.now()));
    const figures = campaigns.figures(mark);
    return {
      tenant,
      campaign: name.join('/'),
      state: this.#state(mark, suspension),
      ...sum,
      ...(why !== undefined && { why }),
      ...(suspension !== undefined && { suspension }),
      ...(pool !== undefined && { pool }),
      ...(figures !== undefined && { figures }),
    };
  }

  #state(mark: string, suspension: SuspensionReport | undefined): CampaignReport['state'] {
    const { marks, removal } = this.#deps;
    if (removal.isCancelling(mark)) return 'cancelling';
    if (marks.isPaused(mark)) return 'paused';
    return suspension === undefined ? 'active' : 'suspended';
  }

  #suspension(tenant: string, campaign: string): SuspensionReport | undefined {
    const { heldBack, clock } = this.#deps;
    const found = heldBack.ofCampaign(tenant, campaign);
    return found && suspensionReport(found, clock.now());
  }

  #sums(): Map<string, Sum> {
    const { spool, queues } = this.#deps;
    const sums = new Map<string, Sum>();
    for (const { queue, waiting } of spool.queues()) {
      if (queue.campaign === '') continue;
      const mark = campaignMark(queue.tenant, queue.campaign);
      const sum = sums.get(mark) ?? { waiting: 0, inFlight: 0 };
      sum.waiting += waiting;
      sum.inFlight += queues.find(queue)?.inFlight ?? 0;
      sums.set(mark, sum);
    }
    return sums;
  }
}

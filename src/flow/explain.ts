// What would happen now to a message for one address: the question and the answer of `postilion explain`.
import type { LaneReport, SuspensionReport } from './lanes.ts';
import type { Suppression } from './suppression.ts';
import type { CapFigure, CappedBy, Wait } from './wait.ts';

export interface ExplainQuestion {
  /** As src/mail/comparable-address.ts makes it. */
  readonly address: string;
  readonly tenant: string;
  readonly stream: string;
  /** '' : none. */
  readonly campaign: string;
  /** As the message would name it; '': it does not. */
  readonly pool: string;
  /** Domain of the From field, as src/mail/domain.ts makes it; '': not asked about, so no condition on it holds. */
  readonly from: string;
}

export interface CapsInForce {
  readonly by: CappedBy;
  /** Of each lane to this provider or site: its name alone. */
  readonly name: string;
  readonly figures: readonly CapFigure[];
  /** Recipients that may go at once after a pause. */
  readonly burst?: number;
  readonly deliveriesPerConnection?: number;
}

export interface BudgetInForce {
  readonly source: string;
  /** A provider, `other`, or `*` for all together. */
  readonly provider: string;
  /** Recipients today. */
  readonly used: number;
  readonly budget: number;
  /** ms since 1970, when the next may go. Absent: now. */
  readonly until?: number;
}

export interface Explained {
  readonly address: string;
  readonly domain: string;
  readonly tenant: string;
  readonly stream: string;
  /** It would be sent from. */
  readonly pool: string;
  /** Name of the rule. */
  readonly route: string;
  /** `name:port`, best first. */
  readonly hosts: readonly string[];
  readonly site?: string;
  readonly provider?: string;
  /** That may send, those of overflow pools last. */
  readonly sources: readonly string[];
  /** Of these sources, as far as they have sent there. */
  readonly lanes: readonly LaneReport[];
  readonly suppressions: readonly Suppression[];
  /** In force for it, from the lane to the host; those without a figure are left out. */
  readonly caps: readonly CapsInForce[];
  /** Of its sources that warm up there; of the provider, and of all together where the plan limits them. */
  readonly budgets: readonly BudgetInForce[];
  /** Of its sources there, of its campaign, and of every sending domain that is kept from there. */
  readonly suspensions: readonly SuspensionReport[];
  /** Absent: it would not wait. */
  readonly wait?: Wait;
  /** What would happen, in one sentence. */
  readonly verdict: string;
}

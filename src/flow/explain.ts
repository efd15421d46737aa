// What would happen now to a message for one address: the question and the answer of `postilion explain`.
import type { LaneReport } from './lanes.ts';
import type { Suppression } from './suppression.ts';

export interface ExplainQuestion {
  /** As src/mail/comparable-address.ts makes it. */
  readonly address: string;
  readonly tenant: string;
  readonly stream: string;
  /** '' : none. */
  readonly campaign: string;
  /** As the message would name it; '': it does not. */
  readonly pool: string;
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
  /** What would happen, in one sentence. */
  readonly verdict: string;
}

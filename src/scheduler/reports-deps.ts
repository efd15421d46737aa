// What reports.ts needs of the rest of the scheduler.
import type { Budgets } from './budgets.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Feedback } from '../flow/feedback.ts';
import type { MessageId } from '../flow/message.ts';
import type { Settle } from '../flow/settlement.ts';
import type { Spool } from '../flow/spool.ts';
import type { Addresses } from './addresses.ts';
import type { Consequences } from './consequences.ts';
import type { CampaignRemoval } from './campaign-removal.ts';
import type { DueTime } from './due-time.ts';
import type { Egresses } from './egresses.ts';
import type { Granting } from './granting.ts';
import type { HeldBack } from './held-back.ts';
import type { InFlight } from './in-flight.ts';
import type { Limits } from './limits.ts';
import type { Marks } from './marks.ts';
import type { Paces } from './paces.ts';
import type { Queues } from './queues.ts';
import type { ReachHealth } from './reach-health.ts';
import type { Recorder } from './recorder.ts';
import type { Routes } from './routes.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';

export interface ReportsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly time: DueTime;
  readonly health: ReachHealth;
  readonly spool: Spool;
  readonly settle: Settle;
  readonly feedback: Feedback;
  readonly settings: Settings;
  readonly routes: Routes;
  readonly queues: Queues;
  readonly marks: Marks;
  readonly removal: CampaignRemoval;
  readonly inFlight: InFlight;
  readonly egresses: Egresses;
  readonly sources: Sources;
  readonly budgets: Budgets;
  readonly granting: Granting;
  readonly limits: Limits;
  readonly addresses: Addresses;
  readonly consequences: Consequences;
  readonly heldBack: HeldBack;
  readonly paces: Paces;
  readonly recorder: Recorder;
  /** Every waiting delivery of it is to be settled as cancelled. */
  readonly onCancelled: (id: MessageId) => void;
}

// What an operator can ask of lanes and tell them: what each may do now and why, and what is suspended. Plain JSON.
import type { Extension, SuspendScope } from './action.ts';
import type { Wait } from './wait.ts';

export interface SuspensionReport {
  readonly what: SuspendScope;
  /** `out1/google`; of a sending domain `example.org/google`; of a campaign `tenant/name`. */
  readonly name: string;
  /** held: until it is cleared. probing: its time has passed, one delivery at a time may try. */
  readonly state: 'suspended' | 'held' | 'probing';
  /** ms since 1970. */
  readonly since: number;
  readonly until?: number;
  /** `rule ID` or `operator`. */
  readonly by: string;
  readonly reply?: string;
  /** Which record to mend. */
  readonly remedy?: string;
}

/** Not used on a lane because a reply spoke against it. */
export interface LeftOutReport {
  readonly extension: Extension;
  /** `out1/google`; of a site that nobody knows `out1/mx.example.net`. */
  readonly name: string;
  /** ms since 1970. */
  readonly since: number;
  readonly until: number;
  /** `rule ID`. */
  readonly by: string;
  readonly reply: string;
}

export interface LaneReport {
  /** `source/provider`, `source/site` or `source/provider/site`. */
  readonly name: string;
  readonly source: string;
  readonly provider?: string;
  readonly state: 'open' | 'slowed' | 'pinned' | 'suspended' | 'held' | 'probing';
  readonly connections: { readonly open: number; readonly allowed: number; readonly ceiling: number };
  /** Deliveries. `allowed`, `ceiling` absent: no limit. */
  readonly perMinute: { readonly sent: number; readonly allowed?: number; readonly ceiling?: number };
  readonly inFlight: number;
  /** What stops it, or lets it probe. */
  readonly suspension?: SuspensionReport;
  /** Absent: nothing. */
  readonly leftOut?: readonly LeftOutReport[];
  /** What the pace was last changed by; absent: it is as it began. */
  readonly changed?: { readonly at: number; readonly by: string; readonly reply?: string };
  /** What limits it now. */
  readonly wait: Wait;
  /** The same in words. */
  readonly limitedBy: string;
}

export interface LanesReport {
  /** Those that do something, or are not as they began; by name. */
  readonly lanes: readonly LaneReport[];
  /** All of them, of sending domains too. */
  readonly suspensions: readonly SuspensionReport[];
}

export interface LaneChange {
  /** ms since 1970. */
  readonly at: number;
  readonly by: string;
  /** `2 connections, 30 a minute`, `suspended until …`. */
  readonly text: string;
  readonly reply?: string;
}

export interface LaneFigures {
  readonly connections: number;
  /** Absent: no limit. */
  readonly perMinute?: number;
}

export interface LaneOperations {
  lanes(): Promise<LanesReport>;
  /** undefined: nothing was sent there lately, and nothing waits. */
  lane(name: string): Promise<LaneReport | undefined>;
  /** `forMs` absent: until it is resumed. False: there is no such source. */
  pauseLane(name: string, forMs: number | undefined, by: string): Promise<boolean>;
  /** Ends suspensions of that name, whoever made them, and uses again what is left out there. How many. */
  resumeLane(name: string, by: string): Promise<number>;
  /** These figures, whatever replies say, until `releaseLane`. */
  pinLane(name: string, figures: LaneFigures, by: string): Promise<LaneReport | undefined>;
  /** Ends a pin; without one the pace begins anew. */
  releaseLane(name: string, by: string): Promise<LaneReport | undefined>;
  /** Newest last. Reads the journal. */
  laneHistory(name: string, limit: number): Promise<readonly LaneChange[]>;
}

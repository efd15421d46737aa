// What the feedback stage is told: plain typed data. The configuration makes it, a reload replaces it as a whole.
import type { SigningTable } from '../mail/signing-table.ts';

/** Of what the reverse-path is told when the application did not say so by NOTIFY (RFC 3461 section 4.1). */
export type StreamReports = 'never' | 'failure' | 'failure-and-delay';

export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

export interface FeedbackOptions {
  readonly hostName: string;
  readonly streams: Readonly<Record<string, StreamReports>>;
  /** A message that is not tried again before it is this old is delayed. */
  readonly delayAfterMs: number;
  /** Reports to one reverse-path; what is beyond is summed up in one digest when the period ends. */
  readonly perReversePath: Rate;
  /** Reports to all; what is beyond is made later. */
  readonly total: Rate;
  /** Largest message that goes back whole (RET=FULL); of all others the header. */
  readonly returnOctetsMax: number;
  /** Reports owed at a time, a bound of memory: beyond it nothing more is owed, and an alarm says so. */
  readonly owedMax: number;
  /** How reports are kept and sent: what submission decides for other mail. */
  readonly system: {
    readonly lifetimeMs: number;
    readonly pool?: string;
    readonly signing?: { readonly table: SigningTable; readonly isRelaxed: boolean; readonly validityMs?: number };
    /** Forms of From domains that routes name. */
    readonly fromRoutes: readonly string[];
  };
}

/** Outcomes of one message within this make one report. */
export const MOMENT_MS = 60_000;

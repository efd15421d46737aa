// What mail waits for now, and until when: a closed list, found in src/scheduler/waits.ts alone and said in words in
// wait-words.ts alone. Plain JSON. Instants are ms since 1970.
import type { SuspensionReport } from './lanes.ts';

/**
 * Whose cap holds mail back. `provider`: of the group, (source, provider); `host`: all connections of the relay; `address`:
 * of a group to one remote address.
 */
export type CappedBy = 'lane' | 'provider' | 'source' | 'tenant' | 'stream' | 'host' | 'address';

/** A cap as the configuration has it. */
export type CapFigure =
  | { readonly cap: 'connections'; readonly count: number }
  | { readonly cap: 'new_connections' | 'rate'; readonly count: number; readonly perMs: number };

/** The last reply that lowered a pace, which has not yet grown to its ceiling since. */
export interface Throttle {
  readonly at: number;
  /** `rule ID`. */
  readonly by: string;
  readonly reply: string;
}

export type Wait =
  /** Nothing is there for it to do. */
  | { readonly for: 'nothing' }
  /** Some of it is on its way. */
  | { readonly for: 'delivery' }
  /** There is room: it goes as soon as it is its turn. */
  | { readonly for: 'turn' }
  | { readonly for: 'resume'; readonly mark: string; readonly why?: string }
  /** `stream gone`: mail names what the configuration does not have. */
  | { readonly for: 'name'; readonly name: string }
  | { readonly for: 'suspension'; readonly suspension: SuspensionReport }
  | { readonly for: 'next-attempt'; readonly until: number }
  | { readonly for: 'dns' }
  /** `until` absent: nobody has asked for its mail yet. */
  | { readonly for: 'dns-again'; readonly text: string; readonly until?: number }
  /** No connection could be made; `until` absent: one is being tried now. */
  | {
      readonly for: 'host';
      readonly lane: string;
      readonly source: string;
      readonly text: string;
      readonly until?: number;
    }
  | { readonly for: 'egress' }
  /** Outcomes that are written and not synced, too many for anything more to begin. */
  | { readonly for: 'disk'; readonly unsynced: number }
  /** No source of the pool may send. */
  | { readonly for: 'source'; readonly pool: string }
  /** Every source that may send warms up, and this stream is kept off them. */
  | { readonly for: 'warm-source'; readonly source: string; readonly stream: string }
  /** The source has nothing but an IPv6 address, and IPv6 is off there. */
  | { readonly for: 'ipv4-source'; readonly source: string; readonly at: string }
  | {
      readonly for: 'budget';
      readonly source: string;
      /** A provider, `other`, or `*` for all together. */
      readonly provider: string;
      readonly used: number;
      readonly budget: number;
      /** Absent: at once. */
      readonly until?: number;
    }
  | {
      readonly for: 'cap';
      readonly by: CappedBy;
      /** `out1/google`, `out1`, `acme`. */
      readonly name: string;
      readonly figure: CapFigure;
      /** Absent: as soon as something ends. */
      readonly until?: number;
    }
  | {
      readonly for: 'pace';
      readonly lane: string;
      readonly part: 'connections' | 'rate';
      /** Connections, or deliveries a minute. */
      readonly allowed: number;
      readonly isPinned: boolean;
      readonly throttle?: Throttle;
      readonly until?: number;
    };

/** held: until somebody does something. flows: it goes on by itself all the time. Else when it goes on. */
export function endOf(wait: Wait): number | 'flows' | 'held' {
  switch (wait.for) {
    case 'resume':
    case 'name':
    case 'source':
    case 'warm-source':
    case 'ipv4-source':
      return 'held';
    case 'suspension': {
      const { state, until } = wait.suspension;
      return state === 'held' ? 'held' : state === 'probing' ? 'flows' : (until ?? 'held');
    }
    case 'next-attempt':
      return wait.until;
    case 'dns-again':
    case 'host':
      return wait.until ?? 'flows';
    case 'budget':
      return wait.until ?? 'flows';
    // Turns by caps and paces come every few seconds, or minutes: mail flows.
    case 'cap':
    case 'pace':
    case 'nothing':
    case 'delivery':
    case 'turn':
    case 'dns':
    case 'egress':
    case 'disk':
      return 'flows';
  }
}

/** Of two that one delivery could wait for, the one by which it goes first. */
export function sooner(one: Wait | undefined, other: Wait): Wait {
  return one === undefined || orderOf(other) < orderOf(one) ? other : one;
}

function orderOf(wait: Wait): number {
  const end = endOf(wait);
  if (end === 'held') return Infinity;
  if (end !== 'flows') return end;
  // Room that is known to come is better than room that somebody must leave.
  return wait.for === 'turn' ? -2 : 'until' in wait && wait.until !== undefined ? -1 : 0;
}

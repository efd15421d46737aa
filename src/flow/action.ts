// What can follow from a reply: a closed list (DESIGN section 6). Scheduler, suppression and alarms carry them out; nothing
// else can follow. src/rules/ reads them from YAML.

export type RetryPlan =
  | 'normal' // the stream's plan
  | 'soon' // as soon as the plan's first step
  | 'slow' // at least 4 h apart
  | 'greylist'; // 5 min, then doubling, from the same source
export type SuspendScope = 'lane' | 'source+provider' | 'sending-domain+provider' | 'campaign';
export type SuppressScope = 'global' | 'tenant' | 'stream';
export type Extension = 'tls' | 'ipv6' | 'look-ahead' | 'chunking';

/** However often one message is tried, it is one hit. */
export interface Threshold {
  readonly hits: number;
  readonly withinMs: number;
}

export type Action =
  | { readonly do: 'retry'; readonly plan: RetryPlan }
  | { readonly do: 'retry-elsewhere' }
  | { readonly do: 'split' }
  | { readonly do: 'slow'; readonly what: 'connections' | 'rate' }
  | { readonly do: 'suspend'; readonly what: SuspendScope; readonly forMs: number }
  | { readonly do: 'hold'; readonly what: SuspendScope }
  | { readonly do: 'fail' }
  | {
      readonly do: 'suppress';
      readonly scope: SuppressScope;
      readonly forMs?: number;
      /** Only after so many hits within so long. Absent: at once. */
      readonly after?: Threshold;
    }
  /** `forMs` absent: as long as is usual for it (src/scheduler/left-out.ts). */
  | { readonly do: 'disable'; readonly extension: Extension; readonly forMs?: number }
  | { readonly do: 'alert' };

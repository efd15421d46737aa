// Operations that write down each call and answer it: for tests of what stands between a client and the scheduler.
import type { Operations } from '../../src/flow/operations.ts';

/** Answers with `answer`, and adds `[name, ...arguments]` to `calls`. */
export type Note = <T>(name: string, answer: T) => (...given: unknown[]) => Promise<T>;

export function noteIn(calls: unknown[]): Note {
  return (name, answer) =>
    (...given) => {
      calls.push([name, ...given]);
      return Promise.resolve(answer);
    };
}

/** `changes`: answers of its own. */
export function notedOperations(calls: unknown[], changes: Partial<Operations> = {}): Operations {
  const note = noteIn(calls);
  return {
    queue: (options) => Promise.reject(new Error(`no queue of ${options.domainsMax}`)),
    top: note('top', {
      at: 1,
      messages: 0,
      deliveries: 0,
      inFlight: 0,
      sessions: 0,
      counters: {},
      paused: [],
      alarms: [],
      reportsOwed: 0,
      rows: [],
    }),
    message: note('message', undefined),
    retry: note('retry', true),
    cancel: note('cancel', 3),
    retryAll: note('retryAll', 2),
    pause: note('pause', undefined),
    resume: note('resume', false),
    move: note('move', 'done'),
    campaigns: note('campaigns', []),
    cancelCampaign: note('cancelCampaign', 4),
    suppress: note('suppress', { added: 1, kept: 0, unreadable: 0, salt: '' }),
    unsuppress: note('unsuppress', 1),
    suppressionsOf: note('suppressionsOf', []),
    suppressions: note('suppressions', { entries: [] }),
    explain: note('explain', {} as never),
    unknownReplies: note('unknownReplies', []),
    sources: note('sources', []),
    drain: note('drain', undefined),
    enable: note('enable', undefined),
    warmup: note('warmup', { budgets: [] }),
    warmupDays: note('warmupDays', { days: [] }),
    changeWarmup: note('changeWarmup', { budgets: [] }),
    lanes: note('lanes', { lanes: [], suspensions: [] }),
    lane: note('lane', undefined),
    pauseLane: note('pauseLane', true),
    resumeLane: note('resumeLane', 1),
    pinLane: note('pinLane', undefined),
    releaseLane: note('releaseLane', undefined),
    laneHistory: note('laneHistory', []),
    alarm: note('alarm', undefined),
    ...changes,
  };
}

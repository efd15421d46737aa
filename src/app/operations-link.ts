// Operations over a channel: control's proxy and the scheduler's side. A call is made once: when the channel is lost
// or the answer late, it rejects with OperationsAway and may have been done.
import type { Clock, Timer } from '../base/clock.ts';
import type { Operations } from '../flow/operations.ts';
import { OperationsAway } from '../control/operations-away.ts';
import { Caller } from './channel-socket.ts';
import { type ControlHello, LINK_PROTOCOL, type OperationsQuestion } from './link-records.ts';
import type { Visitor } from './scheduler-door.ts';

export interface OperationsClientOptions {
  readonly path: string;
  readonly process: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly answerMs?: number;
}

/** A queue of millions may take a while to retry or cancel. */
const ANSWER_MS = 30_000;

export interface OperationsClient {
  readonly operations: Operations;
  close(): void;
}

export function connectOperations(options: OperationsClientOptions): OperationsClient {
  const { clock, answerMs = ANSWER_MS } = options;
  const caller = new Caller({
    path: options.path,
    clock,
    opened(channel) {
      const { process, pid } = options;
      channel.tell({ kind: 'control', protocol: LINK_PROTOCOL, process, pid } satisfies ControlHello);
      return { told: () => {}, asked: () => Promise.reject(new Error('control answers nothing')) };
    },
    lost: () => {},
  });

  function call<Name extends keyof Operations>(
    name: Name,
    ...args: Parameters<Operations[Name]>
  ): ReturnType<Operations[Name]>;
  function call(name: keyof Operations, ...args: unknown[]): Promise<unknown> {
    const { channel } = caller;
    if (channel === undefined) return Promise.reject(new OperationsAway('the scheduler is away'));
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new OperationsAway(`the scheduler did not answer for ${answerMs / 1000} s`));
      const timer: Timer = clock.after(answerMs, late);
      channel
        .ask({ call: name, with: args })
        .then(resolve, (error: Error) => reject(new OperationsAway(`the scheduler failed: ${error.message}`)))
        .finally(() => timer.cancel());
    });
  }

  return {
    operations: {
      queue: (choice) => call('queue', choice),
      top: (choice) => call('top', choice),
      message: (id) => call('message', id),
      retry: (id, by) => call('retry', id, by),
      cancel: (id, by) => call('cancel', id, by),
      retryAll: (domain, by) => call('retryAll', domain, by),
      pause: (mark, by) => call('pause', mark, by),
      resume: (mark, by) => call('resume', mark, by),
      move: (mark, pool, by) => call('move', mark, pool, by),
      campaigns: (tenant, campaignsMax) => call('campaigns', tenant, campaignsMax),
      cancelCampaign: (mark, by) => call('cancelCampaign', mark, by),
      suppress: (entries, by) => call('suppress', entries, by),
      unsuppress: (address, scope, by) => call('unsuppress', address, scope, by),
      suppressionsOf: (address) => call('suppressionsOf', address),
      suppressions: (from, limit, filter) => call('suppressions', from, limit, filter),
      explain: (question) => call('explain', question),
      unknownReplies: () => call('unknownReplies'),
      sources: () => call('sources'),
      drain: (source, by) => call('drain', source, by),
      enable: (source, by) => call('enable', source, by),
      warmup: (source) => call('warmup', source),
      warmupDays: (source, provider) => call('warmupDays', source, provider),
      changeWarmup: (source, provider, change, by) => call('changeWarmup', source, provider, change, by),
      lanes: () => call('lanes'),
      lane: (name) => call('lane', name),
      pauseLane: (name, forMs, by) => call('pauseLane', name, forMs, by),
      resumeLane: (name, by) => call('resumeLane', name, by),
      pinLane: (name, figures, by) => call('pinLane', name, figures, by),
      releaseLane: (name, by) => call('releaseLane', name, by),
      laneHistory: (name, limit) => call('laneHistory', name, limit),
      alarm: (alarm) => call('alarm', alarm),
    },
    close: () => caller.close(),
  };
}

export function serveOperations(operations: Operations, visitor: Visitor<ControlHello>): void {
  visitor.take({
    told: () => {},
    asked: async (body) => perform(operations, body as OperationsQuestion),
    closed: () => {},
  });
}

function perform(operations: Operations, question: OperationsQuestion): Promise<unknown> {
  switch (question.call) {
    case 'queue':
      return operations.queue(...question.with);
    case 'top':
      return operations.top(...question.with);
    case 'message':
      return operations.message(...question.with);
    case 'retry':
      return operations.retry(...question.with);
    case 'cancel':
      return operations.cancel(...question.with);
    case 'retryAll': {
      // JSON has no undefined: it comes as null.
      const [domain, by] = question.with;
      return operations.retryAll(domain ?? undefined, by);
    }
    case 'pause':
      return operations.pause(...question.with);
    case 'resume':
      return operations.resume(...question.with);
    case 'move': {
      const [mark, pool, by] = question.with;
      return operations.move(mark, pool ?? undefined, by);
    }
    case 'campaigns': {
      const [tenant, campaignsMax] = question.with;
      return operations.campaigns(tenant ?? undefined, campaignsMax);
    }
    case 'cancelCampaign':
      return operations.cancelCampaign(...question.with);
    case 'suppress':
      return operations.suppress(...question.with);
    case 'unsuppress': {
      const [address, scope, by] = question.with;
      return operations.unsuppress(address, scope ?? undefined, by);
    }
    case 'suppressionsOf':
      return operations.suppressionsOf(...question.with);
    case 'suppressions':
      return operations.suppressions(...question.with);
    case 'explain':
      return operations.explain(...question.with);
    case 'unknownReplies':
      return operations.unknownReplies();
    case 'sources':
      return operations.sources();
    case 'drain':
      return operations.drain(...question.with);
    case 'enable':
      return operations.enable(...question.with);
    case 'warmup':
      return operations.warmup(question.with[0] ?? undefined);
    case 'warmupDays':
      return operations.warmupDays(...question.with);
    case 'changeWarmup': {
      const [source, provider, change, by] = question.with;
      return operations.changeWarmup(source, provider ?? undefined, change, by);
    }
    case 'lanes':
      return operations.lanes();
    case 'lane':
      return operations.lane(...question.with);
    case 'pauseLane': {
      const [name, forMs, by] = question.with;
      return operations.pauseLane(name, forMs ?? undefined, by);
    }
    case 'resumeLane':
      return operations.resumeLane(...question.with);
    case 'pinLane':
      return operations.pinLane(...question.with);
    case 'releaseLane':
      return operations.releaseLane(...question.with);
    case 'laneHistory':
      return operations.laneHistory(...question.with);
    case 'alarm':
      return operations.alarm(...question.with);
    default:
      return Promise.reject(new Error('no such operation'));
  }
}

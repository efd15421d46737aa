// Submission as the rest of the program sees it: takes the connections of listening servers, answers them, and hands
// durable messages on. Never listens, sends or stores by itself.
import type { Server, Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Intake } from '../flow/intake.ts';
import type { MessageWriter } from '../flow/spool.ts';
import { MemoryBudget } from './content.ts';
import { controlIndex } from './control-fields.ts';
import { newCounts, type SubmissionCounts } from './counters.ts';
import { Credentials, type Verify } from './credentials.ts';
import { checkListener, Listener } from './listener.ts';
import type { ListenerOptions, SubmissionOptions } from './options.ts';
import type { Shared } from './shared.ts';
import type { Users } from './users.ts';
import { Admission } from './admission.ts';

export interface SubmissionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly intake: Intake;
  readonly writer: MessageWriter;
  /** The table as it is now: replaced as a whole when users or rights change. */
  readonly users: () => Users;
  /** Does this password fit this hash? May take its time and a thread; called once at a time. */
  readonly verify: Verify;
}

export interface Submission {
  /** Takes every connection of a listening server from now on. Throws as `reload` does. */
  attach(listener: ListenerOptions, server: Server): void;
  /**
   * New options for new transactions; certificates for new handshakes; listeners are found by name. Throws, and has
   * changed nothing, when a certificate does not fit its key or a network is none.
   */
  reload(options: SubmissionOptions): void;
  /** 421 to all but those whose content is on its way, who have `stopMs`. Resolves when the last session is gone. Idempotent. */
  stop(): Promise<void>;
  counts(): SubmissionCounts;
}

export function createSubmission(options: SubmissionOptions, deps: SubmissionDeps): Submission {
  const shared: Shared = {
    ...deps,
    options,
    control: controlIndex(options.control),
    stopping: false,
    credentials: new Credentials(deps, options.limits.checksWaiting),
    budget: new MemoryBudget(options.limits.memory),
    counts: newCounts(),
  };
  // Names sessions over all processes: a claim is held by one.
  const process = Buffer.from(deps.random.bytes(5)).toString('hex');
  const admission = new Admission();
  const listeners = new Map<string, Listener>();
  let stopped: Promise<void> | undefined;
  return {
    attach(listenerOptions, server) {
      let listener = listeners.get(listenerOptions.name);
      if (listener === undefined) {
        listener = new Listener(shared, listenerOptions, admission, `${process}-${listeners.size}`);
        listeners.set(listenerOptions.name, listener);
      }
      const taker = listener;
      server.on('connection', (socket: Socket) => taker.accept(socket));
      server.on('error', (error) => taker.failed(error));
    },
    reload(next) {
      for (const listener of next.listeners) checkListener(listener);
      shared.options = next;
      shared.control = controlIndex(next.control);
      shared.credentials.waitingMax = next.limits.checksWaiting;
      shared.budget.limit = next.limits.memory;
      for (const listener of next.listeners) listeners.get(listener.name)?.reload(listener);
    },
    stop() {
      shared.stopping = true;
      stopped ??= Promise.all([...listeners.values()].map((listener) => listener.stop())).then(() => undefined);
      return stopped;
    },
    counts: () => ({
      ...shared.counts,
      refused: { ...shared.counts.refused },
      sessions: admission.all,
      memory: shared.budget.used,
    }),
  };
}

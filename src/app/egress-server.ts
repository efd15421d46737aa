// The scheduler's side of the egress processes: a port for the commands to each, a router over all of them, and their
// reports. An egress process whose channel closed has left; its hello, when it comes back, says what it still holds.
import type { EgressCommands, EgressHello, EgressReports } from '../flow/attempt.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Domain } from '../flow/message.ts';
import type { MxTarget, RouteAnswer, Router } from '../flow/route.ts';
import type { Channel } from './channel.ts';
import type { EgressGreeting, FromEgress, RouteQuestion, ToEgress } from './link-records.ts';
import type { Visitor } from './scheduler-door.ts';

export interface EgressPeer {
  /** `egress-1` … */
  readonly process: string;
  readonly pid: number;
  /** Lost silently once it has left: the scheduler is told of that by `left`. */
  readonly commands: EgressCommands;
}

export interface EgressServerOptions {
  readonly clock: Clock;
  /** Begins to be here; the answer takes its reports, in order. May be called again for one process: see its hello. */
  readonly joined: (peer: EgressPeer, hello: EgressHello) => EgressReports;
  /**
   * Its channel closed. If the process lives it joins again within a second and its hello says what it holds; when it
   * has ended, the supervisor says so.
   */
  readonly left: (peer: EgressPeer) => void;
}

/** A resolver has its own, shorter bounds; this one is for a process that hangs. */
const RESOLVE_MS = 60_000;
/** Until one of them is back. */
const NOBODY_TTL_MS = 1_000;

export class EgressServer {
  /** Over all egress processes: one domain is asked of the same one as long as they stay the same, for its cache. */
  readonly router: Router = { resolve: (domain, via) => this.#resolve(domain, via) };
  readonly #options: EgressServerOptions;
  readonly #channels = new Map<string, Channel>();

  constructor(options: EgressServerOptions) {
    this.#options = options;
  }

  take(visitor: Visitor<EgressGreeting>): void {
    const { hello, channel } = visitor;
    const peer: EgressPeer = { process: hello.process, pid: hello.pid, commands: commandsOver(channel) };
    this.#channels.set(hello.process, channel);
    const reports = this.#options.joined(peer, hello.hello);
    visitor.take({
      told(body) {
        const record = body as FromEgress;
        if (record.tell === 'report') reports.report(record.report);
        else if (record.tell === 'claim') reports.claim(record.claim);
        else if (record.tell === 'returned') reports.returned(record.returned);
        else reports.closed(record.closed);
      },
      asked: () => Promise.reject(new Error('egress asks nothing')),
      closed: () => {
        if (this.#channels.get(hello.process) === channel) this.#channels.delete(hello.process);
        this.#options.left(peer);
      },
    });
  }

  async #resolve(domain: Domain, via: MxTarget): Promise<RouteAnswer> {
    const tried = new Set<string>();
    for (;;) {
      const process = this.#choose(domain, tried);
      const channel = process === undefined ? undefined : this.#channels.get(process);
      if (process === undefined || channel === undefined) return nobody(domain);
      tried.add(process);
      const answer = await this.#askInTime(channel, { ask: 'resolve', domain, via });
      if (answer !== undefined) return answer;
    }
  }

  #choose(domain: Domain, tried: ReadonlySet<string>): string | undefined {
    const names = [...this.#channels.keys()].filter((name) => !tried.has(name)).toSorted();
    let sum = 0;
    for (let at = 0; at < domain.length; at++) sum = (sum * 31 + domain.charCodeAt(at)) >>> 0;
    return names[sum % names.length];
  }

  /** undefined: it went away or hangs. */
  #askInTime(channel: Channel, question: RouteQuestion): Promise<RouteAnswer | undefined> {
    return new Promise((resolve) => {
      const timer: Timer = this.#options.clock.after(RESOLVE_MS, () => resolve(undefined));
      const done = (answer: RouteAnswer | undefined): void => {
        timer.cancel();
        resolve(answer);
      };
      channel.ask(question).then(
        (answer) => done(answer as RouteAnswer),
        () => done(undefined),
      );
    });
  }
}

function commandsOver(channel: Channel): EgressCommands {
  const tell = (body: ToEgress): void => channel.tell(body);
  return {
    open: (grant) => tell({ tell: 'open', grant }),
    deliver: (session, attempt) => tell({ tell: 'deliver', session, attempt }),
    claimed: (claim, isGranted) => tell({ tell: 'claimed', claim, isGranted }),
    recall: (session) => tell({ tell: 'recall', session }),
    close: (session) => tell({ tell: 'close', session }),
    acknowledge: (taken) => tell({ tell: 'acknowledge', taken }),
  };
}

function nobody(domain: Domain): RouteAnswer {
  return { domain, route: { kind: 'unknown', text: 'no egress process is there to ask' }, ttlMs: NOBODY_TTL_MS };
}

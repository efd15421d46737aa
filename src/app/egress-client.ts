// Egress's side of the scheduler: says hello with what it holds, obeys commands, answers routing questions, and sends
// reports. Nothing is kept here: what was not acknowledged is in the next hello, which egress itself remembers.
import type { Clock } from '../base/clock.ts';
import { InvariantError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { EgressCommands, EgressHello, EgressReports } from '../flow/attempt.ts';
import type { Router } from '../flow/route.ts';
import { Caller } from './channel-socket.ts';
import {
  type EgressGreeting,
  type FromEgress,
  LINK_PROTOCOL,
  type RouteQuestion,
  type ToEgress,
} from './link-records.ts';

export interface EgressClientOptions {
  readonly path: string;
  readonly process: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Sessions open, attempts held, reports not acknowledged: at this very moment. */
  readonly hello: () => EgressHello;
  readonly commands: EgressCommands;
  readonly router: Router;
  /** The channel closed; another is tried. */
  readonly lost?: () => void;
}

export interface EgressClient {
  /** Where egress sends what happened. While the scheduler is away this does nothing: the next hello says it. */
  readonly reports: EgressReports;
  isConnected(): boolean;
  close(): void;
}

export function connectEgress(options: EgressClientOptions): EgressClient {
  const { commands, router, log } = options;
  const caller = new Caller({
    path: options.path,
    clock: options.clock,
    opened(channel) {
      channel.tell({
        kind: 'egress',
        protocol: LINK_PROTOCOL,
        process: options.process,
        pid: options.pid,
        hello: options.hello(),
      } satisfies EgressGreeting);
      return {
        told: (body) => obey(commands, body as ToEgress),
        asked: (body) => {
          const { domain, via } = body as RouteQuestion;
          return router.resolve(domain, via);
        },
      };
    },
    lost: (why) => {
      log.warn({ why }, 'the scheduler is away');
      options.lost?.();
    },
  });
  const tell = (body: FromEgress): void => caller.channel?.tell(body);
  return {
    reports: {
      report: (report) => tell({ tell: 'report', report }),
      claim: (claim) => tell({ tell: 'claim', claim }),
      returned: (returned) => tell({ tell: 'returned', returned }),
      closed: (closed) => tell({ tell: 'closed', closed }),
    },
    isConnected: () => caller.channel !== undefined,
    close: () => caller.close(),
  };
}

function obey(commands: EgressCommands, body: ToEgress): void {
  switch (body.tell) {
    case 'open':
      return commands.open(body.grant);
    case 'deliver':
      return commands.deliver(body.session, body.attempt);
    case 'claimed':
      return commands.claimed(body.claim, body.isGranted);
    case 'recall':
      return commands.recall(body.session);
    case 'close':
      return commands.close(body.session);
    case 'acknowledge':
      return commands.acknowledge(body.taken);
    default:
      throw new InvariantError('a command that is not one of ours');
  }
}

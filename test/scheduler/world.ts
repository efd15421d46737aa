// A relay without disk, network or time: the scheduler on a memory spool, a router and egress processes that do what
// they are told, and messages to hand it.
import { deepEqual, equal } from 'node:assert/strict';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Source } from '../../src/flow/attempt.ts';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import type { Feedback } from '../../src/flow/feedback.ts';
import type { Accepted, Domain, Location, Mailbox, Message } from '../../src/flow/message.ts';
import { newMessageId } from '../../src/flow/message-id.ts';
import type { Judge } from '../../src/flow/outcome.ts';
import type { Route, Router } from '../../src/flow/route.ts';
import type { Spool } from '../../src/flow/spool.ts';
import type { SuppressDecision } from '../../src/flow/suppression.ts';
import { suppressOrders } from '../../src/rules/suppress-orders.ts';
import { createSettle } from '../../src/outcome/settle.ts';
import { DEFAULT_LOGIN_LIMITS } from '../../src/policy/login-budget.ts';
import { defaultSchedulerOptions, type SchedulerOptions } from '../../src/scheduler/options.ts';
import { createScheduler, type Scheduler } from '../../src/scheduler/scheduler.ts';
import { createMemorySpool, type MemorySpool } from '../../src/spool/memory-spool.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Behaviour, FakeEgress, Wire } from './fake-egress.ts';
import { judge, shippedBook } from '../support/rules.ts';

export const SOURCE: Source = { name: 'default', ehlo: 'relay.example' };
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const OPTIONS: SchedulerOptions = defaultSchedulerOptions(SOURCE, DEFAULT_LOGIN_LIMITS);

export function relay(site: string): Route {
  return {
    kind: 'relay',
    site,
    hosts: [{ name: site, port: 25 }],
    tls: { level: 'opportunistic' },
    explicit: false,
  };
}

/** Every domain is its own site, for an hour. */
export const ownSite: Router = {
  resolve: async (domain) => ({ domain, route: relay(`mx.${domain}`), ttlMs: HOUR }),
};

/** Takes everything in 10 ms. */
export const takesAll: Behaviour = {
  idleMs: 5000,
  connect: () => ({ ms: 10 }),
  transact: (attempt) => ({ ms: 10, results: replies(attempt.indexes, 250), taken: attempt.indexes }),
};

export function replies(indexes: readonly number[], code: number, at: 'rcpt' | 'dot' = 'dot') {
  return indexes.map((index) => ({ index, decidedAt: at, reply: { code, lines: ['said so'] } }) as const);
}

export interface FeedbackGround {
  readonly clock: FakeClock;
  readonly spool: Spool;
  readonly accepted: (accepted: Accepted) => void;
}

export interface WorldOptions {
  readonly options?: SchedulerOptions;
  readonly router?: Router;
  readonly behaviour?: Behaviour;
  readonly judge?: Judge;
  readonly seed?: number;
  readonly suppresses?: SuppressDecision;
  readonly spool?: (spool: MemorySpool, clock: FakeClock) => Spool;
  readonly feedback?: (given: FeedbackGround) => Feedback;
  /** None is attached when 0. */
  readonly egresses?: number;
  /** How a turn is asked for. */
  readonly soon?: (run: () => void) => void;
}

export class World {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly spool: MemorySpool;
  readonly wire = new Wire();
  readonly scheduler: Scheduler;
  readonly egresses: FakeEgress[] = [];
  /** Every message by the offset of its record. */
  readonly records = new Map<number, Message>();
  readonly options: SchedulerOptions;
  /** What a dead process left behind. */
  tail: readonly Accepted[] = [];
  #offset = 4096;

  constructor(given: WorldOptions = {}) {
    this.options = given.options ?? OPTIONS;
    this.random = seededRandom(given.seed ?? 1);
    this.spool = createMemorySpool({ clock: this.clock, tail: () => this.tail });
    const spool = given.spool?.(this.spool, this.clock) ?? this.spool;
    const accepted = (one: Accepted): void => {
      this.wire.messages.set(one.message.id, one.message);
      this.scheduler.intake.accepted(one);
    };
    const feedback = given.feedback?.({ clock: this.clock, spool, accepted });
    this.scheduler = createScheduler(this.options, {
      clock: this.clock,
      random: this.random,
      log: silentLog,
      spool,
      ...(feedback !== undefined && { feedback }),
      router: given.router ?? ownSite,
      settle: createSettle(given.judge ?? judge),
      providerOf: (domain, hosts) => shippedBook.find(domain, hosts),
      suppresses: given.suppresses ?? suppressOrders,
      soon: given.soon ?? queueMicrotask,
    });
    for (let n = 0; n < (given.egresses ?? 1); n++) this.attach(given.behaviour ?? takesAll);
  }

  attach(behaviour: Behaviour): FakeEgress {
    const egress = new FakeEgress(this.clock, behaviour, this.wire, this.options.caps);
    egress.reports = this.scheduler.attachEgress(`egress-${this.egresses.length}`, egress);
    this.egresses.push(egress);
    return egress;
  }

  message(domains: readonly string[], also: Partial<Message> = {}): Message {
    const now = this.clock.now();
    return {
      id: newMessageId(now, this.random),
      acceptedAt: now,
      tenant: 'default',
      user: 'app',
      stream: 'default',
      pool: 'default',
      lifetimeMs: 96 * HOUR,
      reversePath: 'app@example.org' as Mailbox,
      forwardPaths: domains.map((domain, n) => ({
        mailbox: `r${n}@${domain}` as Mailbox,
        domain: domain as Domain,
      })),
      body: '7bit',
      smtpUtf8: false,
      requireTls: false,
      size: 100,
      sha256: '0',
      bodySha256: '0',
      has8bit: false,
      has8bitHeader: false,
      ...also,
    };
  }

  accept(domains: readonly string[], also: Partial<Message> = {}): Message {
    const message = this.message(domains, also);
    const location: Location = { segment: 's', offset: this.#offset, length: 100 + message.size };
    this.#offset += 100 + message.size;
    this.records.set(location.offset, message);
    this.wire.messages.set(message.id, message);
    this.scheduler.intake.accepted({ message, location });
    return message;
  }

  outcomes(message?: Message): readonly OutcomeEvent[] {
    const outcomes = this.spool.journal.filter((event) => event.type === 'outcome');
    return message === undefined ? outcomes : outcomes.filter((event) => event.messageId === message.id);
  }

  /** Stops, and looks whether the scheduler kept its word and left nothing behind. */
  async end(): Promise<void> {
    const stopped = this.scheduler.stop();
    await this.clock.advance(40_000);
    await stopped;
    deepEqual(this.wire.violations, []);
    equal(this.clock.pending, 0, 'no timer is left');
  }

  kinds(message?: Message): readonly string[] {
    return this.outcomes(message).map((event) => event.outcome);
  }
}

// A world drawn from a seed: domains whose DNS is silent or says no, hosts that refuse, defer, break before or after
// the final dot, processes that die, a disk that stalls, a clock that steps, an operator who pauses and cancels.
import { silentLog } from '../../src/base/log.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Attempt, DeliveryResult, SessionGrant } from '../../src/flow/attempt.ts';
import type { OutcomeEvent } from '../../src/flow/event.ts';
import type { Domain, Mailbox, Message } from '../../src/flow/message.ts';
import { newMessageId } from '../../src/flow/message-id.ts';
import type { Route, Router, RouteTable, RouteTarget } from '../../src/flow/route.ts';
import { createSettle } from '../../src/outcome/settle.ts';
import { DEFAULT_STREAM, type SchedulerOptions } from '../../src/scheduler/options.ts';
import { createScheduler, type Scheduler } from '../../src/scheduler/scheduler.ts';
import { createMemorySpool } from '../../src/spool/memory-spool.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Behaviour, FakeEgress, type Transaction, Wire } from './fake-egress.ts';
import { CapWatch } from './cap-watch.ts';
import { Life } from './life.ts';
import { OPTIONS, relay } from './world.ts';
import { judge } from '../support/rules.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DOMAINS = 9;

export const FAULTY_OPTIONS: SchedulerOptions = {
  ...OPTIONS,
  sources: {
    one: { name: 'one', ehlo: 'one.example', caps: { connections: 5, rates: [{ count: 8, perMs: MINUTE }], burst: 8 } },
    two: { name: 'two', ehlo: 'two.example' },
  },
  providers: {
    big: {
      lanes: 'shared',
      caps: {
        connections: 2,
        rates: [{ count: 4, perMs: MINUTE }],
        burst: 4,
        newConnections: { count: 2, perMs: MINUTE },
      },
    },
    apart: {
      lanes: 'per-site',
      caps: { connectionsPerAddress: 1 },
      group: { connections: 2, rates: [{ count: 4, perMs: MINUTE }], burst: 4 },
    },
  },
  pools: {
    default: {
      members: [
        { source: 'one', weight: 2 },
        { source: 'two', weight: 1 },
      ],
    },
    small: { members: [{ source: 'two', weight: 1 }], overflow: 'default' },
  },
  streams: {
    default: { ...DEFAULT_STREAM, retryDelaysMs: [MINUTE, 5 * MINUTE, 20 * MINUTE] },
    bulk: {
      ...DEFAULT_STREAM,
      priority: 1,
      retryDelaysMs: [10 * MINUTE],
      caps: { rates: [{ count: 300, perMs: HOUR }], burst: 20 },
    },
    once: { ...DEFAULT_STREAM, priority: 9, retryDelaysMs: [2 * MINUTE], duplicates: 'never' },
  },
  tenants: { default: { weight: 1 }, acme: { weight: 3, caps: { rates: [{ count: 5, perMs: MINUTE }], burst: 5 } } },
  caps: {
    connections: 3,
    deliveriesPerConnection: 5,
    connectionsPerAddress: 2,
    totalConnections: 8,
    recipientsPerTransaction: 3,
  },
  limits: { ...OPTIONS.limits, headMax: 3, headsMax: 20, idleDomainsMax: 2, questionsMax: 2, unsyncedMin: 4 },
};

/** By host. Domain 7 moves from one to the other. */
const PROVIDERS: Readonly<Record<string, string>> = { mx1: 'big', mx5: 'big', mx0: 'apart', mx8: 'apart' };

const HUB: RouteTarget = { to: 'hosts', hosts: [{ name: 'hub', port: 25 }], tls: { level: 'none' } };
const MX: RouteTarget = { to: 'mx', tls: { level: 'opportunistic' } };

/** A reload goes from one to another, under everything else that happens. */
const TABLES: readonly RouteTable[] = [
  { rules: [] },
  {
    rules: [
      { name: 'acme', domain: '*', tenants: ['acme'], pool: 'small', target: MX },
      { name: 'brand', domain: '*', fromDomains: ['brand.example'], target: HUB },
      { name: 'drop', domain: 'd1.example', streams: ['bulk'], target: { to: 'discard' } },
      { name: 'spring', domain: 'd8.example', campaigns: ['c1'], target: { ...MX, port: 26 } },
    ],
  },
  { rules: [{ name: 'hub', domain: '*', streams: ['once'], target: HUB }] },
];

export class FaultyWorld {
  readonly clock = new FakeClock();
  readonly spool = createMemorySpool({ clock: this.clock });
  readonly wire = new Wire();
  readonly messages: Message[] = [];
  readonly random: Random;
  #scheduler!: Scheduler;
  #life = new Life();
  #egresses = new Map<string, FakeEgress>();
  #names = 0;
  #offset = 0;
  #syncMs = 0;
  #routes = 0;
  reloads = 0;
  /** Faults stop after a while, so that what can end does. */
  #isCalm = false;
  /** A start or a step of the clock gives a last attempt to what is over. */
  hasReprieves = false;
  hasSteps = false;
  crashes = 0;
  /** How often a delivery was on its way when everything died. */
  readonly doubts = new Map<string, number>();

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  async start(): Promise<void> {
    this.wire.watch = new CapWatch(FAULTY_OPTIONS, () => this.clock.monotonic());
    this.#begin();
    for (let n = 0; n < 2; n++) this.#addEgress();
    await this.#scheduler.start();
  }

  /** `chance` in 1. */
  #if(chance: number): boolean {
    return this.random.next() < chance;
  }

  #pick(from: number, to: number): number {
    return from + Math.floor(this.random.next() * (to - from + 1));
  }

  async run(): Promise<void> {
    for (let step = 0; step < 40; step++) {
      for (let n = this.#pick(0, 3); n > 0; n--) this.#accept();
      await this.#mishap();
      await this.clock.advance(this.#pick(1, 6) ** 3 * 1000 * this.#pick(1, 4));
    }
    this.#isCalm = true;
    this.#syncMs = 0;
    for (const mark of ['all', 'tenant/acme', 'domain/d1.example'])
      await this.#scheduler.operations.resume(mark, 'test');
    for (let hours = 0; hours < 24 && this.spool.counts.deliveries > 0; hours++) await this.clock.advance(HOUR);
    await this.clock.advance(2 * MINUTE);
  }

  async stop(): Promise<void> {
    const stopping = this.#scheduler.stop();
    await this.clock.advance(40_000);
    await stopping;
  }

  outcomes(): readonly OutcomeEvent[] {
    return this.spool.journal.filter((event) => event.type === 'outcome');
  }

  get unacknowledged(): number {
    let count = 0;
    for (const egress of this.#egresses.values()) count += egress.unacknowledged;
    return count;
  }

  get #options(): SchedulerOptions {
    const routes = TABLES[this.#routes];
    return routes === undefined ? FAULTY_OPTIONS : { ...FAULTY_OPTIONS, routes };
  }

  #begin(): void {
    const life = this.#life;
    this.#scheduler = createScheduler(this.#options, {
      clock: life.clock(this.clock),
      random: this.random,
      log: silentLog,
      spool: life.spool(this.spool, this.clock, () => this.#syncMs),
      router: life.router(this.#router),
      settle: createSettle(judge),
      providerOf: (_domain, [host = '']) => PROVIDERS[host],
      soon: life.soon,
    });
  }

  #addEgress(): void {
    const name = `e${this.#names++}`;
    const egress = new FakeEgress(this.clock, this.#behaviour, this.wire, FAULTY_OPTIONS.caps);
    this.#egresses.set(name, egress);
    egress.reports = this.#scheduler.attachEgress(name, this.#life.commands(egress));
  }

  /** kill -9 of the whole group: nobody can say what was on its way. */
  async #groupCrash(): Promise<void> {
    this.crashes++;
    this.hasReprieves = true;
    this.#life.end();
    for (const key of this.wire.inFlight) this.doubts.set(key, (this.doubts.get(key) ?? 0) + 1);
    for (const egress of this.#egresses.values()) egress.die(this.#if(0.5));
    this.#egresses.clear();
    await this.clock.advance(this.#pick(0, 4000));
    this.#life = new Life();
    this.#begin();
    for (let n = 0; n < 2; n++) this.#addEgress();
    await this.#scheduler.start();
  }

  /** kill -9 of the scheduler; egress goes on meanwhile and says hello to the next. */
  async #crash(): Promise<void> {
    this.crashes++;
    this.hasReprieves = true;
    this.#life.end();
    for (const egress of this.#egresses.values()) egress.reports = undefined;
    await this.clock.advance(this.#pick(0, 4000));
    this.#life = new Life();
    this.#begin();
    for (const [name, egress] of this.#egresses) {
      egress.reports = this.#scheduler.attachEgress(name, this.#life.commands(egress), egress.hello());
    }
    await this.#scheduler.start();
  }

  async #mishap(): Promise<void> {
    const { operations } = this.#scheduler;
    const mark = ['all', 'tenant/acme', 'domain/d1.example'][this.#pick(0, 2)] as string;
    const some = this.messages[this.#pick(0, this.messages.length - 1)];
    const chance = this.random.next();
    if (chance < 0.145) {
      // Something is on its way when the process dies.
      for (let n = this.#pick(0, 4); n > 0; n--) this.#accept();
      await this.clock.advance(this.#pick(1, 3000));
    }
    if (chance < 0.08) {
      const [name] = this.#egresses.keys();
      if (name === undefined) return;
      this.#egresses.get(name)?.die(this.#if(0.5));
      this.#egresses.delete(name);
      this.#scheduler.detachEgress(name);
      this.#addEgress();
    } else if (chance < 0.12) await this.#crash();
    else if (chance < 0.145) await this.#groupCrash();
    else if (chance < 0.17) this.#syncMs = this.#pick(0, 1) * this.#pick(100, 4000);
    else if (chance < 0.18) await operations.pause(mark, 'test');
    else if (chance < 0.28) await operations.resume(mark, 'test');
    else if (chance < 0.33 && some !== undefined) await operations.cancel(some.id, 'test');
    else if (chance < 0.38 && some !== undefined) await operations.retry(some.id, 'test');
    else if (chance < 0.4) await operations.retryAll(undefined, 'test');
    else if (chance < 0.41) {
      this.hasReprieves = true;
      this.hasSteps = true;
      this.clock.stepWall((this.#if(0.5) ? 1 : -1) * this.#pick(1, 4) * HOUR);
    } else if (chance < 0.46) {
      this.reloads++;
      this.#routes = this.#pick(0, TABLES.length - 1);
      this.#scheduler.reload(this.#options);
    } else if (chance < 0.475) {
      await operations.cancelCampaign(`campaign/${this.#if(0.5) ? 'acme' : 'default'}/c${this.#pick(1, 3)}`, 'test');
    } else if (chance < 0.5) {
      const moved = ['tenant/acme', 'stream/bulk', 'campaign/default/c1'][this.#pick(0, 2)] as string;
      await operations.move(moved, [undefined, 'small', 'default'][this.#pick(0, 2)], 'test');
    }
  }

  #accept(): void {
    const now = this.clock.now();
    const paths = Array.from({ length: this.#if(0.6) ? 1 : this.#pick(2, 9) }, (_, n) => ({
      mailbox: `r${n}@x` as Mailbox,
      domain: `d${this.#pick(0, DOMAINS - 1)}.example` as Domain,
    }));
    const message: Message = {
      id: newMessageId(now, this.random),
      acceptedAt: now,
      tenant: this.#if(0.5) ? 'default' : 'acme',
      user: 'app',
      stream: ['default', 'bulk', 'once'][this.#pick(0, 2)] as string,
      lifetimeMs: this.#pick(1, 6) * HOUR,
      reversePath: 'app@example.org' as Mailbox,
      forwardPaths: paths,
      body: '7bit',
      smtpUtf8: false,
      requireTls: false,
      size: 1,
      sha256: '',
      bodySha256: '',
      has8bit: false,
      has8bitHeader: false,
      ...(this.#if(0.3) ? { campaign: `c${this.#pick(1, 3)}` } : {}),
      ...(this.#if(0.2) ? { pool: 'small' } : {}),
      ...(this.#if(0.2) ? { fromDomain: 'brand.example' as Domain, byFrom: true } : {}),
      ...(this.#if(0.1) ? { notBefore: now + this.#pick(1, 30) * MINUTE } : {}),
    };
    this.messages.push(message);
    this.wire.messages.set(message.id, message);
    this.#scheduler.intake.accepted({ message, location: { segment: 's', offset: this.#offset++, length: 1 } });
  }

  readonly #router: Router = {
    resolve: async (domain) => ({ domain, route: this.#route(domain), ttlMs: this.#pick(0, 10) * MINUTE }),
  };

  #route(domain: string): Route {
    const number = Number(domain[1]);
    const unknown: Route = { kind: 'unknown', text: 'SERVFAIL' };
    if (number === 0) return { kind: 'discard', rule: 'drop' };
    if (number === 2) return { kind: 'unroutable', code: 556, enhanced: '5.1.10', text: 'null MX' };
    if (number === 3) return unknown;
    if (number === 4 && this.#if(0.5)) return unknown;
    // Domains 5 and 6 share a site; 7 moves between two.
    if (number === 7) return relay(`mx${this.#pick(0, 1)}`);
    return relay(number === 6 ? 'mx5' : `mx${number}`);
  }

  readonly #behaviour: Behaviour = {
    idleMs: 20_000,
    recallMs: 3,
    // All sites are at one host; those of nobody have another one besides.
    addresses: ({ provider }) => (provider === undefined ? ['first', 'second'].slice(this.#pick(0, 1)) : ['first']),
    connect: (grant: SessionGrant) => {
      const ms = this.#pick(1, 2000);
      const refuses = grant.relay.site === 'mx8' ? 0.7 : this.#isCalm ? 0.02 : 0.15;
      if (!this.#if(refuses)) return { ms };
      if (this.#if(0.3)) return { ms, failure: { phase: 'greeting', reply: { code: 554, lines: ['no'] } } };
      return { ms, failure: { phase: 'connect', error: { kind: 'refused', text: 'refused' } } };
    },
    transact: (attempt: Attempt) => this.#transact(attempt.indexes),
  };

  #transact(indexes: readonly number[]): Transaction {
    const ms = this.#pick(1, 1500);
    const all = (rest: Omit<DeliveryResult, 'index'>): DeliveryResult[] => indexes.map((index) => ({ index, ...rest }));
    const chance = this.random.next() * (this.#isCalm ? 3 : 1);
    const closed = { kind: 'closed', text: 'closed' } as const;
    if (chance < 0.08) {
      return { ms, results: all({ decidedAt: 'mail', error: closed }), breaks: true, taken: [] };
    }
    if (chance < 0.12) {
      const reply = { code: 421, lines: ['bye'] };
      return { ms, results: all({ decidedAt: 'rcpt', reply }), breaks: true, taken: [] };
    }
    if (chance < 0.22) {
      const results = all({ decidedAt: 'dot', error: closed });
      return { ms, results, mayHaveBeenDelivered: true, breaks: true, taken: this.#if(0.5) ? indexes : [] };
    }
    const taken: number[] = [];
    const results: DeliveryResult[] = [];
    for (const index of indexes) {
      const code = chance < 0.5 ? [250, 250, 450, 550][this.#pick(0, 3)]! : 250;
      if (code === 250) taken.push(index);
      results.push({ index, decidedAt: code === 250 ? 'dot' : 'rcpt', reply: { code, lines: ['said'] } });
    }
    return { ms, results, taken };
  }
}

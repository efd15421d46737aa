// A relay whose sources warm up, on a fake clock: what each of them is granted is counted from outside, by real days; it
// can be killed at any moment, alone or with its egress processes, and goes on with what the spool has.
import { silentLog } from '../../src/base/log.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { Attempt, EgressCommands, EgressReports, SessionGrant } from '../../src/flow/attempt.ts';
import type { JournalEvent } from '../../src/flow/event.ts';
import type { Domain, Mailbox, Message } from '../../src/flow/message.ts';
import { newMessageId } from '../../src/flow/message-id.ts';
import type { Router } from '../../src/flow/route.ts';
import { createSettle } from '../../src/outcome/settle.ts';
import type { WarmupPlan } from '../../src/policy/warmup-plan.ts';
import type { SchedulerOptions } from '../../src/scheduler/options.ts';
import { createScheduler, type Scheduler } from '../../src/scheduler/scheduler.ts';
import { createMemorySpool } from '../../src/spool/memory-spool.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { judge, shippedBook } from '../support/rules.ts';
import { type Behaviour, FakeEgress, Wire } from './fake-egress.ts';
import { Life } from './life.ts';
import { HOUR, OPTIONS, relay, takesAll } from './world.ts';

export const DAY = 24 * HOUR;
/** Midnight in UTC. */
export const START = Date.UTC(2026, 2, 27);

export const PLAN: WarmupPlan = {
  stages: [24, 40, 60],
  providers: {},
  gates: { used: 0.7, delivered: 0.9, complaints: 0.001, complaintsMin: 3, sample: 20 },
  stepBack: 2,
  idle: { days: 7, decay: 0.03 },
  dayMs: DAY,
  windowMs: DAY,
  dayStartMs: 0,
  timeZone: 'UTC',
  overflow: 'pool',
  exceptStreams: [],
};

/** `cold`, with a plan, in the pool `default`. */
export function warmOptions(plan: WarmupPlan = PLAN, changes: Partial<SchedulerOptions> = {}): SchedulerOptions {
  return {
    ...OPTIONS,
    sources: { cold: { name: 'cold', ehlo: 'cold.example', warmup: 'plan' } },
    pools: { default: { members: [{ source: 'cold', weight: 1 }] } },
    plans: { plan },
    ...changes,
  };
}

/** gmail.com is Google's, every other domain its own site. */
const router: Router = {
  resolve: async (domain) => ({
    domain,
    route: relay(domain === 'gmail.com' ? 'gmail-smtp-in.l.google.com' : `mx.${domain}`),
    ttlMs: HOUR,
  }),
};

export class WarmWorld {
  readonly clock = new FakeClock(START);
  readonly spool = createMemorySpool({ clock: this.clock });
  readonly wire = new Wire();
  readonly random: Random;
  /** Recipients granted and not given back, by `source day`; days are real ones, whatever the wall clock says. */
  readonly granted = new Map<string, number>();
  readonly #options: SchedulerOptions;
  readonly #behaviour: Behaviour;
  scheduler!: Scheduler;
  #life = new Life();
  #egress!: FakeEgress;
  #lives = 0;
  #offset = 0;

  readonly #syncMs: number;

  constructor(options = warmOptions(), { seed = 1, behaviour = takesAll, syncMs = 0 } = {}) {
    this.#syncMs = syncMs;
    this.#options = options;
    this.#behaviour = behaviour;
    this.random = seededRandom(seed);
  }

  get day(): number {
    return Math.floor(this.clock.monotonic() / DAY);
  }

  of(source: string, day: number): number {
    return this.granted.get(`${source} ${day}`) ?? 0;
  }

  days(source: string): readonly number[] {
    return Array.from({ length: this.day + 1 }, (_, day) => this.of(source, day));
  }

  async start(): Promise<void> {
    this.#begin();
    this.#attach();
    await this.scheduler.start();
    await this.clock.advance(0);
  }

  /** kill -9 of everything. */
  async crash(): Promise<void> {
    this.#life.end();
    this.#egress.die(this.random.next() < 0.5);
    this.#life = new Life();
    await this.start();
  }

  /** kill -9 of the scheduler alone: egress has what it was granted, and tells the next one. */
  async crashAlone(): Promise<void> {
    this.#life.end();
    const hello = this.#egress.hello();
    this.#egress.reports = undefined;
    this.#life = new Life();
    this.#begin();
    const reports = this.scheduler.attachEgress(`e${this.#lives}`, this.#commands(), hello);
    this.#egress.reports = this.#counted(reports);
    await this.scheduler.start();
    await this.clock.advance(0);
  }

  async stop(): Promise<void> {
    const stopping = this.scheduler.stop();
    await this.clock.advance(40_000);
    await stopping;
  }

  reload(options: SchedulerOptions): void {
    this.scheduler.reload(options);
  }

  accept(count: number, { domain = 'gmail.com', recipients = 1, ...also }: Accepted = {}): void {
    for (let n = 0; n < count; n++) {
      const now = this.clock.now();
      const message: Message = {
        id: newMessageId(now, this.random),
        acceptedAt: now,
        tenant: 'default',
        user: 'app',
        stream: 'default',
        lifetimeMs: 90 * DAY,
        reversePath: 'app@example.org' as Mailbox,
        forwardPaths: Array.from({ length: recipients }, (_, at) => ({
          mailbox: `r${at}@${domain}` as Mailbox,
          domain: domain as Domain,
        })),
        body: '7bit',
        smtpUtf8: false,
        requireTls: false,
        size: 1,
        sha256: '',
        bodySha256: '',
        has8bit: false,
        has8bitHeader: false,
        ...also,
      };
      this.wire.messages.set(message.id, message);
      this.scheduler.intake.accepted({ message, location: { segment: 's', offset: this.#offset++, length: 1 } });
    }
  }

  /** Notes of decisions, as `what why`. */
  decisions(): readonly string[] {
    return this.notes().map(({ note, detail }) => `${note} ${String(detail?.['why'])}`);
  }

  notes(): readonly Extract<JournalEvent, { type: 'note' }>[] {
    return this.spool.journal.filter((event) => event.type === 'note').filter(({ note }) => note.startsWith('warmup-'));
  }

  #begin(): void {
    const life = this.#life;
    this.scheduler = createScheduler(this.#options, {
      clock: life.clock(this.clock),
      random: this.random,
      log: silentLog,
      spool: life.spool(this.spool, this.clock, () => this.#syncMs),
      router: life.router(router),
      settle: createSettle(judge),
      providerOf: (domain, hosts) => shippedBook.find(domain, hosts),
      soon: life.soon,
    });
  }

  #attach(): void {
    this.#lives++;
    this.#egress = new FakeEgress(this.clock, this.#behaviour, this.wire, this.#options.caps);
    this.#egress.reports = this.#counted(this.scheduler.attachEgress(`e${this.#lives}`, this.#commands()));
  }

  readonly #sources = new Map<string, string>();
  readonly #attempts = new Map<string, { readonly key: string; readonly recipients: number }>();

  #commands(): EgressCommands {
    const commands = this.#life.commands(this.#egress);
    return {
      ...commands,
      open: (grant: SessionGrant) => {
        this.#sources.set(grant.session, grant.source.name);
        commands.open(grant);
      },
      deliver: (session: string, attempt: Attempt) => {
        const key = `${this.#sources.get(session)} ${this.day}`;
        const recipients = attempt.indexes.length;
        this.#attempts.set(attempt.attempt, { key, recipients });
        this.granted.set(key, (this.granted.get(key) ?? 0) + recipients);
        commands.deliver(session, attempt);
      },
    };
  }

  #counted(reports: EgressReports): EgressReports {
    const back = (attempts: readonly string[]): void => {
      for (const id of attempts) {
        const { key, recipients } = this.#attempts.get(id) ?? { key: '', recipients: 0 };
        this.granted.set(key, (this.granted.get(key) ?? 0) - recipients);
      }
    };
    return {
      ...reports,
      report: (report) => reports.report(report),
      returned: (returned) => {
        back(returned.notBegun);
        reports.returned(returned);
      },
      closed: (closed) => {
        back(closed.notBegun);
        reports.closed(closed);
      },
    };
  }
}

interface Accepted extends Partial<Pick<Message, 'stream' | 'lifetimeMs' | 'pool'>> {
  readonly domain?: string;
  readonly recipients?: number;
}

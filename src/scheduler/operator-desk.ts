// What an operator can ask of the queue and tell it. For people: may look at every queue, never on a hot path.
import type { AlarmEvent, JournalEvent } from '../flow/event.ts';
import type { Feedback } from '../flow/feedback.ts';
import type { LaneOperations } from '../flow/lanes.ts';
import type { Domain as DomainName, MessageId } from '../flow/message.ts';
import type {
  CampaignReport,
  DeliveryWait,
  DomainQueue,
  MessageReport,
  MoveAnswer,
  Operations,
  QueueReport,
  SourceReport,
  TopReport,
  UnknownReply,
} from '../flow/operations.ts';
import { queueOf } from '../flow/queue-name.ts';
import type { QueuedMessage, Spool } from '../flow/spool.ts';
import type { Suppression, SuppressionFilter, SuppressionPart } from '../flow/suppression.ts';
import { sooner, type Wait } from '../flow/wait.ts';
import { waitText } from '../flow/wait-words.ts';
import { Backlog, type BacklogDeps } from './backlog.ts';
import { CampaignDesk, type CampaignDeskDeps } from './campaign-desk.ts';
import { reportsOf } from './dsn-reports.ts';
import type { DueTime } from './due-time.ts';
import type { InFlight } from './in-flight.ts';
import { ExplainDesk, type ExplainDeskDeps } from './explain-desk.ts';
import { MarkDesk, type MarkDeskDeps } from './mark-desk.ts';
import { CANCEL } from './marks.ts';
import type { Queues } from './queues.ts';
import type { Routes } from './routes.ts';
import { SourceDesk, type SourceDeskDeps } from './source-desk.ts';
import { TopDesk, type TopDeskDeps } from './top-desk.ts';
import { SuppressionDesk } from './suppression-desk.ts';
import type { Suppressions } from './suppressions.ts';
import type { Unattempted } from './unattempted.ts';
import type { Waits } from './waits.ts';
import { WarmupDesk, type WarmupDeskDeps } from './warmup-desk.ts';
import type { UnknownReplies } from './unknown-replies.ts';

export interface OperatorDeskDeps
  extends SourceDeskDeps,
    MarkDeskDeps,
    CampaignDeskDeps,
    ExplainDeskDeps,
    TopDeskDeps,
    BacklogDeps,
    WarmupDeskDeps {
  readonly time: DueTime;
  readonly spool: Spool;
  readonly routes: Routes;
  readonly queues: Queues;
  readonly waits: Waits;
  readonly inFlight: InFlight;
  readonly suppressions: Suppressions;
  readonly unknownReplies: UnknownReplies;
  readonly feedback: Feedback;
  readonly unattempted: Unattempted;
  readonly lanes: LaneOperations;
  /** Resolves after everything else of this turn: long work yields between slices. */
  readonly yield: () => Promise<void>;
}

interface DomainSummary {
  readonly domain: DomainName;
  waiting: number;
  firstDueAt: number;
}

/** After every id there is. */
const LAST_ID = `7${'z'.repeat(25)}` as MessageId;
const OUTCOMES_SHOWN_MAX = 100;
/** A message may have 50,000 recipients. */
const WAITS_SHOWN_MAX = 1000;
const KEYLESS_SHOWN_MAX = 20;
/** Deliveries made due between two yields. */
const SLICE = 200;

export class OperatorDesk implements Operations {
  readonly #deps: OperatorDeskDeps;
  readonly #backlog: Backlog;
  readonly #sources: SourceDesk;
  readonly #top: TopDesk;
  readonly suppress: Operations['suppress'];
  readonly unsuppress: Operations['unsuppress'];
  readonly warmup: Operations['warmup'];
  readonly warmupDays: Operations['warmupDays'];
  readonly changeWarmup: Operations['changeWarmup'];
  readonly #marks: MarkDesk;
  readonly #explain: ExplainDesk;
  readonly #campaigns: CampaignDesk;

  constructor(deps: OperatorDeskDeps) {
    this.#deps = deps;
    this.#backlog = new Backlog(deps);
    this.#sources = new SourceDesk(deps);
    ({ suppress: this.suppress, unsuppress: this.unsuppress } = new SuppressionDesk(deps));
    this.#top = new TopDesk(deps);
    ({ warmup: this.warmup, warmupDays: this.warmupDays, changeWarmup: this.changeWarmup } = new WarmupDesk(deps));
    this.#marks = new MarkDesk(deps);
    this.#explain = new ExplainDesk(deps);
    this.#campaigns = new CampaignDesk(deps);
  }

  async queue(options: Parameters<Operations['queue']>[0]): Promise<QueueReport> {
    const { spool, inFlight, egresses, marks, moves, recorder, feedback } = this.#deps;
    const domains = this.#domains()
      .sort((a, b) => b.waiting - a.waiting || (a.domain < b.domain ? -1 : 1))
      .slice(0, options.domainsMax);
    return {
      messages: spool.counts.messages,
      deliveries: spool.counts.deliveries,
      inFlight: inFlight.deliveries,
      sessions: egresses.sessions,
      ...this.#backlog.report(options.providersMax ?? 0),
      domains: domains.map((summary) => this.#describe(summary)),
      alarms: spool.alarms(),
      paused: marks.paused,
      moved: moves.all,
      reportsOwed: feedback.owed,
      keyless: recorder.keyless.most(KEYLESS_SHOWN_MAX),
      counters: { ...recorder.counters },
    };
  }

  async top({ rowsMax }: { readonly rowsMax: number }): Promise<TopReport> {
    return this.#top.report(rowsMax);
  }

  async message(id: MessageId): Promise<MessageReport | undefined> {
    const queued = this.#deps.spool.message(id);
    const outcomes = await this.#deps.spool.history(id, OUTCOMES_SHOWN_MAX);
    if (queued === undefined && outcomes.length === 0) return undefined;
    const reports = await reportsOf(this.#deps.spool, outcomes);
    const known = { id, outcomes, reports };
    if (queued === undefined) return known;
    return { ...known, queued, message: queued.message, waits: this.#waitsOf(queued) };
  }

  #waitsOf(queued: QueuedMessage): readonly DeliveryWait[] {
    const { waits, inFlight, queues, clock } = this.#deps;
    return queued.waiting.slice(0, WAITS_SHOWN_MAX).flatMap(({ index, dueAt }) => {
      const queue = queues.find(queueOf(queued.message, index));
      if (queue === undefined) return [];
      const isGoing = inFlight.has(queued.message.id, index);
      const wait: Wait = isGoing ? { for: 'delivery' } : waits.ofDelivery(queue, queued.message, dueAt);
      return [{ index, wait, text: waitText(wait, clock.now()) }];
    });
  }

  async retry(id: MessageId, by: string): Promise<boolean> {
    const { spool, unattempted, routes, queues } = this.#deps;
    const queued = spool.message(id);
    if (queued === undefined) return false;
    this.#note('retry', by, { messageId: id });
    unattempted.makeDue(queued, by);
    for (const { index } of queued.waiting) {
      const domain = queues.find(queueOf(queued.message, index))?.binding.domain;
      if (domain !== undefined) routes.rouse(domain);
    }
    return true;
  }

  async retryAll(domain: string | undefined, by: string): Promise<number> {
    const { spool, unattempted, routes, time } = this.#deps;
    this.#note('retry-all', by, domain === undefined ? {} : { domain });
    const queues = [...spool.queues()].filter(({ queue }) => domain === undefined || queue.domain === domain);
    // What this moves, or an attempt defers meanwhile, stands elsewhere in the order: it is not met twice.
    const until = time.now();
    for (const { queue } of queues) {
      for (let after = { dueAt: until, messageId: LAST_ID, index: 0 }; ; ) {
        const later = spool.due(queue, SLICE, after);
        for (const due of later) {
          const queued = spool.message(due.messageId);
          if (queued !== undefined) unattempted.makeDue(queued, by, queue.domain);
        }
        const last = later[later.length - 1];
        if (last === undefined || later.length < SLICE) break;
        after = { ...last };
        await this.#deps.yield();
      }
      for (const known of routes.named(queue.domain)) routes.rouse(known);
    }
    return queues.length;
  }

  async cancel(id: MessageId, by: string): Promise<number> {
    const { unattempted, inFlight, marks, recorder, clock } = this.#deps;
    this.#note('cancel', by, { messageId: id });
    const settled = unattempted.cancel(id, by);
    if (inFlight.hasMessage(id)) {
      marks.cancel(id);
      recorder.write([{ type: 'state', at: clock.now(), key: `${CANCEL}${id}`, value: by, by }]);
    }
    return settled;
  }

  async pause(mark: string, by: string): Promise<void> {
    this.#marks.pause(mark, by);
  }

  async resume(mark: string, by: string): Promise<boolean> {
    return this.#marks.resume(mark, by);
  }

  async move(mark: string, pool: string | undefined, by: string): Promise<MoveAnswer> {
    return this.#marks.move(mark, pool, by);
  }

  async campaigns(tenant: string | undefined, campaignsMax: number): Promise<readonly CampaignReport[]> {
    return this.#campaigns.list(tenant, campaignsMax);
  }

  async cancelCampaign(mark: string, by: string): Promise<number> {
    return this.#campaigns.cancel(mark, by);
  }

  async suppressionsOf(address: string): Promise<readonly Suppression[]> {
    return this.#deps.suppressions.of(address);
  }

  async suppressions(from: number, limit: number, filter: SuppressionFilter): Promise<SuppressionPart> {
    return this.#deps.suppressions.list(from, limit, filter);
  }

  async unknownReplies(): Promise<readonly UnknownReply[]> {
    return this.#deps.unknownReplies.list();
  }

  async sources(): Promise<readonly SourceReport[]> {
    return this.#sources.list();
  }

  async drain(source: string, by: string): Promise<SourceReport | undefined> {
    return this.#sources.drain(source, by);
  }

  async enable(source: string, by: string): Promise<SourceReport | undefined> {
    return this.#sources.enable(source, by);
  }

  readonly explain: Operations['explain'] = (question) => this.#explain.explain(question);
  readonly lanes: LaneOperations['lanes'] = () => this.#deps.lanes.lanes();
  readonly lane: LaneOperations['lane'] = (name) => this.#deps.lanes.lane(name);
  readonly pauseLane: LaneOperations['pauseLane'] = (...given) => this.#deps.lanes.pauseLane(...given);
  readonly resumeLane: LaneOperations['resumeLane'] = (...given) => this.#deps.lanes.resumeLane(...given);
  readonly pinLane: LaneOperations['pinLane'] = (...given) => this.#deps.lanes.pinLane(...given);
  readonly releaseLane: LaneOperations['releaseLane'] = (...given) => this.#deps.lanes.releaseLane(...given);
  readonly laneHistory: LaneOperations['laneHistory'] = (...given) => this.#deps.lanes.laneHistory(...given);

  async alarm(alarm: AlarmEvent): Promise<void> {
    this.#write(alarm);
    await this.#deps.spool.durable();
  }

  #note(note: string, by: string, detail: Readonly<Record<string, unknown>>): void {
    this.#write({ type: 'note', at: this.#deps.clock.now(), note, by, detail });
  }

  #write(event: JournalEvent): void {
    this.#deps.recorder.write([event]);
  }

  #domains(): DomainSummary[] {
    const domains = new Map<DomainName, DomainSummary>();
    for (const summary of this.#deps.spool.queues()) {
      const { domain } = summary.queue;
      const known = domains.get(domain);
      if (known === undefined) {
        domains.set(domain, { domain, waiting: summary.waiting, firstDueAt: summary.firstDueAt });
      } else {
        known.waiting += summary.waiting;
        known.firstDueAt = Math.min(known.firstDueAt, summary.firstDueAt);
      }
    }
    return [...domains.values()];
  }

  /** Of a domain with several queues: what the one waits for by which something of it goes first. */
  #describe({ domain, waiting, firstDueAt }: DomainSummary): DomainQueue {
    const { waits, clock, routes } = this.#deps;
    let inFlight = 0;
    let sessions = 0;
    let wait: Wait | undefined;
    for (const { queues, destination, site } of routes.named(domain)) {
      if (queues.size === 0) continue;
      for (const queue of queues) {
        inFlight += queue.inFlight;
        wait = sooner(wait, waits.ofQueue(queue, firstDueAt));
      }
      for (const lane of destination?.lanes.values() ?? []) sessions += lane.findReach(site)?.sessions.size ?? 0;
    }
    wait ??= { for: 'turn' };
    return { domain, waiting, firstDueAt, sessions, inFlight, wait, waitsFor: waitText(wait, clock.now()) };
  }
}

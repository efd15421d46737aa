// The feedback stage: tells the reverse-path what became of a message. Which outcomes owe a report is decided as they are
// written, and stands in their record; reports are made later, by a loop of their own, as messages with the null
// reverse-path. A crash at any point neither loses nor doubles one: what is owed is owed until the journal says that it
// was made, and a report has the id of its moment, which the spool takes once.
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Report } from '../flow/attempt.ts';
import type { AlarmEvent, DsnKind, OutcomeEvent } from '../flow/event.ts';
import type { Feedback } from '../flow/feedback.ts';
import type { Accepted } from '../flow/message.ts';
import type { MessageReader, MessageWriter, QueuedMessage, Spool } from '../flow/spool.ts';
import { Limits } from './limits.ts';
import { type Made, Maker } from './maker.ts';
import { type Moment, Moments } from './moments.ts';
import type { FeedbackOptions } from './options.ts';
import { readReturned } from './returned.ts';
import { isAnswerable, reportOwed } from './wanted.ts';

export interface FeedbackDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly spool: Spool;
  readonly reader: MessageReader;
  /** Of segments that nobody else writes. */
  readonly writer: MessageWriter;
  /** Takes a durable record into the queue: `Intake.accepted`. */
  readonly accepted: (accepted: Accepted) => void;
  readonly raise: (alarm: AlarmEvent) => void;
}

export interface FeedbackStage extends Feedback {
  /** After `spool.start()`, at once: before the spool removes what reports quote. */
  start(): void;
  reload(options: FeedbackOptions): void;
  /** What is being made is made; nothing more is begun. What is owed stays owed. */
  stop(): Promise<void>;
}

/** Looked for again after so long when there was no room, or when too many were owed at once. */
const HELD_MS = 10_000;
/** Never sooner: what falls due together is made together. */
const PAUSE_MS = 100;
/** Headers that are held in memory, of content that the spool removes with its message. */
const HELD_HEADERS_MAX = 200;

export function createFeedback(options: FeedbackOptions, deps: FeedbackDeps): FeedbackStage {
  return new Stage(options, deps);
}

class Stage implements FeedbackStage {
  readonly #deps: FeedbackDeps;
  readonly #moments: Moments;
  readonly #limits = new Limits();
  readonly #maker: Maker;
  #options: FeedbackOptions;
  #timer: Timer | undefined;
  /** Monotonic. */
  #timerAt = Infinity;
  #running: Promise<void> | undefined;
  #isOn = false;
  #headersHeld = 0;
  #isTooMuchTold = false;

  constructor(options: FeedbackOptions, deps: FeedbackDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#moments = new Moments(deps.spool);
    this.#maker = new Maker({ ...deps, moments: this.#moments, limits: this.#limits, options: () => this.#options });
  }

  get owed(): number {
    return this.#moments.size;
  }

  start(): void {
    const { clock, spool } = this.#deps;
    this.#moments.load(clock.now(), clock.monotonic());
    this.#limits.load(spool);
    this.#isOn = true;
    this.#plan();
  }

  reload(options: FeedbackOptions): void {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    this.#timer?.cancel();
    await this.#running;
  }

  owe(queued: QueuedMessage, outcomes: readonly OutcomeEvent[], report?: Report): readonly OutcomeEvent[] {
    if (!isAnswerable(queued.message)) return outcomes;
    let owing: OutcomeEvent[] | undefined;
    let joined: Set<Moment> | undefined;
    for (let at = 0; at < outcomes.length; at++) {
      const event = outcomes[at] as OutcomeEvent;
      const kind = this.#kindOf(queued, event, report);
      if (kind === undefined) continue;
      const moment = this.#join(queued, event, kind);
      if (moment === undefined) continue;
      owing ??= [...outcomes];
      owing[at] = withDsn(event, queued, moment);
      joined = (joined ?? new Set<Moment>()).add(moment);
    }
    if (owing === undefined) return outcomes;
    const ended = new Set(owing.filter(({ outcome }) => outcome !== 'deferred').map(({ index }) => index));
    const isOver = queued.waiting.every(({ index }) => ended.has(index));
    for (const moment of joined ?? []) {
      if (isOver) this.#moments.closeSoon(moment, this.#deps.clock.monotonic());
      this.#wake(moment.dueAt);
    }
    return owing;
  }

  #kindOf(queued: QueuedMessage, event: OutcomeEvent, report: Report | undefined): DsnKind | undefined {
    const { message, waiting } = queued;
    // Nearly all: delivered, and nobody asked to be told.
    if (event.outcome === 'delivered' && message.forwardPaths[event.index]?.notify === undefined) return undefined;
    const { streams, delayAfterMs } = this.#options;
    return reportOwed(message, event, {
      stream: Object.hasOwn(streams, message.stream) ? (streams[message.stream] ?? 'failure') : 'failure',
      delayAfterMs,
      dueAt: waiting.find(({ index }) => index === event.index)?.dueAt ?? event.at,
      isLastToTell: report !== undefined && report.passedDsn !== true,
    });
  }

  #join(queued: QueuedMessage, event: OutcomeEvent, kind: DsnKind): Moment | undefined {
    const { message, location } = queued;
    const { clock, reader } = this.#deps;
    if (this.#moments.size >= this.#options.owedMax) return this.#tooMuch();
    const moment = this.#moments.of(message, kind, location, event.at, clock.monotonic());
    moment.indexes.add(event.index);
    // Content in a file of its own goes with its message, whatever is pinned.
    const isOwnFile = location.length < message.size;
    if (isOwnFile && moment.returned === undefined && this.#headersHeld < HELD_HEADERS_MAX) {
      this.#headersHeld++;
      const { id: messageId } = message;
      const wanted = { location, messageId, isWholeAsked: false, octetsMax: this.#options.returnOctetsMax };
      moment.returned = readReturned(reader, wanted)
        .catch(() => ({}))
        .finally(() => {
          this.#headersHeld--;
        });
    }
    return moment;
  }

  #tooMuch(): undefined {
    const { clock, log, raise } = this.#deps;
    if (this.#isTooMuchTold) return undefined;
    this.#isTooMuchTold = true;
    const text = `${this.#moments.size} reports are owed and wait for dsn.total: of what fails meanwhile nobody is told`;
    log.error({ owed: this.#moments.size }, 'too many reports are owed');
    raise({ type: 'alarm', at: clock.now(), alarm: 'reports-owed', text });
    return undefined;
  }

  // ── the loop ────────────────────────────────────────────────────────────────────────────────────────────────────

  #wake(at: number): void {
    if (!this.#isOn || this.#running !== undefined || at >= this.#timerAt) return;
    const { clock } = this.#deps;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = clock.after(Math.max(at - clock.monotonic(), PAUSE_MS), () => {
      this.#timerAt = Infinity;
      this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    const { log, clock } = this.#deps;
    let heldMs: number | undefined;
    try {
      let made: Made = 'more';
      while (made === 'more' && this.#isOn) made = await this.#maker.step();
      if (typeof made === 'number') heldMs = made;
    } catch (error) {
      // Owed as before.
      log.error(
        { error: error instanceof Error ? (error.stack ?? error.message) : String(error) },
        'reports were not made',
      );
      heldMs = HELD_MS;
    }
    this.#running = undefined;
    if (this.#moments.size < this.#options.owedMax / 2) this.#isTooMuchTold = false;
    if (heldMs === undefined) this.#plan();
    else this.#wake(clock.monotonic() + heldMs);
  }

  /** The next moment that ends, or period that is over. */
  #plan(): void {
    const { clock } = this.#deps;
    const due = this.#moments.firstDue();
    if (due !== undefined) this.#wake(due);
    const end = this.#limits.firstEnd();
    if (end !== undefined) this.#wake(clock.monotonic() + Math.max(0, end - clock.now()));
  }
}

function withDsn(event: OutcomeEvent, { message, expiresAt }: QueuedMessage, moment: Moment): OutcomeEvent {
  const { id, kind, at: momentAt, location } = moment;
  const { envid, ret } = message;
  const orcpt = message.forwardPaths[event.index]?.orcpt;
  const dsn = {
    id,
    kind,
    momentAt,
    location,
    ...(orcpt !== undefined && { orcpt }),
    ...(envid !== undefined && { envid }),
    ...(ret !== undefined && { ret }),
    ...(kind === 'delayed' && { expiresAt }),
  };
  return { ...event, dsn };
}

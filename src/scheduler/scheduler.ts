// The scheduler: due → ready → attempt → outcome. It alone grants attempts and connections, writes outcomes, and counts
// what users may do. It touches no socket and no content; what it knows stands in the spool, so it may die at any time.
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { AddressClaim, EgressCommands, EgressHello, EgressReports } from '../flow/attempt.ts';
import { envelopeDigest } from '../flow/envelope-digest.ts';
import type { OutcomeEvent } from '../flow/event.ts';
import type { Feedback } from '../flow/feedback.ts';
import type { Intake } from '../flow/intake.ts';
import type { Accepted, Message } from '../flow/message.ts';
import type { Operations } from '../flow/operations.ts';
import { queueOf } from '../flow/queue-name.ts';
import type { Router } from '../flow/route.ts';
import type { Settle } from '../flow/settlement.ts';
import type { Spool } from '../flow/spool.ts';
import type { SuppressDecision } from '../flow/suppression.ts';
import type { Egress } from './lane.ts';
import { type Parts, assemble } from './parts.ts';
import { takeHello } from './hello.ts';
import type { ProviderOf, SchedulerOptions } from './options.ts';

export interface SchedulerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly spool: Spool;
  readonly router: Router;
  /** `createSettle(judge)` of src/outcome/. */
  readonly settle: Settle;
  /** Absent: no provider is known. Asked anew for every route. */
  readonly providerOf?: ProviderOf;
  /** Which outcomes put their recipient on the suppression list. Absent: none does. */
  readonly suppresses?: SuppressDecision;
  /** Absent: nobody is told of what failed. */
  readonly feedback?: Feedback;
  /** Told each outcome once it is written: accounting. Must not throw. */
  readonly onOutcome?: (event: OutcomeEvent) => void;
  /** Runs its argument once what happens now has happened: the end of a turn. Default: setImmediate. */
  readonly soon?: (run: () => void) => void;
}

export interface Scheduler {
  /** After `spool.start()`. Nothing is granted before; egress processes that live are attached before. */
  start(): Promise<void>;
  readonly intake: Intake;
  readonly operations: Operations;
  /** `hello`: what a process says that an earlier scheduler had granted something. */
  attachEgress(name: string, commands: EgressCommands, hello?: EgressHello): EgressReports;
  /** The process ended: what it had been granted returns as perhaps delivered. */
  detachEgress(name: string): void;
  /** A submission process ended: its segment's tail is taken in, then the claims of its sessions end. */
  detachSubmission(holderPrefix: string, segment?: string): Promise<void>;
  reload(options: SchedulerOptions): void;
  /** All sources whose address is not on this host: they begin nothing until it is told otherwise. Also before `start`. */
  setMissing(sources: readonly string[]): void;
  /** Grants nothing more, waits for what is on its way (35 s at most), syncs. */
  stop(): Promise<void>;
}

export function createScheduler(options: SchedulerOptions, deps: SchedulerDeps): Scheduler {
  return new Brain(options, deps);
}

class Brain implements Scheduler {
  readonly intake: Intake;
  readonly operations: Operations;
  readonly #deps: SchedulerDeps;
  readonly #parts: Parts;
  readonly #soon: (run: () => void) => void;
  #state: 'new' | 'running' | 'stopping' | 'stopped' = 'new';
  /** What came before the start, in order. */
  #early: (() => void)[] = [];
  #isRequested = false;
  #hasStepped = false;
  #onDrained: (() => void) | undefined;
  #onStarted: () => void = () => {};

  constructor(options: SchedulerOptions, deps: SchedulerDeps) {
    this.#deps = deps;
    this.#soon = deps.soon ?? setImmediate;
    this.#parts = assemble(options, deps, {
      request: () => this.#request(),
      onStep: () => {
        this.#hasStepped = true;
        this.#parts.expiry.spare();
        this.#request();
      },
      onAccepted: (accepted) => this.#accepted(accepted),
      started: new Promise((resolve) => {
        this.#onStarted = resolve;
      }),
    });
    this.intake = this.#parts.intake;
    this.operations = this.#parts.operations;
  }

  async start(): Promise<void> {
    const {
      marks,
      moves,
      campaigns,
      removal,
      suppressions,
      noNames,
      budgets,
      foresight,
      queues,
      recorder,
      unattempted,
      inFlight,
      expiry,
      granting,
      intake,
      wakes,
    } = this.#parts;
    const { spool, clock } = this.#deps;
    this.#parts.limits.start(spool);
    marks.load(spool);
    moves.load(spool);
    campaigns.load(spool);
    removal.load();
    suppressions.load();
    this.#parts.unknownReplies.load();
    noNames.load(spool);
    budgets.load();
    this.#parts.paces.load(spool);
    this.#parts.suspensions.load(spool);
    this.#parts.leftOut.load(spool);
    for (const { queue, firstDueAt } of spool.queues()) queues.load(queue, firstDueAt);
    this.#state = 'running';
    for (const run of this.#early) run();
    this.#early = [];
    recorder.flush();
    // Begun in an earlier life under `duplicates: never`, and nobody holds or reports it: never sent again.
    for (const { key } of spool.states('intent/')) {
      const [, id = '', index = ''] = key.split('/');
      unattempted.endAsUnknown(id as never, Number(index));
    }
    for (const id of marks.cancelled) {
      unattempted.cancel(id, 'operator');
      if (inFlight.hasMessage(id)) continue;
      marks.forget(id);
      recorder.add([{ type: 'state', at: clock.now(), key: `cancel/${id}`, by: 'scheduler' }]);
    }
    expiry.spare();
    expiry.callUp();
    granting.isOn = true;
    granting.dirtyAll();
    intake.closedFor = undefined;
    foresight.wake();
    wakes.start();
    this.#onStarted();
    this.#request();
  }

  attachEgress(name: string, commands: EgressCommands, hello?: EgressHello): EgressReports {
    const { egresses, reports, granting } = this.#parts;
    const egress = egresses.attach(name, commands);
    // The hello stands before every report of this process.
    this.#when(egress, () => {
      if (hello !== undefined) takeHello({ ...this.#deps, ...this.#parts }, egress, hello);
      granting.dirtyAll();
      this.#request();
    });
    return {
      report: (report) => this.#when(egress, () => reports.report(egress, report)),
      claim: (claim) => this.#claim(egress, claim),
      returned: (returned) => this.#when(egress, () => reports.returned(returned)),
      closed: (closed) => this.#when(egress, () => reports.closed(closed)),
    };
  }

  detachEgress(name: string): void {
    const { egresses, reports } = this.#parts;
    const egress = egresses.detach(name);
    if (egress === undefined || this.#state === 'stopped') return;
    reports.lost(egress);
    this.#request();
  }

  async detachSubmission(holderPrefix: string, segment?: string): Promise<void> {
    if (segment !== undefined) {
      for (const accepted of await this.#deps.spool.adopt(segment)) this.#accepted(accepted);
    }
    this.#parts.claims.releaseAll(holderPrefix);
  }

  reload(options: SchedulerOptions): void {
    const { settings, intake, limits, destinations, routes, queues, sources, granting, budgets, foresight } =
      this.#parts;
    settings.take(options);
    limits.reload();
    destinations.reload();
    limits.reloaded();
    intake.reload();
    sources.refresh();
    if (this.#state === 'running') {
      budgets.load();
      foresight.wake();
    }
    this.#parts.paces.refresh(destinations.lanes);
    if (this.#state !== 'running') return;
    routes.forgetAll();
    queues.refreshAll();
    granting.dirtyAll();
    this.#request();
  }

  setMissing(names: readonly string[]): void {
    const { sources, settings, recorder, granting } = this.#parts;
    for (const name of sources.setMissing(names)) {
      const text = `the address ${settings.source(name)?.address} of source ${name} is not on this host: nothing is sent from it until it is there`;
      recorder.alarm('source-missing', text, `source-missing/${name}`);
    }
    granting.dirtyAll();
    this.#request();
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const { intake, granting, egresses, wakes, recorder, settings, budgets } = this.#parts;
    this.#state = 'stopping';
    intake.closedFor = 'stopping';
    granting.isOn = false;
    for (const session of Array.from(egresses.all)) egresses.closeSession(session);
    if (egresses.sessions > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#deps.clock.after(settings.limits.stopMs, resolve);
        this.#onDrained = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#turn();
    this.#state = 'stopped';
    wakes.close();
    budgets.close();
    this.#parts.limits.close();
    recorder.add(this.#parts.unknownReplies.rest());
    recorder.flush();
    await this.#deps.spool.durable();
  }

  /** Before the start not everybody has said what is open: not granted. */
  #claim({ commands }: Egress, claim: AddressClaim): void {
    const { egresses, addresses } = this.#parts;
    const session = this.#state === 'new' ? undefined : egresses.find(claim.session);
    commands.claimed(claim, session !== undefined && addresses.claim(session, claim.address));
    this.#request();
  }

  /** Runs now, or at the start when that is still to come. */
  #when(egress: Egress, run: () => void): void {
    if (this.#state === 'stopped') return;
    const ifAttached = (): void => {
      if (this.#parts.egresses.isAttached(egress)) run();
    };
    if (this.#state === 'new') this.#early.push(ifAttached);
    else ifAttached();
  }

  #accepted(accepted: Accepted): void {
    const { queues, recorder, claims, expiry } = this.#parts;
    const { spool, clock } = this.#deps;
    const { message } = accepted;
    const before = spool.counts.messages;
    spool.accept(accepted);
    if (spool.counts.messages > before) recorder.accepted(message);
    const { idempotencyKey: key, user } = message;
    if (key !== undefined) {
      claims.done(user, key);
      const paths = message.forwardPaths.map((path) => path.mailbox);
      const digest = envelopeDigest(message.reversePath, paths);
      recorder.add([{ type: 'key', at: clock.now(), user, key, digest, messageId: message.id }]);
    }
    // Before the start the spool tells it with all the rest.
    if (this.#state === 'new') return;
    expiry.accepted(message);
    const dueAt = message.notBefore ?? message.acceptedAt;
    for (let index = 0; index < message.forwardPaths.length; index++) {
      if (this.#isSuppressed(message, index)) continue;
      queues.offer(queueOf(message, index), { dueAt, messageId: message.id, index });
    }
    this.#request();
  }

  /** Told at once, however long the delivery would have waited. */
  #isSuppressed({ id, forwardPaths, tenant, stream }: Message, index: number): boolean {
    const { suppressions, unattempted } = this.#parts;
    const path = forwardPaths[index];
    const entry = path && suppressions.find({ mailbox: path.mailbox, domain: path.domain, tenant, stream });
    if (entry === undefined) return false;
    const queued = this.#deps.spool.message(id);
    if (queued !== undefined) unattempted.suppress(queued, index, entry);
    return true;
  }

  #request(): void {
    if (this.#isRequested || this.#state === 'new' || this.#state === 'stopped') return;
    this.#isRequested = true;
    this.#soon(() => {
      this.#isRequested = false;
      if (this.#state !== 'stopped') this.#turn();
    });
  }

  /** First what is known is written, then acknowledged, then what is free is granted; the sync goes on behind. */
  #turn(): void {
    const { recorder, reports, unattempted, removal, expiry, granting, egresses } = this.#parts;
    recorder.flush();
    reports.acknowledge();
    if (this.#hasStepped && this.#state === 'running') {
      this.#hasStepped = false;
      expiry.callUp();
    }
    if (this.#state === 'running') {
      unattempted.step();
      removal.step();
      expiry.step();
      granting.pump();
      this.#parts.addresses.yield();
    }
    recorder.flush();
    recorder.sync();
    if (this.#state === 'stopping' && egresses.sessions === 0) this.#onDrained?.();
  }
}

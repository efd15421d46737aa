// Makes the parts of the scheduler and joins them. Some need each other (a route that is known wakes queues, a queue
// that is due asks for its route): those calls go through functions that look the part up when they run.
import { noFeedback } from '../flow/feedback.ts';
import { OTHER } from '../flow/warmup.ts';
import type { Accepted } from '../flow/message.ts';
import { NOT_ALLOWED } from '../policy/route-choice.ts';
import { Addresses } from './addresses.ts';
import { Budgets } from './budgets.ts';
import { CampaignRemoval } from './campaign-removal.ts';
import { Campaigns } from './campaigns.ts';
import { Claims } from './claims.ts';
import { Destinations } from './destinations.ts';
import { DueTime } from './due-time.ts';
import { Egresses } from './egresses.ts';
import { Expiry } from './expiry.ts';
import { Granting } from './granting.ts';
import { Greylisted } from './greylisted.ts';
import { InFlight } from './in-flight.ts';
import { IntakeDesk } from './intake-desk.ts';
import { Limits } from './limits.ts';
import { Marks } from './marks.ts';
import { Moves } from './moves.ts';
import { NoNames } from './no-names.ts';
import { OperatorDesk } from './operator-desk.ts';
import type { SchedulerOptions } from './options.ts';
import { assembleConsequences, assemblePace, type PaceParts } from './pace-parts.ts';
import { Pulling } from './pulling.ts';
import { Queues } from './queues.ts';
import { ReachHealth } from './reach-health.ts';
import { Recorder } from './recorder.ts';
import { Reports } from './reports.ts';
import { Routes } from './routes.ts';
import type { SchedulerDeps } from './scheduler.ts';
import { Settings } from './settings.ts';
import { Suppressions } from './suppressions.ts';
import { Tally } from './tally.ts';
import { Sources } from './sources.ts';
import { Unattempted } from './unattempted.ts';
import { UnknownReplies } from './unknown-replies.ts';
import { Waits } from './waits.ts';
import { Wakes } from './wakes.ts';
import { WarmupForesight } from './warmup-foresight.ts';
import { Rousing, waitingByProvider } from './warmup-waiting.ts';

export interface Parts extends PaceParts {
  readonly settings: Settings;
  readonly time: DueTime;
  readonly wakes: Wakes;
  readonly recorder: Recorder;
  readonly marks: Marks;
  readonly moves: Moves;
  readonly campaigns: Campaigns;
  readonly removal: CampaignRemoval;
  readonly suppressions: Suppressions;
  readonly unknownReplies: UnknownReplies;
  readonly noNames: NoNames;
  readonly inFlight: InFlight;
  readonly egresses: Egresses;
  readonly sources: Sources;
  readonly limits: Limits;
  readonly addresses: Addresses;
  readonly destinations: Destinations;
  readonly routes: Routes;
  readonly queues: Queues;
  readonly pulling: Pulling;
  readonly granting: Granting;
  readonly budgets: Budgets;
  readonly foresight: WarmupForesight;
  readonly reports: Reports;
  readonly unattempted: Unattempted;
  readonly expiry: Expiry;
  readonly claims: Claims;
  readonly intake: IntakeDesk;
  readonly operations: OperatorDesk;
}

export interface Hooks {
  /** A turn is wanted. */
  readonly request: () => void;
  /** The wall clock went forward by over an hour. */
  readonly onStep: () => void;
  readonly onAccepted: (accepted: Accepted) => void;
  readonly started: Promise<void>;
}

export function assemble(options: SchedulerOptions, deps: SchedulerDeps, hooks: Hooks): Parts {
  const { clock, random, spool, log, router, settle } = deps;
  const moves = new Moves();
  const settings = new Settings(options, moves);
  const time = new DueTime(clock, hooks.onStep);
  const suppressions: Suppressions = new Suppressions({
    ...deps,
    onAlarm: (alarm, text, about) => recorder.alarm(alarm, text, `${alarm}/${about}`),
  });
  const tally = new Tally();
  const greylisted = new Greylisted();
  const unknownReplies = new UnknownReplies(deps);
  const recorder = new Recorder({
    spool,
    clock,
    log,
    request: hooks.request,
    onOutcome: (event) => {
      tally.note(event);
      greylisted.follow(event);
      budgets.count(event);
      campaigns.follow(event);
      deps.onOutcome?.(event);
    },
    ahead: (events) => [...suppressions.follow(events), ...unknownReplies.follow(events)],
  });
  const marks = new Marks();
  const campaigns: Campaigns = new Campaigns({ clock, settings, marks, recorder });
  const noNames = new NoNames({ clock, time, recorder });
  const inFlight = new InFlight();
  const egresses = new Egresses();
  const claims = new Claims(spool);
  const feedback = deps.feedback ?? noFeedback;
  const sources = new Sources({ settings, marks, egresses });
  const ground = {
    ...deps,
    feedback,
    settings,
    time,
    recorder,
    suppressions,
    unknownReplies,
    marks,
    moves,
    campaigns,
    inFlight,
    egresses,
    sources,
    claims,
    tally,
    greylisted,
  };
  const intake = new IntakeDesk({ ...ground, onAccepted: hooks.onAccepted });
  const wakes = new Wakes(clock, time, () => {
    recorder.watch();
    intake.watch();
    hooks.request();
  });
  const limits: Limits = new Limits({
    ...ground,
    wakes,
    onRoom: (destination, key) => {
      granting.roomFor(destination, key);
      hooks.request();
    },
  });
  const addresses = new Addresses({ egresses, limits });
  const destinations = new Destinations({
    settings,
    limits,
    onWake: (destination) => {
      granting.dirty(destination);
      hooks.request();
    },
  });
  const budgets: Budgets = new Budgets({
    ...ground,
    wakes,
    waiting: () => waitingByProvider(spool, queues),
    onRoom: (provider) => {
      rousing.rouse(provider);
      hooks.request();
    },
    onWarmth: (source, provider) => pacing.paces.refresh(destinations.lanesOf(source, provider)),
    onGranted: ({ session }) => rousing.granted(session.lane.destination),
  });
  const removal = new CampaignRemoval({ ...ground, wakes, unattempted: () => unattempted });
  const routes: Routes = new Routes({
    destinations,
    router,
    providerOf: deps.providerOf,
    time,
    random,
    wakes,
    settings,
    noNames,
    onLeave: (domain) => queues.leave(domain),
    onKnown: (domain) => queues.goOn(domain),
    onUnknown: (domain, text) => unattempted.deferAtHand(domain, text),
    onAskable: (domain) => queues.goOn(domain),
  });
  const pacing: PaceParts = assemblePace({
    ...ground,
    wakes,
    budgets,
    consequences: () => consequences,
    granting: () => granting,
    queues: () => queues,
  });
  const health = new ReachHealth({ ...ground, wakes });
  const queues: Queues = new Queues({
    ...ground,
    ...pacing,
    wakes,
    routes,
    onReady: (destination, queue) => {
      health.due(queue, destination);
      granting.ready(destination);
      hooks.request();
    },
    onDispose: (domain) => unattempted.dispose(domain),
  });
  const pulling = new Pulling({
    ...ground,
    ...pacing,
    removal,
    reprieve: () => expiry.reprieve,
    onOver: (queued) => unattempted.expire(queued),
    onCancelled: ({ message: { id } }, by) => void unattempted.cancel(id, by),
    onNotAllowed: (queued, index) => unattempted.discard(queued, [index], NOT_ALLOWED.name),
    onSuppressed: (queued, index, entry) => unattempted.suppress(queued, index, entry),
  });
  const granting: Granting = new Granting({
    ...ground,
    ...pacing,
    destinations,
    limits,
    addresses,
    queues,
    pulling,
    budgets,
  });
  const rousing = new Rousing(destinations, (destination) => granting.dirty(destination));
  const waits = new Waits({ ...ground, ...pacing, budgets, limits, addresses });
  const { consequences, lanes } = assembleConsequences({
    ...ground,
    ...pacing,
    waits,
    granting,
    destinations,
    started: hooks.started,
    takeBack: (attempt) => reports.takeBack(attempt),
  });
  const reports: Reports = new Reports({
    ...ground,
    ...pacing,
    consequences,
    removal,
    routes,
    queues,
    health,
    granting,
    budgets,
    limits,
    addresses,
    onCancelled: (id) => void unattempted.cancel(id, 'operator'),
  });
  const unattempted: Unattempted = new Unattempted({ ...ground, settle, queues, pulling, reports });
  const expiry: Expiry = new Expiry({ ...ground, wakes, unattempted });
  const foresight = new WarmupForesight({ ...ground, wakes, queues, budgets });
  const operations = new OperatorDesk({
    ...ground,
    ...pacing,
    waits,
    lanes,
    destinations,
    router,
    removal,
    routes,
    queues,
    unattempted,
    budgets,
    isProvider: (name) => name === OTHER || settings.provider(name) !== undefined,
    onSources: () => granting.dirtyAll(),
    yield: () => new Promise((resolve) => (deps.soon ?? setImmediate)(resolve)),
  });
  return {
    settings,
    time,
    wakes,
    recorder,
    marks,
    moves,
    campaigns,
    removal,
    suppressions,
    unknownReplies,
    noNames,
    inFlight,
    egresses,
    sources,
    limits,
    addresses,
    destinations,
    routes,
    queues,
    pulling,
    granting,
    budgets,
    foresight,
    reports,
    unattempted,
    expiry,
    claims,
    intake,
    operations,
    ...pacing,
  };
}

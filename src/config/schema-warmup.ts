// config/warmup.yaml: how new sources are warmed up. Shipped; plans of the operator stand in own-warmup.yaml beside the
// other files. A source names its plan in sending.yaml.
import { choice, count, duration, share, text, timeOfDay, timeZone } from './kinds.ts';
import { group, type Infer, list, map } from './setting.ts';

const stage = count('Recipients per day.', { example: 100, min: 1, max: 1_000_000_000 });

const GATES = {
  used: 'Share of the budget that must have been used.',
  delivered:
    'Share that was delivered of what was finally answered. Throttling, blocks, refusals of the content and complaints count against it; greylisting and errors of recipients and remote systems do not.',
  complaints: 'Complaints among the delivered, above which the plan steps back.',
  complaintsMin: 'So many complaints at least: one of a small day says nothing.',
  sample: 'Answers under which a day is not judged: its stage repeats.',
} as const;

const countMax = { min: 1, max: 1_000_000 } as const;

const gates = group('What a day must show before the next stage.', {
  used: share(GATES.used, { default: '70%' }),
  delivered: share(GATES.delivered, { default: '90%' }),
  complaints: share(GATES.complaints, { default: '0.1%' }),
  complaintsMin: count(GATES.complaintsMin, { default: 3, ...countMax }),
  sample: count(GATES.sample, { default: 20, ...countMax }),
});

const providerGates = group('Where this provider differs.', {
  used: share(GATES.used, { optional: "the plan's", example: '70%' }),
  delivered: share(GATES.delivered, { optional: "the plan's", example: '95%' }),
  complaints: share(GATES.complaints, { optional: "the plan's", example: '0.05%' }),
  complaintsMin: count(GATES.complaintsMin, { optional: "the plan's", example: 5, ...countMax }),
  sample: count(GATES.sample, { optional: "the plan's", example: 50, ...countMax }),
});

const stepBack = 'Stages that a block of the source, or too many complaints, take it back.';
const stepBacks = { min: 1, max: 100 } as const;

const variant = group('One provider. What is not here is as in the plan.', {
  stages: list('Its own stages.', stage, { optional: "the plan's", example: [50, 70, 100], min: 1 }),
  gates: providerGates,
  stepBack: count(stepBack, { optional: "the plan's", example: 3, ...stepBacks }),
});

const plan = group('One plan.', {
  stages: list(
    'Recipients per day to one provider, retries included; each day that goes well leads to the next, after the last the source is warm there. Sites without a provider share one budget, `other`.',
    stage,
    { example: [50, 100, 200, 400], min: 1 },
  ),
  providers: map('Providers that need other stages: names of providers.yaml, or other.', variant, { entry: 'google' }),
  total: list('Recipients per day to all providers together, by stages of their own.', stage, {
    optional: 'not limited',
    example: [200, 500, 1000],
    min: 1,
  }),
  windowMs: duration('Time from the start of the day over which its budget is spread evenly.', {
    default: '24h',
    min: '1s',
  }),
  dayStartMs: timeOfDay('When the day begins.', { default: '00:00' }),
  timeZone: timeZone('Whose days they are.', { default: 'UTC' }),
  dayMs: duration(
    'Length of a day. Anything but 24h follows no calendar: it is for trying a plan out, never for mail to real providers.',
    { default: '24h', min: '1s' },
  ),
  gates,
  stepBack: count(stepBack, { default: 2, ...stepBacks }),
  idle: group('What days without mail do.', {
    days: count('Days without mail after which the volume reached begins to fall.', { default: 7, min: 1, max: 365 }),
    decay: share('What it loses with each further day.', { default: '3%' }),
  }),
  overflow: choice(
    'What becomes of mail beyond the budget. pool: the other sources of the pool send it. overflow-pool: those, then the sources of its overflow pool. wait: it waits, even where the pool has warm sources; for pools of new sources alone.',
    ['pool', 'overflow-pool', 'wait'],
    { default: 'pool' },
  ),
  exceptStreams: list(
    'Streams that are not sent from the source where it is not warm.',
    text('A stream.', { example: 'transactional' }),
    {
      default: [],
      single: true,
    },
  ),
});

export const warmupSchema = group('How new sources are warmed up.', {
  plans: map('By name; a source names one in sending.yaml.', plan, { entry: 'standard' }),
});

export type WarmupFile = Infer<typeof warmupSchema>;
export type PlanSetting = WarmupFile['plans'][string];

// config/sending.yaml, `breaker`: when a campaign is held by itself. Of all mail, and what a tenant or a stream has otherwise.
import { count, duration, flag, share } from './kinds.ts';
import { group, type Infer } from './setting.ts';

const ENABLED = 'Whether a campaign is paused by itself when too much of it goes wrong.';
const WINDOW = 'Over how long answers are counted.';
const SAMPLE = 'Answers in the window below which nothing is concluded.';
const BOUNCE = 'Share of recipients that are not there, at which it is paused.';
const SPAM = 'The same for replies that refuse what the mail says (spam, virus).';
const BLOCK =
  'The same for replies that block the source address or the sending domain, also those that may pass (4xx).';

const sampleRange = { min: 20, max: 10_000_000 } as const;

export const breaker = group(
  'Pauses a campaign of which too much goes wrong: a raised alarm, `postilion campaign list` says why, `postilion campaign resume` ends it. Mail without a campaign is never counted.',
  {
    enabled: flag(ENABLED, { default: true }),
    windowMs: duration(WINDOW, { default: '1h', min: '1m' }),
    sample: count(SAMPLE, { default: 500, ...sampleRange }),
    bounceShare: share(BOUNCE, { default: '10%' }),
    spamShare: share(SPAM, { default: '5%' }),
    blockShare: share(BLOCK, { default: '20%' }),
  },
);

const same = 'what `breaker` says';

export const ownBreaker = (whose: string) =>
  group(`Of campaigns of this ${whose}, as far as it differs from \`breaker\`. A stream comes before its tenant.`, {
    enabled: flag(ENABLED, { optional: same, example: false }),
    windowMs: duration(WINDOW, { optional: same, example: '6h', min: '1m' }),
    sample: count(SAMPLE, { optional: same, example: 5000, ...sampleRange }),
    bounceShare: share(BOUNCE, { optional: same, example: '3%' }),
    spamShare: share(SPAM, { optional: same, example: '1%' }),
    blockShare: share(BLOCK, { optional: same, example: '10%' }),
  });

export type Breaker = Infer<typeof breaker>;
export type OwnBreaker = Infer<ReturnType<typeof ownBreaker>>;

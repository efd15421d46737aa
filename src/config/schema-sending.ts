// config/sending.yaml, whose mail it is: tenants, users, streams. Live: taken over by `postilion reload`.
import { ownBreaker } from './schema-breaker.ts';
import { choice, count, domainPattern, duration, network, rate, reference, size, text } from './kinds.ts';
import { ownerCaps } from './schema-caps.ts';
import { group, type Infer, list, map, USER_NAME } from './setting.ts';

const tenant = group('One tenant.', {
  weight: count('Its share when tenants compete; twice the weight is twice the mail.', {
    default: 1,
    min: 1,
    max: 1000,
  }),
  suppressed: choice(
    'What becomes of a recipient on the suppression list. record: accepted, and its delivery ends as suppressed. refuse: 550 at RCPT, 5.1.1 when the mailbox is not there, else 5.7.1.',
    ['record', 'refuse'],
    { default: 'record' },
  ),
  caps: ownerCaps('What is sent of its mail at most, over all sources and destinations.'),
  breaker: ownBreaker('tenant'),
});

export const tenants = map('Who owns mail. The tenant `default` is always there.', tenant, { entry: 'acme' });

const stream = group('One stream.', {
  priority: count('Streams of a higher priority are always served first. Of the same: by weight.', {
    default: 5,
    min: 0,
    max: 9,
  }),
  weight: count('Its share among streams of the same priority.', { default: 1, min: 1, max: 1000 }),
  lifetimeMs: duration('Age at which a message expires. RFC 5321 section 4.5.4.1 asks for 4 to 5 days.', {
    default: '4d',
    min: '1s',
  }),
  retryDelaysMs: list(
    'Waits between attempts, each ±25 % by chance; the last one repeats until the lifetime ends.',
    duration('One wait.', { example: '5m', min: '100ms' }),
    { default: ['5m', '15m', '30m', '1h', '2h', '4h', '6h'], min: 1 },
  ),
  pool: reference('Pool of its messages, unless the message or the user names one.', 'pools', {
    optional: 'default',
    example: 'default',
  }),
  duplicates: choice(
    'Whether a delivery is tried again when the reply to its final dot was lost. allow: yes, at worst it arrives twice. never: it ends as unknown.',
    ['allow', 'never'],
    { default: 'allow' },
  ),
  dkim: choice(
    'Whether a message of the stream whose From domain has no key is refused (550 5.7.1).',
    ['required', 'optional'],
    { optional: 'dkim.required', example: 'required' },
  ),
  feedbackId: text(
    'Feedback-ID of messages that have none, by which Gmail shows complaints. {campaign}, {stream}, {tenant} and {user} are filled in; the last part names the sender.',
    { optional: 'none is added', example: '{campaign}:{tenant}:{stream}:example' },
    /^(?:[A-Za-z0-9._:-]|\{(?:campaign|stream|tenant|user)\}){1,200}$/,
    'letters, digits, . _ : - and {campaign}, {stream}, {tenant}, {user}',
  ),
  suppressed: choice(
    'The same as of a tenant, for users whose mail has this stream unless a header names another one.',
    ['record', 'refuse'],
    { optional: 'what the tenant says', example: 'refuse' },
  ),
  dsn: choice(
    'What the reverse-path is told of when the application did not say so by NOTIFY (RFC 3461). failure-and-delay: also, once, that a message waits for long.',
    ['failure', 'failure-and-delay', 'never'],
    { optional: 'failure; never for the stream bulk', example: 'never' },
  ),
  caps: ownerCaps('The same as of a tenant.'),
  breaker: ownBreaker('stream'),
});

export const streams = map(
  'Classes of mail. The streams `default` and `system` (reports of the relay itself) are always there. An application names one by a control header.',
  stream,
  { entry: 'bulk' },
);

export const dsn = group('Reports to reverse-paths (RFC 3464). They are sent in the stream `system`.', {
  delayAfterMs: duration('A message that is not tried again before it is this old counts as delayed.', {
    default: '4h',
    min: '1m',
  }),
  perReversePath: rate(
    'Reports to one reverse-path. What is beyond is summed up in one message when the period ends.',
    { default: '100/h' },
  ),
  total: rate('Reports to all. What is beyond is sent later.', { default: '1200/m' }),
  returnOctets: size('Largest message that goes back whole where RET=FULL asks for it; of all others the header.', {
    default: '50KB',
    min: '1KB',
  }),
});

const user = group('One user.', {
  tenant: reference('Whose mail it is.', 'tenants', { default: 'default' }),
  stream: reference('Stream of messages that name none.', 'streams', { default: 'default' }),
  pool: reference('Pool of messages that name none.', 'pools', {
    optional: 'that of the stream',
    example: 'default',
  }),
  networks: list('Networks it may log in from.', network('Network or address.', { example: '10.1.0.0/16' }), {
    optional: 'any',
    example: ['10.1.0.0/16', '2001:db8::/32'],
    min: 1,
  }),
  domains: list(
    'Domains of the reverse-path and of the From header; a message without From is then refused. The null reverse-path is always allowed. Beyond: 550 5.7.1.',
    domainPattern('Domain.', { example: 'example.com' }),
    { optional: 'any', example: ['example.com', '*.example.com'], min: 1 },
  ),
  dkim: choice(
    'Whether a message of the user whose From domain has no key is refused (550 5.7.1).',
    ['required', 'optional'],
    { optional: 'what the stream says', example: 'required' },
  ),
  rate: rate('Messages. Beyond: 450 4.7.1.', { optional: 'unlimited', example: '600/m' }),
  recipients: rate('Recipients. Beyond: 450 4.7.1.', { optional: 'unlimited', example: '50000/h' }),
  recipientsPerMessage: count('Recipients of one message. Beyond: 452 4.5.3.', {
    optional: 'limits.recipients',
    example: 100,
    min: 1,
    max: 100_000,
  }),
  messageOctets: size('Largest message of this user.', {
    optional: 'limits.message of postilion.yaml',
    example: '10MB',
    min: '1KB',
  }),
});

export const users = map(
  'Rights of users. Names and passwords are kept by `postilion user`. A user that is not here has tenant, stream and pool `default` and no restriction.',
  user,
  { entry: 'app1', name: USER_NAME },
);

export type Tenant = Infer<typeof tenant>;
export type Stream = Infer<typeof stream>;
export type UserRights = Infer<typeof user>;

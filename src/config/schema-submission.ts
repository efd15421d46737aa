// config/postilion.yaml, how mail is taken: limits, deadlines, logins and what is done to a message.
import { choice, count, duration, flow, headerName, size } from './kinds.ts';
import { group, type Infer, list } from './setting.ts';

export const received = choice(
  'The Received header: full (client name, address and user), anonymous (without the client), none.',
  ['full', 'anonymous', 'none'],
  { default: 'full' },
);

export const longLines = choice(
  'Lines over 998 octets (RFC 5322 section 2.1.1): accept them as they are, and count them, or refuse with 554 5.6.0.',
  ['accept', 'refuse'],
  { default: 'accept' },
);

export const limits = group('What one client, one message and all together may take. Beyond it: 4xx.', {
  connections: count('Connections per submission process. Beyond: 421.', { default: 2000, min: 1, max: 100_000 }),
  connectionsPerAddress: count('Connections per client address. Loopback and trusted networks are exempt.', {
    default: 200,
    min: 1,
    max: 100_000,
  }),
  recipients: count('Recipients per message; RFC 5321 section 4.5.3.1.8 asks for 100 at least. Beyond: 452 4.5.3.', {
    default: 1000,
    min: 100,
    max: 100_000,
  }),
  messageOctets: size('Largest message. Announced by SIZE; beyond: 552 5.3.4.', { default: '50MB', min: '64KB' }),
  receivedHeaders: count('Received headers after which a message is in a loop: 554 5.4.6.', {
    default: 50,
    min: 10,
    max: 1000,
  }),
  headerOctets: size('Largest header section. Beyond: 552 5.3.4.', { default: '256KiB', min: '16KiB' }),
  junkCommands: count('Unknown or misplaced commands of a session, and commands that lead to nothing, until 421.', {
    default: 20,
    min: 1,
    max: 100_000,
  }),
  queue: count('Deliveries that may wait. Beyond: 452 4.3.1.', { default: 5_000_000, min: 1000, max: 100_000_000 }),
  memoryPerMessageOctets: size('Content of one message held in memory; a larger one goes to a file of its own.', {
    default: '1MiB',
    min: '64KiB',
  }),
  memoryOctets: size('Content of all sessions of a submission process held in memory; beyond it goes to files.', {
    default: '64MiB',
    min: '4MiB',
  }),
});

export const deadlines = group('How long a client may take. Beyond: 421.', {
  sessionMs: duration('A whole session.', { default: '1h', min: '1s' }),
  commandMs: duration('Between two commands, and until a started command is complete.', { default: '5m', min: '1s' }),
  handshakeMs: duration('TLS handshake, and the PROXY header.', { default: '30s', min: '1s' }),
  dataRate: flow('Least rate at which content comes in, once the time of a command is used up.', { default: '500B/s' }),
});

export const logins = group('AUTH. Failures are counted over all processes.', {
  failuresPerSession: count('Failed logins after which a session is closed.', { default: 3, min: 1, max: 100 }),
  failuresPerAddress: count('Failed logins of an address within `window` that lock it.', {
    default: 10,
    min: 1,
    max: 10_000,
  }),
  failuresPerUser: count('Failed logins for a user within `window` that lock it.', {
    default: 20,
    min: 1,
    max: 10_000,
  }),
  windowMs: duration('Time within which failures are counted.', { default: '10m', min: '1s' }),
  lockMs: duration('How long a lock lasts. Every login is refused with 454 4.7.0 meanwhile.', {
    default: '15m',
    min: '1s',
  }),
  slowDownFrom: count(
    'From this failure of an address on its next login must wait: 1 s, then twice as long each time.',
    {
      default: 3,
      min: 1,
      max: 10_000,
    },
  ),
  slowDownMaxMs: duration('Longest such wait.', { default: '30s' }),
  waiting: count('Password checks that may wait per process; one is in flight. Beyond: 454 4.7.0.', {
    default: 32,
    min: 1,
    max: 1000,
  }),
});

const names = (doc: string, usual: string) =>
  list(doc, headerName('Name.', { example: usual }), { default: [usual], min: 1, single: true });

export const controlHeaders = group(
  'Headers by which an application steers a message: read, and removed. Each is a name or a list of names; the first that a message has counts. Add those your applications already use, such as X-Job or X-Virtual-MTA.',
  {
    stream: names('Stream of sending.yaml.', 'X-Postilion-Stream'),
    campaign: names('Label of a batch, for pause, cancel and reports.', 'X-Postilion-Campaign'),
    pool: names('Pool of sending.yaml.', 'X-Postilion-Pool'),
    notBefore: names('Instant (RFC 3339 or RFC 5322) before which nothing is sent.', 'X-Postilion-Not-Before'),
    idempotencyKey: names(
      'Key of the message, 128 octets at most. A second message of the user with a key of the last 24 hours is answered with 250 and not taken.',
      'X-Idempotency-Key',
    ),
    trace: names('W3C trace context.', 'traceparent'),
  },
);

export type ReceivedMode = Infer<typeof received>;
export type Limits = Infer<typeof limits>;
export type Deadlines = Infer<typeof deadlines>;
export type Logins = Infer<typeof logins>;
export type ControlHeaders = Infer<typeof controlHeaders>;

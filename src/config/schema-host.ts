// config/postilion.yaml, the rest of the host: DNS, time-outs towards other servers, log, history.
import { choice, count, duration, endpoint, path, size } from './kinds.ts';
import { group, type Infer, list } from './setting.ts';

export const dns = group('How the names of recipients are resolved.', {
  servers: list('Resolvers, asked in this order.', endpoint('Address and port.', { example: '127.0.0.1:53' }), {
    optional: 'those of /etc/resolv.conf',
    example: ['127.0.0.1:53', '[::1]:53'],
    min: 1,
  }),
  timeoutMs: duration('How long one server may take for one question.', { default: '3s', min: '50ms' }),
  attempts: count('Times all servers are asked before a question counts as failed.', { default: 2, min: 1, max: 10 }),
  cacheEntries: count('Answers kept.', { default: 100_000, min: 100, max: 10_000_000 }),
});

export const timeouts = group('How long another server may take. RFC 5321 section 4.5.3.2 has the least for most.', {
  connectMs: duration('TCP connection.', { default: '30s', min: '100ms' }),
  greetingMs: duration('Greeting.', { default: '5m', min: '100ms' }),
  ehloMs: duration('Reply to EHLO, and each reply during AUTH.', { default: '5m', min: '100ms' }),
  starttlsMs: duration('Reply to STARTTLS, and the handshake.', { default: '2m', min: '100ms' }),
  mailMs: duration('Reply to MAIL.', { default: '5m', min: '100ms' }),
  rcptMs: duration('Reply to RCPT.', { default: '5m', min: '100ms' }),
  dataMs: duration('Reply to DATA.', { default: '2m', min: '100ms' }),
  blockMs: duration('Taking in a block of content.', { default: '3m', min: '100ms' }),
  dotMs: duration('Reply to the final dot. Too short a time makes second copies (RFC 1047).', {
    default: '10m',
    min: '100ms',
  }),
  idleMs: duration('A connection without work is kept so long for the next message.', { default: '10s' }),
  quitMs: duration('Reply to QUIT.', { default: '5s' }),
});

export const stop = duration('At a stop: how long transactions past their final dot may take to end.', {
  default: '30s',
  min: '1s',
});

export const log = group('The log on stderr, one line of JSON each.', {
  level: choice('Least level that is written.', ['debug', 'info', 'warn', 'error'], { default: 'info' }),
  conversations: count(
    'Of so many attempts that end well one keeps its SMTP conversation for `postilion message show`; what is deferred or fails always does. 1: all.',
    { default: 1000, min: 1, max: 1_000_000_000 },
  ),
});

export const accounting = group(
  'Files with one line for each settled delivery. The journal has the same, for programs of the relay.',
  {
    format: choice('off: no files. json: JSON lines. csv: comma separated, with a head.', ['off', 'json', 'csv'], {
      default: 'off',
    }),
    folder: path('Where. Relative to the folder above the configuration.', { default: 'log' }),
    keepMs: duration('Files older than this are deleted.', { default: '14d', min: '1h' }),
    keepOctets: size('Octets of all files; of more the oldest are deleted.', { default: '10GB', min: '200MB' }),
  },
);

export const history = duration('How long outcomes are kept in the journal.', { default: '7d', min: '1h' });

export type Dns = Infer<typeof dns>;
export type Timeouts = Infer<typeof timeouts>;

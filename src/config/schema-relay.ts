// config/postilion.yaml, what the program is and where it listens: read at start. Certificates are read again on reload.
import { choice, count, endpoint, hostName, network, path, reference } from './kinds.ts';
import { group, type Infer, list } from './setting.ts';

export const hostname = hostName(
  'Name of this host: in the greeting, in Received headers and, unless a source has its own, in EHLO. Should resolve to the address mail is sent from.',
  { optional: "the system's host name", example: 'relay.example.com' },
);

export const spoolFolder = path(
  'Folder that holds all mail. Relative to the folder above the configuration. Mode 0700.',
  { default: 'spool' },
);

export const runFolder = path('Folder for Unix sockets. Relative to the folder above the configuration. Mode 0750.', {
  default: 'run',
});

export const processes = group(
  'How the work is divided. `processes: split` is short for `mode: split`.',
  {
    mode: choice(
      'single: all in one process (up to 2 cores). split: submission, scheduler, egress and control apart. auto: by the number of cores.',
      ['single', 'split', 'auto'],
      { default: 'auto' },
    ),
    submission: count('Processes that take mail, in split mode.', {
      optional: 'a quarter of the cores, at least 2',
      example: 2,
      min: 1,
      max: 64,
    }),
    egress: count('Processes that deliver mail, in split mode.', {
      optional: 'a quarter of the cores, at least 2',
      example: 2,
      min: 1,
      max: 64,
    }),
  },
  { shorthand: 'mode' },
);

export const tls = group('Certificate of the listeners. Set both or none.', {
  cert: path('PEM file: the certificate, then its chain. Relative to the configuration folder.', {
    optional: 'no TLS is offered',
    example: '/etc/postilion/fullchain.pem',
  }),
  key: path('PEM file: the private key. Relative to the configuration folder. Readable by the relay alone.', {
    optional: 'no TLS is offered',
    example: '/etc/postilion/privkey.pem',
  }),
  minVersion: choice('Oldest version of TLS that is spoken with clients.', ['1.2', '1.3'], { default: '1.2' }),
});

const listener = group('One address to take mail at.', {
  address: endpoint('Address and port. `*` is every address of the host.', { example: '127.0.0.1:2525' }),
  tls: choice(
    'starttls: offered once tls.cert and tls.key are set. implicit: TLS from the first octet (port 465). none: never.',
    ['starttls', 'implicit', 'none'],
    { default: 'starttls' },
  ),
});

export const listeners = list('Where mail is taken.', listener, {
  optional:
    '127.0.0.1:2525 without TLS, and, once tls.cert and tls.key are set, *:587 with STARTTLS and *:465 with TLS',
  example: [{ address: '127.0.0.1:2525', tls: 'none' }],
  min: 1,
});

const trusted = group('One network.', {
  network: network('Network or address.', { example: '10.1.0.0/16' }),
  user: reference('User of sending.yaml in whose name its mail is taken.', 'users', { example: 'app1' }),
});

export const trustedNetworks = list(
  'Networks whose clients may submit without AUTH. Off unless listed here. They are exempt from limits.connections_per_address.',
  trusted,
  { default: [], example: [{ network: '10.1.0.0/16', user: 'app1' }] },
);

export const proxyHosts = list(
  'Load balancers. A connection from one of these must begin with a PROXY protocol version 2 header, and the address in it counts. From others such a header is junk.',
  network('Network or address.', { example: '192.0.2.10' }),
  { default: [], example: ['192.0.2.10'] },
);

export type Listener = Infer<typeof listener>;
export type TrustedNetwork = Infer<typeof trusted>;
export type TlsFiles = Infer<typeof tls>;
export type ProcessesSetting = Infer<typeof processes>;

// config/sending.yaml, where mail goes: routes, credentials. Live.
import { choice, count, domainPattern, flag, mailboxOrDomain, reference, secret, text } from './kinds.ts';
import { type HostPort, parseHostPort } from './network.ts';
import { group, type Infer, list, map, value } from './setting.ts';
import { kindOf, type Parsed } from './units.ts';

/** Where a route leads. Hosts in order of preference. */
export type Target =
  | { readonly kind: 'mx' }
  | { readonly kind: 'discard' }
  | { readonly kind: 'hosts'; readonly hosts: readonly HostPort[] };

function parseTarget(raw: unknown): Parsed<Target> {
  if (raw === 'mx' || raw === 'discard') return { value: { kind: raw } };
  const written = typeof raw === 'string' ? raw.split(',').map((host) => host.trim()) : [];
  const hosts: HostPort[] = [];
  for (const host of written) {
    const parsed = parseHostPort(host, true);
    if ('wrong' in parsed || parsed.value.port === 0) {
      return { wrong: `must be mx, discard or host:port such as mail.example.com:25, not ${kindOf(raw)}` };
    }
    hosts.push(parsed.value);
  }
  return hosts.length > 0
    ? { value: { kind: 'hosts', hosts } }
    : { wrong: `must be mx, discard or host:port, not ${kindOf(raw)}` };
}

const route = group('One route. What stands under domains to from_domains are conditions: all must hold.', {
  name: text(
    'Name in journal, queue and `postilion queue pause --route`.',
    { optional: 'its place, as in routes[0]', example: 'smarthost' },
    /^(?!(?:allow|mx)$)[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    'letters, digits, . _ - (not allow or mx)',
  ),
  domains: list(
    'Recipient domains. `*.example.com` is every domain below example.com, `*` is all.',
    domainPattern('Domain.', { example: 'example.net' }),
    { default: ['*'], example: ['example.net', '*.example.net'], min: 1, single: true },
  ),
  tenants: list('Only mail of these tenants.', reference('Tenant.', 'tenants', { example: 'acme' }), {
    optional: 'any',
    example: ['acme'],
    min: 1,
    single: true,
  }),
  streams: list('Only mail of these streams.', reference('Stream.', 'streams', { example: 'bulk' }), {
    optional: 'any',
    example: ['bulk'],
    min: 1,
    single: true,
  }),
  campaigns: list('Only mail of these campaigns.', text('Campaign.', { example: 'spring' }), {
    optional: 'any',
    example: ['spring'],
    min: 1,
    single: true,
  }),
  fromDomains: list(
    'Only mail with this domain in its From header, `*.` for those below. Mail that was accepted before any route named its From domain goes on without.',
    domainPattern('Domain.', { example: 'example.com' }),
    { optional: 'any', example: ['example.com', '*.example.com'], min: 1, single: true },
  ),
  pool: reference('Pool that the mail is sent from, before the one that message, user or stream name.', 'pools', {
    optional: 'theirs',
    example: 'bulk',
  }),
  to: value<Target, { readonly default: string; readonly example: string }>(
    'mx: as DNS says. host:port: there, several hosts after commas in order. discard: thrown away and settled as delivered.',
    { default: 'mx', example: 'mail.example.net:587' },
    parseTarget,
    { type: 'string' },
  ),
  port: count('Port of the hosts of `mx`.', {
    optional: '25',
    example: 2525,
    min: 1,
    max: 65_535,
  }),
  tls: choice(
    'none: never. opportunistic: STARTTLS when offered, the certificate is not checked. required: without TLS no mail. implicit: TLS from the first octet.',
    ['none', 'opportunistic', 'required', 'implicit'],
    { default: 'opportunistic' },
  ),
  credentials: reference(
    'Name and password to log in with. Needs tls required or implicit, or a loopback host.',
    'credentials',
    {
      optional: 'no login',
      example: 'smarthost',
    },
  ),
  privateAddresses: flag(
    'Whether hosts of `mx` may have loopback and private addresses. Hosts named here always may.',
    {
      default: false,
    },
  ),
});

export const routes = list(
  'Where mail goes. Of the routes whose conditions all hold, the one with the most specific recipient domain: an exact name before `*.` before `*`, the longer before the shorter; of equal ones the first. Without a route: mx. A change takes effect for mail that waits.',
  route,
  {
    default: [],
    example: [{ domains: ['example.net', '*.example.net'], to: 'mail.example.net:587', tls: 'required' }],
  },
);

export const allow = list(
  'For a staging host: the only recipients that mail is sent to, mailboxes and domains. Mail to all others is taken, thrown away and settled as delivered by rule `allow`, whatever the routes say. `[]`: nobody.',
  mailboxOrDomain('Mailbox or domain.', { example: 'qa@example.com' }),
  { optional: 'everybody', example: ['qa@example.com', 'example.net', '*.example.net'] },
);

const credential = group('One login.', {
  user: text('User name.', { example: 'relay@example.com' }),
  password: secret('Password.', { example: '${file:/etc/postilion/smarthost.password}' }),
});

export const credentials = map('Logins at other servers, by name.', credential, { entry: 'smarthost' });

export type RouteSetting = Infer<typeof route>;
export type Credential = Infer<typeof credential>;

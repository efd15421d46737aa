// config/sending.yaml, where mail is sent from, and how much at most: sources, pools, caps. Live.
import { address, count, flag, hostName, reference, text } from './kinds.ts';
import { burst, connectionsPerAddress, meterCaps, newConnections, rates } from './schema-caps.ts';
import { group, type Infer, list, map } from './setting.ts';

const source = group('One source.', {
  address: address('Local address to send from, IPv4 or IPv6.', {
    optional: "the system's choice",
    example: '192.0.2.25',
  }),
  ehlo: hostName('Name in EHLO. Its address should be this source, and the address should resolve to it.', {
    optional: 'hostname of postilion.yaml',
    example: 'out1.example.com',
  }),
  enabled: flag(
    'false: it begins nothing more. What it has begun ends, then its connections close; what waits goes by the other sources of its pools. At once and without an edit: `postilion source drain`.',
    { default: true },
  ),
  warmup: text(
    'Its warm-up plan: a name of warmup.yaml or own-warmup.yaml. `postilion warmup status` shows how far it is.',
    {
      optional: 'it is warm, and has no budget',
      example: 'standard',
    },
  ),
  caps: meterCaps('What it sends at most, to all destinations together.'),
});

export const sources = map('Addresses to send from. The source `default` is always there.', source, { entry: 'out1' });

const member = group(
  'One source of a pool. `out1` is short for `source: out1`.',
  {
    source: reference('Source.', 'sources', { example: 'default' }),
    weight: count('Its share of what the pool sends, as long as it may send.', { default: 1, min: 1, max: 1000 }),
  },
  { shorthand: 'source' },
);

const pool = group('One pool.', {
  sources: list('Its sources.', member, {
    example: [{ source: 'default', weight: 3 }],
    min: 1,
  }),
  overflow: reference(
    'Pool whose sources send while none of this one may: disabled, drained, or not able to reach where the mail goes. Not while a cap alone holds it back.',
    'pools',
    { optional: 'the mail waits', example: 'default' },
  ),
});

export const pools = map(
  'Sets of sources. The pool `default` is always there; unless set here it has the source `default`.',
  pool,
  { entry: 'bulk' },
);

const DELIVERIES = 'Transactions after which a connection is closed.';

export const caps = group(
  'What is sent at most per lane: per source and site (the set of hosts a domain resolves to), or per source and provider. A known provider has the smaller of these and its own (providers.yaml).',
  {
    connections: count('Connections open at a time.', {
      optional: 'the ceiling of the provider; 10 for a site that is of none',
      example: 10,
      min: 1,
      max: 10_000,
    }),
    connectionsPerAddress: connectionsPerAddress(
      'Connections open at a time of a source to one remote address, over all sites of no provider: many domains lie on one host.',
      'twice `connections`; no limit for a provider',
    ),
    newConnections: newConnections('Connections opened.'),
    deliveriesPerConnection: count(DELIVERIES, {
      optional: 'the ceiling of the provider; 100 for a site that is of none',
      example: 100,
      min: 1,
      max: 1_000_000,
    }),
    rate: rates('Recipients.'),
    burst,
    recipientsPerTransaction: count(
      'Recipients of one transaction; RFC 5321 section 4.5.3.1.8 obliges every server to take 100.',
      {
        default: 100,
        min: 1,
        max: 1000,
      },
    ),
    totalConnections: count('Connections open at a time, over all sources and sites.', {
      default: 2000,
      min: 1,
      max: 100_000,
    }),
  },
);

export type SourceSetting = Infer<typeof source>;
export type Pool = Infer<typeof pool>;
export type Caps = Infer<typeof caps>;

// The two files as one schema each. Every other view (types, validation, reference, JSON Schema) is made from these.
import * as breaker from './schema-breaker.ts';
import * as signing from './schema-dkim.ts';
import * as host from './schema-host.ts';
import * as relay from './schema-relay.ts';
import * as routing from './schema-routes.ts';
import * as sending from './schema-sending.ts';
import * as sources from './schema-sources.ts';
import * as submission from './schema-submission.ts';
import { warmupSchema } from './schema-warmup.ts';
import { group, type Infer } from './setting.ts';

export const relaySchema = group('What the program is, and where it listens. Read at start.', {
  hostname: relay.hostname,
  listeners: relay.listeners,
  tls: relay.tls,
  spool: relay.spoolFolder,
  run: relay.runFolder,
  processes: relay.processes,
  trustedNetworks: relay.trustedNetworks,
  proxyHosts: relay.proxyHosts,
  received: submission.received,
  longLines: submission.longLines,
  controlHeaders: submission.controlHeaders,
  limits: submission.limits,
  deadlines: submission.deadlines,
  logins: submission.logins,
  dns: host.dns,
  timeouts: host.timeouts,
  stopMs: host.stop,
  historyMs: host.history,
  log: host.log,
  accounting: host.accounting,
});

export const sendingSchema = group('Whose mail it is, and where it goes. Live: taken over by `postilion reload`.', {
  tenants: sending.tenants,
  streams: sending.streams,
  dsn: sending.dsn,
  breaker: breaker.breaker,
  users: sending.users,
  domains: signing.domains,
  dkim: signing.dkim,
  routes: routing.routes,
  allow: routing.allow,
  credentials: routing.credentials,
  sources: sources.sources,
  pools: sources.pools,
  caps: sources.caps,
});

export type RelayFile = Infer<typeof relaySchema>;
export type SendingFile = Infer<typeof sendingSchema>;

/** By file name; in this order in the reference. */
export const SCHEMAS = { 'postilion.yaml': relaySchema, 'sending.yaml': sendingSchema } as const;
export type ConfigFile = keyof typeof SCHEMAS;

/** With the files of data that operators write, too: what the reference and the JSON Schemas show. */
export const SHOWN_SCHEMAS = { ...SCHEMAS, 'warmup.yaml': warmupSchema } as const;

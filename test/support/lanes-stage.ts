// A relay with 16 sources and mail for five providers on addresses of 127.0.0.0/8, each with caps of another kind; and the
// receiver that counts. For the slow test and for the bench.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CountingReceiver, mostWithin, type Seen } from './counting-receiver.ts';
import { a, type DnsAnswer, mx, startDns } from './fake-net.ts';
import { freePort, Relay, type Scope } from './relay.ts';

export const SOURCES = 16;
const DOMAINS = 400;
/** Its multiples, less their whole part, lie evenly in any stretch of them. */
const GOLDEN = 0.618034;

export interface Plan {
  readonly yaml: string;
  /** Most connections of one source to all its hosts, and to one. */
  readonly connections: number;
  readonly perHost?: number;
  /** Final dots of one source within a second. */
  readonly perSecond?: number;
  readonly opensPerSecond?: number;
  readonly deliveriesPerConnection?: number;
  readonly hosts: number;
  /** On the average. */
  readonly dotMs?: number;
}

/** By the digit of the provider: `d7.p3.test` has its mail at a host 127.3.x.1. */
export const PLANS: Readonly<Record<string, Plan>> = {
  p1: { yaml: 'ceiling: { connections: 2 }, caps: { rate: 2/s }', connections: 2, perSecond: 2, hosts: 1 },
  p2: {
    yaml: 'ceiling: { connections: 1, deliveries_per_connection: 3 }, caps: { rate: 3/s }',
    connections: 1,
    perSecond: 3,
    deliveriesPerConnection: 3,
    hosts: 3,
  },
  p3: {
    yaml: 'lanes: per-site, ceiling: { connections: 1 }, group: { connections: 2, rate: 2/s }',
    connections: 2,
    perHost: 1,
    perSecond: 2,
    hosts: 4,
  },
  p4: {
    yaml: 'ceiling: { connections: 3, deliveries_per_connection: 1 }, caps: { new_connections: 1/s }',
    connections: 3,
    opensPerSecond: 1,
    deliveriesPerConnection: 1,
    hosts: 1,
  },
  p5: {
    yaml: 'ceiling: { connections: 3, deliveries_per_connection: 5 }',
    connections: 3,
    deliveriesPerConnection: 5,
    hosts: 1,
    dotMs: 300,
  },
};

/** Deliveries that all sources together may send there within a second. */
export function mostPerSecond({ perSecond, opensPerSecond, connections, dotMs = 1 }: Plan): number {
  return SOURCES * (perSecond ?? opensPerSecond ?? (connections * 1000) / dotMs);
}

const hostOf = (provider: string, site: number): string => `127.${provider.slice(1)}.${site}.1`;
export const providerOf = ({ host }: Seen): string => `p${host.split('.')[1]}`;

function zone(): Record<string, DnsAnswer> {
  const all: Record<string, DnsAnswer> = {};
  for (const [name, { hosts }] of Object.entries(PLANS)) {
    for (let n = 0; n < DOMAINS; n++) {
      const domain = `d${n}.${name}.test`;
      all[`MX ${domain}`] = [mx(domain, `mx${n % hosts}.${name}.test`)];
    }
    for (let site = 0; site < hosts; site++) {
      const host = `mx${site}.${name}.test`;
      all[`A ${host}`] = [a(host, hostOf(name, site))];
    }
  }
  return all;
}

const PERIOD_MS = { s: 1000, m: 60_000 } as const;
type Period = keyof typeof PERIOD_MS;

export interface LanesStage {
  readonly relay: Relay;
  readonly receiver: CountingReceiver;
  /** So many deliveries for each provider. */
  submit(count: (plan: Plan) => number): Promise<void>;
}

/** `period`: the rates of the plans in that unit: the longer, the less of them the time of a transaction costs. */
export async function lanesStage(scope: Scope, now: () => number, period: Period = 's'): Promise<LanesStage> {
  const dns = await startDns({ zone: zone() });
  scope.after(() => dns.close());
  let dots = 0;
  // Up to a third more or less: what was opened together would else end together, to the millisecond and for ever.
  const dotMs = (host: string): number => {
    const ms = PLANS[providerOf({ client: '', host })]?.dotMs ?? 0;
    return ms === 0 ? 0 : ms * (2 / 3 + (2 / 3) * ((dots++ * GOLDEN) % 1));
  };
  const receiver = new CountingReceiver({ now, dotMs });
  const sink = await receiver.listen();
  scope.after(() => receiver.close());
  const port = await freePort();
  const names = Array.from({ length: SOURCES }, (_, n) => `s${n + 1}`);
  const relay = new Relay(scope, {
    postilion: [
      'hostname: relay.test',
      `listeners: [{ address: "127.0.0.1:${port}", tls: none }]`,
      'trusted_networks: [{ network: 127.0.0.0/8, user: app }]',
      'processes: { mode: split, submission: 2, egress: 4 }',
      `dns: { servers: ["127.0.0.1:${dns.server.port}"] }`,
    ].join('\n'),
    sending: [
      'users: { app: {} }',
      `routes: [{ to: mx, port: ${sink}, tls: none, private_addresses: true }]`,
      `sources: { ${names.map((name, n) => `${name}: { address: 127.9.0.${n + 1}, ehlo: ${name}.test }`).join(', ')} }`,
      `pools: { default: { sources: [${names.join(', ')}] } }`,
    ].join('\n'),
  });
  const inUnits = (yaml: string): string =>
    yaml.replace(/(\d+)\/s/g, (_, count) => `${(Number(count) * PERIOD_MS[period]) / 1000}/${period}`);
  const own = Object.entries(PLANS).map(([name, { yaml }]) => `  ${name}: { mx: .${name}.test, ${inUnits(yaml)} }`);
  writeFileSync(join(relay.config, 'own-providers.yaml'), `providers:\n${own.join('\n')}\n`);
  return {
    relay,
    receiver,
    submit: async (deliveries) => {
      for (const [name, plan] of Object.entries(PLANS)) {
        const each = deliveries(plan);
        for (let from = 0; from < each; from += DOMAINS) {
          const count = Math.min(DOMAINS, each - from);
          await submitTo(
            relay,
            port,
            Array.from({ length: count }, (_, n) => `u@d${n}.${name}.test`),
          );
        }
      }
    },
  };
}

/** One message, so one transaction for each of the domains. */
export async function submitTo(relay: Relay, port: number, recipients: readonly string[]): Promise<void> {
  const client = await relay.greeted(port);
  const paths = recipients.map((one) => `RCPT TO:<${one}>\r\n`).join('');
  client.send(`MAIL FROM:<a@example.com>\r\n${paths}DATA\r\n`);
  for (let n = 0; n < recipients.length + 2; n++) {
    const reply = await client.reply();
    if (!/^[23]/.test(reply)) throw new Error(reply);
  }
  client.send('From: a@example.com\r\nSubject: lanes\r\n\r\nhello\r\n.\r\n');
  const reply = await client.reply();
  if (!reply.startsWith('250 ')) throw new Error(reply);
  client.close();
}

/** Every cap that was exceeded, in words. Rates from `since` on, with a tolerance of 100 ms. */
export function exceeded(receiver: CountingReceiver, since: number, period: Period = 's'): string[] {
  const within = PERIOD_MS[period] - 100;
  const inPeriod = (perSecond: number | undefined): number | undefined =>
    perSecond === undefined ? undefined : (perSecond * PERIOD_MS[period]) / 1000;
  const found: string[] = [];
  const check = (what: string, is: number, most: number | undefined): void => {
    if (most !== undefined && is > most) found.push(`${what}: ${is}, at most ${most}`);
  };
  const lane = (seen: Seen): string => `${seen.client} ${providerOf(seen)}`;
  for (const [name, most] of receiver.mostOpen(lane)) check(name, most, PLANS[name.split(' ')[1] ?? '']?.connections);
  for (const [name, most] of receiver.mostOpen((seen) => `${lane(seen)} ${seen.host}`)) {
    check(name, most, PLANS[name.split(' ')[1] ?? '']?.perHost);
  }
  const byLane = (all: readonly (Seen & { readonly at: number })[]): Map<string, number[]> => {
    const lanes = new Map<string, number[]>();
    for (const one of all) if (one.at >= since) lanes.set(lane(one), [...(lanes.get(lane(one)) ?? []), one.at]);
    return lanes;
  };
  for (const [name, at] of byLane(receiver.dots)) {
    check(`${name} dots`, mostWithin(at, within), inPeriod(PLANS[name.split(' ')[1] ?? '']?.perSecond));
  }
  for (const [name, at] of byLane(receiver.opened)) {
    check(`${name} opens`, mostWithin(at, within), inPeriod(PLANS[name.split(' ')[1] ?? '']?.opensPerSecond));
  }
  return found;
}

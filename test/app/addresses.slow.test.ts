// Connections to one address as its server sees them: forty domains, each with a mail host of its own name, all of them
// one machine; three egress processes, some of which are killed, and the scheduler with them.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, test } from 'node:test';
import { CountingReceiver, type Seen } from '../support/counting-receiver.ts';
import { a, type DnsAnswer, mx, startDns } from '../support/fake-net.ts';
import { submitTo } from '../support/lanes-stage.ts';
import { freePort, Relay } from '../support/relay.ts';

const DOMAINS = 40;
const PER_ADDRESS = 4;
const SOURCES = ['127.9.0.1', '127.9.0.2'];

const cleanUps: (() => void | Promise<void>)[] = [];

after(async () => {
  for (const run of cleanUps.toReversed()) await run();
});

function zone(): Record<string, DnsAnswer> {
  const all: Record<string, DnsAnswer> = {};
  for (let n = 0; n < DOMAINS; n++) {
    all[`MX d${n}.test`] = [mx(`d${n}.test`, `mx.d${n}.test`)];
    all[`A mx.d${n}.test`] = [a(`mx.d${n}.test`, '127.7.0.1')];
  }
  return all;
}

test('addresses: a host of forty domains never has a connection more than it may, however processes are killed', async () => {
  const scope = { after: (run: () => void | Promise<void>) => void cleanUps.push(run) };
  const dns = await startDns({ zone: zone() });
  scope.after(() => dns.close());
  let dotMs = 50;
  const receiver = new CountingReceiver({ now: () => performance.now(), dotMs: () => dotMs });
  const sink = await receiver.listen();
  scope.after(() => receiver.close());
  const port = await freePort();
  const relay = new Relay(scope, {
    postilion: [
      'hostname: relay.test',
      `listeners: [{ address: "127.0.0.1:${port}", tls: none }]`,
      'trusted_networks: [{ network: 127.0.0.0/8, user: app }]',
      'processes: { mode: split, submission: 2, egress: 3 }',
      `dns: { servers: ["127.0.0.1:${dns.server.port}"] }`,
    ].join('\n'),
    sending: [
      'users: { app: {} }',
      `routes: [{ to: mx, port: ${sink}, tls: none, private_addresses: true }]`,
      `caps: { connections: 3, deliveries_per_connection: 7, connections_per_address: ${PER_ADDRESS} }`,
      `sources: { ${SOURCES.map((address, n) => `s${n}: { address: ${address}, ehlo: s${n}.test }`).join(', ')} }`,
      'pools: { default: { sources: [s0, s1] } }',
    ].join('\n'),
  });
  const running = await relay.start();
  const recipients = Array.from({ length: DOMAINS }, (_, n) => `u@d${n}.test`);
  const messages = 60;
  for (let n = 0; n < messages; n++) await submitTo(relay, port, recipients);

  const most = (): number => Math.max(...receiver.mostOpen((seen: Seen) => seen.client).values());
  const dots = async (count: number): Promise<void> => {
    while (receiver.dots.length < count) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const kill = async (name: string): Promise<void> => {
    const pid = (await relay.health()).processes.find((one) => one.name === name)?.pid ?? 0;
    ok(pid > 0, name);
    process.kill(pid, 'SIGKILL');
  };
  for (const name of ['scheduler', 'egress-1', 'scheduler', 'egress-2']) {
    await dots(receiver.dots.length + 300);
    // Connections of before are busy for longer than the next life takes to begin.
    dotMs = 4000;
    await dots(receiver.dots.length + 2 * PER_ADDRESS);
    await kill(name);
    dotMs = 50;
  }
  await dots(messages * DOMAINS);
  equal(most(), PER_ADDRESS, 'as many as there may be, and no more');
  deepEqual([...receiver.mostOpen(({ client }) => client).keys()].toSorted(), SOURCES);
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
});

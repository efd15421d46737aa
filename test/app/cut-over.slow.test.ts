// A cut-over, by the real program, at a provider as it is shipped: what warm sources send in the first minute, and what a
// new one takes that joins them with a plan. Counted at the receiver, by the addresses the mail comes from.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CountingReceiver } from '../support/counting-receiver.ts';
import { a, mx, startDns } from '../support/fake-net.ts';
import { freePort, Relay } from '../support/relay.ts';

const WARM = 16;
/** config/providers.yaml: what a source that warms up begins with there, and what none exceeds. */
const START_PER_MINUTE = 60;
const CEILING_CONNECTIONS = 20;
const DOT_MS = 200;
/** Of each source in the first minute: at the provider's start it would be 60. */
const EACH = 400;
const DAY_MS = 20_000;
/** Within the window at less than the start’s pace. */
const STAGES = [6, 10];

const PLAN = `plans:
  short:
    stages: [${STAGES.join(', ')}, 14]
    day: ${DAY_MS / 1000}s
    window: ${DAY_MS / 1000 - 5}s
    gates: {sample: 4}
`;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const address = (source: number): string => `127.8.0.${source}`;

function sending(sink: number, sources: number): string {
  const names = Array.from({ length: sources }, (_, n) => `out${n + 1}`);
  const each = names.map((name, n) => `${name}: { address: ${address(n + 1)}${n >= WARM ? ', warmup: short' : ''} }`);
  return [
    'users: { app: {} }',
    `routes: [{ to: mx, port: ${sink}, tls: none, private_addresses: true }]`,
    `sources: { ${each.join(', ')} }`,
    `pools: { default: { sources: [${names.join(', ')}] } }`,
  ].join('\n');
}

async function stage(t: TestContext) {
  const host = 'gmail-smtp-in.l.google.com';
  const zone = { 'MX gmail.com': [mx('gmail.com', host)], [`A ${host}`]: [a(host, '127.8.1.1')] };
  const dns = await startDns({ zone });
  t.after(() => dns.close());
  const receiver = new CountingReceiver({ now: () => Date.now(), dotMs: () => DOT_MS });
  const sink = await receiver.listen();
  t.after(() => receiver.close());
  const port = await freePort();
  const relay = new Relay(t, {
    postilion: `hostname: relay.test\nprocesses: split\nlisteners: [{ address: "127.0.0.1:${port}", tls: none }]\ntrusted_networks: [{ network: 127.0.0.0/8, user: app }]\ndns: { servers: ["127.0.0.1:${dns.server.port}"] }\n`,
    sending: sending(sink, WARM),
  });
  writeFileSync(join(relay.config, 'own-warmup.yaml'), PLAN);
  return { receiver, sink, port, relay };
}

test('cut-over: 16 warm sources send at full speed from the first minute; a 17th with a plan joins and takes exactly its share', async (t) => {
  const { receiver, sink, port, relay } = await stage(t);
  const running = await relay.start();
  const submit = async (count: number, everyMs = 0): Promise<void> => {
    const client = await relay.greeted(port);
    for (let n = 0; n < count; n++) {
      client.send('MAIL FROM:<app@example.com>\r\nRCPT TO:<r@gmail.com>\r\nDATA\r\n');
      for (const wanted of [/^250 /, /^250 /, /^354 /]) match(await client.reply(), wanted);
      client.send('From: app@example.com\r\nSubject: cut-over\r\n\r\nhello\r\n.\r\n');
      match(await client.reply(), /^250 /);
      if (everyMs > 0) await sleep(everyMs);
    }
    client.close();
  };
  const sent = (source: number, from: number, until: number): number =>
    receiver.dots.filter(({ client, at }) => client === address(source) && at >= from && at < until).length;

  await Promise.all(Array.from({ length: 10 }, () => submit((WARM * EACH) / 10)));
  const [first] = receiver.dots;
  ok(first !== undefined);
  while (receiver.dots.length < WARM * EACH && Date.now() < first.at + 60_000) await sleep(100);
  const minute = Array.from({ length: WARM }, (_, n) => sent(n + 1, first.at, first.at + 60_000));
  equal(
    minute.reduce((sum, count) => sum + count, 0),
    WARM * EACH,
    `in the first minute: ${minute.join(' ')}`,
  );
  ok(Math.min(...minute) > 2 * START_PER_MINUTE, `each of them: ${minute.join(' ')}`);
  for (const [source, most] of receiver.mostOpen(({ client }) => client)) {
    ok(most <= CEILING_CONNECTIONS, `${source}: ${most} connections`);
  }

  // It joins at the end of one of its days, so that it has whole ones.
  writeFileSync(join(relay.config, 'sending.yaml'), sending(sink, WARM + 1));
  const joins = (Math.floor(Date.now() / DAY_MS) + 1) * DAY_MS;
  await sleep(joins - Date.now() - 500);
  equal((await relay.command('reload')).code, 0);
  const before = receiver.dots.length;
  let count = 0;
  while (Date.now() < joins + STAGES.length * DAY_MS) {
    await submit(20, 50);
    count += 20;
  }
  const days = STAGES.map((_, day) => sent(WARM + 1, joins + day * DAY_MS, joins + (day + 1) * DAY_MS));
  deepEqual(days, STAGES);
  while (receiver.dots.length < before + count) await sleep(50);
  equal(receiver.dots.length, before + count, 'the others send the rest');
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
});

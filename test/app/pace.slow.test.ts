// The real program in many processes before a receiver that counts: what begins after a throttling reply was read, and
// what a kill -9 leaves of pace and suspension.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ask } from '../../src/cli/control-client.ts';
import type { LaneReport } from '../../src/flow/lanes.ts';
import { a, mx, startDns, startSink } from '../support/fake-net.ts';
import { freePort, Relay } from '../support/relay.ts';

const PATIENCE_MS = 60_000;
const CONNECTIONS = 8;
const LANE = 'out1/tested';
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Stage {
  readonly relay: Relay;
  readonly port: number;
  /** Of each MAIL that came, monotonic ms. */
  readonly mails: number[];
  /** The nth MAIL is answered so, and what else is open at that moment waits until `letGo`. */
  throttle(nth: number, reply: string): Promise<number>;
  letGo(): void;
  /** Connections that have a transaction now. */
  readonly busy: ReadonlySet<number>;
  most: number;
}

async function stage(t: TestContext): Promise<Stage> {
  const zone = {
    'MX paced.test': [mx('paced.test', 'mx.paced.test')],
    'A mx.paced.test': [a('mx.paced.test', '127.0.0.1')],
  };
  const dns = await startDns({ zone });
  t.after(() => dns.close());
  const mails: number[] = [];
  const busy = new Set<number>();
  const waiting: (() => void)[] = [];
  let isHeld = false;
  let at: { readonly nth: number; readonly reply: string; readonly done: (when: number) => void } | undefined;
  const seen = { most: 0 };
  const sink = await startSink({
    script: (verb, _, { connection, socket }) => {
      if (verb === 'MAIL') {
        mails.push(performance.now());
        busy.add(connection);
        seen.most = Math.max(seen.most, busy.size);
        if (at === undefined || mails.length < at.nth) return undefined;
        const { reply, done } = at;
        at = undefined;
        isHeld = true;
        busy.delete(connection);
        done(performance.now());
        if (reply.startsWith('421')) setImmediate(() => socket.end());
        return reply;
      }
      if (verb !== 'DOT') return undefined;
      const answer = (): void => {
        busy.delete(connection);
        socket.write('250 2.0.0 ok\r\n');
      };
      if (isHeld) waiting.push(answer);
      else setTimeout(() => (isHeld ? waiting.push(answer) : answer()), 100);
      return { raw: '' };
    },
  });
  t.after(() => sink.close());
  const port = await freePort();
  const relay = new Relay(t, {
    postilion: `hostname: relay.test\nlisteners: [{ address: "127.0.0.1:${port}", tls: none }]\ntrusted_networks: [{ network: 127.0.0.0/8, user: app }]\nprocesses: { mode: split, egress: 4 }\ndns: { servers: ["127.0.0.1:${dns.server.port}"], timeout: 1s }\n`,
    sending: `sources: { out1: { address: 127.0.0.1, ehlo: out1.relay.test } }\npools: { default: { sources: [out1] } }\nstreams: { default: { retry_delays: [10m] } }\nusers: { app: {} }\nroutes: [{ domains: "*", to: mx, port: ${sink.port}, private_addresses: true, tls: none }]\n`,
  });
  writeFileSync(
    join(relay.config, 'own-providers.yaml'),
    `providers: { tested: { mx: [".paced.test"], start: { connections: ${CONNECTIONS} }, ceiling: { connections: ${CONNECTIONS} }, sure: none } }\n`,
  );
  await relay.start();
  return {
    relay,
    port,
    mails,
    busy,
    get most() {
      return seen.most;
    },
    set most(value) {
      seen.most = value;
    },
    throttle: (nth, reply) => new Promise((done) => (at = { nth, reply, done })),
    letGo: () => {
      isHeld = false;
      for (const answer of waiting.splice(0)) answer();
    },
  };
}

async function submit({ relay, port }: Stage, count: number): Promise<void> {
  const client = await relay.greeted(port);
  for (let n = 0; n < count; n++) {
    match(await client.command('MAIL FROM:<app@example.com>'), /^250/);
    match(await client.command(`RCPT TO:<r${n}@paced.test>`), /^250/);
    match(await client.command('DATA'), /^354/);
    client.send('From: app@example.com\r\n\r\nhello\r\n.\r\n');
    match(await client.reply(), /^250/);
  }
  client.close();
}

function lane({ relay }: Stage): Promise<LaneReport> {
  return ask(relay.folders, 'GET /v1/lanes/show', undefined, { query: { lane: LANE } });
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    ok(performance.now() < end, `not within ${PATIENCE_MS} ms`);
    await sleep(50);
  }
}

test('pace in many processes: after a rate reply was read, no transaction comes before the new rate allows it', async (t) => {
  const on = await stage(t);
  const throttled = on.throttle(60, '451 4.7.1 too many messages, slow down');
  await submit(on, 200);
  const readAt = await throttled;
  // Every other connection is in the middle of a transaction, and has been granted the next one.
  await sleep(500);
  on.letGo();
  const { perMinute } = await until(async () => {
    const report = await lane(on);
    return report.perMinute.allowed === undefined ? undefined : report;
  });
  const allowed = perMinute.allowed ?? 0;
  ok(allowed > 10 && allowed <= (60 + CONNECTIONS) / 2, `${allowed} a minute, half of what was sent`);
  const spacingMs = 60_000 / allowed;
  await sleep(20_000);
  // Sent before the reply was read, at most one a connection.
  const after = on.mails.filter((at) => at > readAt + 100).map((at) => at - readAt);
  ok((after[0] ?? 0) >= spacingMs - 100, `the first ${after[0]} ms after the reply, at ${allowed} a minute`);
  ok(after.length <= 20_500 / spacingMs + 1 && after.length >= 5, `${after.length} in 20 s at ${allowed} a minute`);
});

test('pace in many processes: after a connection reply no more transactions are open than the new pace allows, kill -9 or not', async (t) => {
  const on = await stage(t);
  const throttled = on.throttle(60, '421 4.7.0 too many concurrent connections');
  await submit(on, 700);
  await throttled;
  await sleep(500);
  on.letGo();
  on.most = 0;
  await sleep(5000);
  equal((await lane(on)).connections.allowed, CONNECTIONS / 2);
  ok(on.most <= CONNECTIONS / 2, `${on.most} at a time`);
  const { processes } = await on.relay.health();
  const scheduler = processes.find(({ name }) => name.startsWith('scheduler'));
  ok(scheduler !== undefined);
  process.kill(scheduler.pid, 'SIGKILL');
  await sleep(1000);
  on.most = 0;
  const before = on.mails.length;
  const report = await until(async () => (on.mails.length > before + 50 ? lane(on) : undefined));
  equal(report.connections.allowed, CONNECTIONS / 2);
  ok(on.most <= CONNECTIONS / 2, `${on.most} at a time after kill -9`);
});

test('pace in many processes: a suspension stands after kill -9, and an operator ends it', async (t) => {
  const on = await stage(t);
  const throttled = on.throttle(20, '550 5.7.1 blocked using zen.spamhaus.org');
  await submit(on, 100);
  await throttled;
  await sleep(300);
  on.letGo();
  const suspended = await until(async () => {
    const report = await lane(on);
    return report.suspension === undefined ? undefined : report.suspension;
  });
  const { processes } = await on.relay.health();
  for (const { pid } of processes.filter(({ name }) => name.startsWith('scheduler'))) process.kill(pid, 'SIGKILL');
  await sleep(1500);
  const before = on.mails.length;
  const { suspensions } = await until(() => ask(on.relay.folders, 'GET /v1/lanes', undefined));
  deepEqual(suspensions, [suspended]);
  await sleep(2000);
  equal(on.mails.length, before, 'nothing is sent');
  equal((await on.relay.command('lane', 'resume', LANE)).code, 0);
  await until(async () => (on.mails.length > before ? true : undefined));
  const history = await on.relay.command('lane', 'history', LANE);
  match(history.out, /suspended until .*spamhaus.*\n.*the suspension is over {2}\(operator\)/);
});

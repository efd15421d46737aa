// Budgets as the receivers see them: the real program in several processes, 16 sources, 5 providers, a day of about 60 seconds.
// Each receiver counts recipients by the address they come from, and knows nothing of the relay.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ask } from '../../src/cli/control-client.ts';
import type { WarmupReport } from '../../src/flow/warmup.ts';
import { freePort, Relay } from '../support/relay.ts';

const SOURCES = 16;
const PROVIDERS = 5;
/** Days count from 1970: of these lengths one has a day that is at its twelfth second now. */
const DAY_MS = Array.from({ length: 40 }, (_, n) => 60_000 + n * 100)
  .toSorted((a, b) => Math.abs((Date.now() % a) - 12_000) - Math.abs((Date.now() % b) - 12_000))
  .at(0) as number;
/** Nothing is on its way when the day ends. */
const WINDOW_MS = 50_000;
const STAGES = [12, 18, 30];

const PLAN = `plans:
  minutes:
    stages: [${STAGES.join(', ')}]
    day: ${DAY_MS / 1000}s
    window: ${WINDOW_MS / 1000}s
    gates: {sample: 8}
`;

interface Receiver {
  readonly server: Server;
  /** Recipients by the last part of the source's address and the number of the day. */
  readonly counts: Map<string, number>;
}

/** Takes everything, and counts each recipient. */
async function receiver(t: TestContext, address: string): Promise<Receiver> {
  const counts = new Map<string, number>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    const source = (socket.remoteAddress ?? '').split('.').at(-1) ?? '';
    let rest = '';
    let isContent = false;
    socket.write('220 receiver.test\r\n');
    socket.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (isContent) {
          if (line !== '.') continue;
          isContent = false;
          socket.write('250 taken\r\n');
          continue;
        }
        const verb = line.slice(0, 4).toUpperCase();
        if (verb === 'RCPT') {
          const key = `${source} ${Math.floor(Date.now() / DAY_MS)}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        isContent = verb === 'DATA';
        socket.write(isContent ? '354 go on\r\n' : verb === 'QUIT' ? '221 bye\r\n' : '250 fine\r\n');
        if (verb === 'QUIT') socket.end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, counts };
}

const portOf = ({ server }: Receiver): number => (server.address() as AddressInfo).port;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function submit(relay: Relay, port: number, domain: string, recipients: number): Promise<void> {
  const client = await relay.greeted(port);
  for (let sent = 0; sent < recipients; sent += 100) {
    const count = Math.min(100, recipients - sent);
    await client.command('MAIL FROM:<a@example.com>');
    for (let n = 0; n < count; n++) ok((await client.command(`RCPT TO:<r${sent + n}@${domain}>`)).startsWith('250'));
    await client.command('DATA');
    client.send('Subject: many\r\n\r\nHello\r\n.\r\n');
    ok((await client.reply()).startsWith('250'));
  }
  client.close();
}

test('warm-up: 16 sources and 5 providers in split mode, every budget counted at the receivers, over a kill -9', async (t) => {
  const receivers: Receiver[] = [];
  for (let n = 1; n <= PROVIDERS; n++) receivers.push(await receiver(t, `127.0.9.${n}`));
  const port = await freePort();
  const names = Array.from({ length: SOURCES }, (_, n) => `out${n + 1}`);
  const relay = new Relay(t, {
    postilion: `hostname: relay.test\nprocesses: split\nlisteners:\n  - {address: '127.0.0.1:${port}', tls: none}\ntrusted_networks:\n  - {network: 127.0.0.0/8, user: app}\nlimits: {recipients: 1000}\n`,
    sending: [
      `users: {app: {}}`,
      `sources: {${names.map((name, n) => `${name}: {address: 127.0.8.${n + 1}, warmup: minutes}`).join(', ')}}`,
      `pools: {default: {sources: [${names.join(', ')}]}}`,
      'routes:',
      ...receivers.map((each, n) => `  - {domains: p${n + 1}.test, to: '127.0.9.${n + 1}:${portOf(each)}', tls: none}`),
      '',
    ].join('\n'),
  });
  writeFileSync(join(relay.config, 'own-warmup.yaml'), PLAN);
  const providers = receivers.map((_, n) => `p${n + 1}: {mx: 127.0.9.${n + 1}}`);
  writeFileSync(join(relay.config, 'own-providers.yaml'), `providers: {${providers.join(', ')}}\n`);
  const running = await relay.start();
  // What is left of this day is enough for its budget, or the next one is waited for.
  const past = Date.now() % DAY_MS;
  if (past > WINDOW_MS - 25_000) await wait(DAY_MS - past + 500);
  const first = Math.floor(Date.now() / DAY_MS);
  const volume = SOURCES * (STAGES[0] as number) + SOURCES * (STAGES[1] as number) + 50;
  await Promise.all(receivers.map((_, n) => submit(relay, port, `p${n + 1}.test`, volume)));
  const until = async (day: number, ms: number): Promise<void> => wait(day * DAY_MS + ms - Date.now());
  const counted = (day: number): readonly number[] =>
    receivers.flatMap(({ counts }) => names.map((_, n) => counts.get(`${n + 1} ${day}`) ?? 0));
  await until(first, WINDOW_MS + 3000);
  const budgets = SOURCES * PROVIDERS;
  deepEqual(
    counted(first),
    Array.from({ length: budgets }, () => STAGES[0]),
  );
  const reports = await ask(relay.folders, 'GET /v1/warmup', undefined);
  equal(reports.length, budgets);
  deepEqual(new Set(reports.map(({ today }) => today.used)), new Set([STAGES[0]]));
  // Killed in the middle of the second day: none exceeds its budget, each loses what was reserved ahead at most.
  await until(first + 1, 20_000);
  const { processes } = await relay.health();
  const scheduler = processes.find(({ name }) => name === 'scheduler');
  process.kill(scheduler?.pid ?? 0, 'SIGKILL');
  await until(first + 1, WINDOW_MS + 3000);
  const second = counted(first + 1);
  ok(Math.max(...second) <= (STAGES[1] as number), `at most ${Math.max(...second)}`);
  ok(Math.min(...second) >= (STAGES[1] as number) - 3, `at least ${Math.min(...second)}: ${second.join(' ')}`);
  const after: readonly WarmupReport[] = await ask(relay.folders, 'GET /v1/warmup', undefined);
  deepEqual(new Set(after.map(({ today }) => today.budget)), new Set([STAGES[1]]));
  deepEqual(new Set(after.map(({ decision }) => decision?.what)), new Set(['advanced']));
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
});

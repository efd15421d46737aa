// Too few descriptors and too much content: the relay refuses for a while, keeps what it answered for, and never ends.
import { equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startSink } from '../support/fake-net.ts';
import type { LineClient } from '../support/line-client.ts';
import { begin, freePort, Relay, simpleFiles } from '../support/relay.ts';

const DESCRIPTORS = 64;
const BURST = 150;
const LISTEN = '0A';

const openDescriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Connections that the kernel has made and that nobody has accepted yet. */
function unaccepted(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  const listening = rows
    .map((row) => row.trim().split(/\s+/))
    .find(([, address = '', , state]) => address.endsWith(local) && state === LISTEN);
  return Number.parseInt(listening?.[4]?.split(':')[1] ?? '', 16);
}

test('exhaustion: with 64 descriptors a burst of 150 connections ends nothing, and afterwards mail is taken and delivered', async (t) => {
  const sink = await startSink();
  t.after(() => sink.close());
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, sink.port));
  const running = await relay.start();
  execFileSync('prlimit', ['--pid', String(running.pid), `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`]);
  await relay.submit(port, 'Subject: before\r\n\r\nHello\r\n');
  await sink.received(1);
  const before = openDescriptors(running.pid);
  const burst = Array.from({ length: BURST }, () => relay.client(port));
  const greetings = burst.map((client) => client.reply());
  // Some are served, some are not; the last that can be hold their places.
  let served = 0;
  for (const greeting of greetings) void greeting.then((text) => (served += text.startsWith('220 ') ? 1 : 0));
  const full = (): boolean => openDescriptors(running.pid) >= DESCRIPTORS - 1;
  while (!full() || served === 0) await new Promise((resolve) => setImmediate(resolve));
  for (const client of burst) client.close();
  await Promise.all(greetings);
  equal(served > 0 && served < BURST, true, `${served} of ${BURST} were served`);
  // The burst is over for the relay when it has accepted, seen the end of and let go of every connection of it.
  const busy = (): boolean => unaccepted(port) > 0 || openDescriptors(running.pid) > before;
  while (busy()) await new Promise((resolve) => setImmediate(resolve));
  const id = await relay.submit(port, 'Subject: after\r\n\r\nHello\r\n');
  await sink.received(2);
  match(id, /^\w{26}$/);
  running.signal('SIGTERM');
  const { code, lines } = await running.ended;
  equal(code, 0, lines.join('\n'));
});

const LARGE = 80;
const LARGE_OCTETS = 4_000_000;

/** Memory of its own that the process holds now. */
function ownMemory(pid: number): number {
  const [, kib = ''] = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

test('exhaustion: 320 MB in 80 messages at once lie in files, not in memory, and all are kept', async (t) => {
  const port = await freePort();
  const relay = new Relay(t, simpleFiles(port, await freePort()));
  const running = await relay.start();
  await relay.submit(port, 'Subject: warm\r\n\r\nHello\r\n');
  const before = ownMemory(running.pid);
  const body = Buffer.from(
    'x'
      .repeat(78)
      .concat('\r\n')
      .repeat(LARGE_OCTETS / 80),
  );
  const clients = await Promise.all(Array.from({ length: LARGE }, () => relay.greeted(port)));
  await Promise.all(
    clients.map(async (client: LineClient) => {
      await begin(client);
      client.send('Subject: large\r\n\r\n');
      client.send(body);
    }),
  );
  const folder = join(relay.spool, 'large');
  const onDisk = (): number => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  // All but what is on its way: nothing has been answered yet, so all of it is the relay's to hold.
  let most = 0;
  while (onDisk() < (LARGE * LARGE_OCTETS * 3) / 4) {
    most = Math.max(most, ownMemory(running.pid));
    await new Promise((resolve) => setImmediate(resolve));
  }
  equal(readdirSync(folder).length, LARGE);
  const replies = clients.map((client) => {
    client.send('.\r\n');
    return client.reply();
  });
  for (const reply of await Promise.all(replies)) match(reply, /^250 2\.6\.0 /);
  most = Math.max(most, ownMemory(running.pid));
  equal(most - before < (LARGE * LARGE_OCTETS) / 2, true, `${Math.round((most - before) / 1e6)} MB more than before`);
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
  const kept = await relay.dump();
  equal(kept.length, LARGE + 1);
  equal(kept.filter(({ size }) => size > LARGE_OCTETS).length, LARGE);
  const { code, lines } = await relay.command('spool', 'verify');
  equal(code, 0, lines.join('\n'));
});

// Memory does not grow with the queue: 10,000 messages of 20 KB that wait for a host that is down, in one process and in
// several, before and after a restart. `npm run bench -- memory` does the same with 100,000 and times the restart.
import { equal, match } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { begin, freePort, Relay, type Running, simpleFiles } from '../support/relay.ts';

const MESSAGES = 10_000;
const CLIENTS = 20;
const CONTENT = `Subject: waits\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(256)}.\r\n`;
const MEGA = 1024 * 1024;
const MOST = { single: 200 * MEGA, split: 350 * MEGA } as const;

/** Memory of its own that all processes of the relay hold now. */
async function ownMemory(relay: Relay, running: Running): Promise<number> {
  const { processes } = await relay.health();
  const pids = new Set([running.pid, ...processes.map(({ pid }) => pid)]);
  const octets = [...pids].map((pid) => {
    const [, kib = ''] = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib) * 1024;
  });
  return octets.reduce((sum, one) => sum + one, 0);
}

const SETTLE_MS = 60_000;

/** What acceptance has just let go of is not the queue's: requests make the processes collect it, for one that idles does not. */
async function settledMemory(relay: Relay, running: Running, most: number): Promise<number> {
  for (const end = performance.now() + SETTLE_MS; ; ) {
    const octets = await ownMemory(relay, running);
    if (octets <= most || performance.now() > end) return octets;
    await Promise.all(Array.from({ length: 20 }, () => relay.queue()));
  }
}

for (const processes of ['single', 'split'] as const) {
  test(`queued memory, ${processes}: 10,000 messages of 20 KB wait in ${MOST[processes] / MEGA} MB, and so they do after a restart`, async (t) => {
    const port = await freePort();
    const files = simpleFiles(port, await freePort(), `processes: ${processes}\n`);
    const relay = new Relay(t, {
      ...files,
      ...(files.sending !== undefined && { sending: files.sending.replace('[1s]', '[1h]') }),
    });
    const running = await relay.start();
    const client = async (): Promise<void> => {
      const session = await relay.greeted(port);
      for (let n = 0; n < MESSAGES / CLIENTS; n++) {
        await begin(session);
        session.send(CONTENT);
        match(await session.reply(), /^250 2\.6\.0 /);
      }
      session.close();
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    while ((await relay.queue()).messages < MESSAGES) await new Promise((resolve) => setImmediate(resolve));
    const filled = await settledMemory(relay, running, MOST[processes]);
    running.signal('SIGTERM');
    equal((await running.ended).code, 0);
    const begun = performance.now();
    const again = await relay.start();
    const seconds = (performance.now() - begun) / 1000;
    equal((await relay.queue()).messages, MESSAGES);
    const restarted = await settledMemory(relay, again, MOST[processes]);
    const megas = [filled, restarted].map((octets) => Math.round(octets / MEGA));
    t.diagnostic(`${processes}: ${megas.join(' MB, after a restart ')} MB; running ${seconds.toFixed(1)} s after it`);
    equal(Math.max(filled, restarted) <= MOST[processes], true, `${megas.join(' and ')} MB`);
    again.signal('SIGTERM');
    equal((await again.ended).code, 0);
  });
}

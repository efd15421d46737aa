// Reports to senders by the real program: killed between the outcome and its report it makes exactly one.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { ask } from '../../src/cli/control-client.ts';
import type { MessageId, MessageReport } from '../../src/control/api.ts';
import { freePort, Relay, simpleFiles } from '../support/relay.ts';

const PATIENCE_MS = 180_000;

async function until(what: string, isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${PATIENCE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Refuses no@…, defers wait@…, keeps what it takes of all others, by recipient. */
async function sink(
  t: TestContext,
): Promise<{ readonly port: number; readonly taken: { to: string; text: string }[] }> {
  const taken: { to: string; text: string }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    let held = '';
    let to = '';
    let isContent = false;
    const line = (text: string): string => {
      if (/^EHLO/i.test(text)) return '250 sink.test\r\n';
      const path = /^RCPT TO:<([^>]*)>/i.exec(text)?.[1];
      if (path?.startsWith('no@') === true) return '550 5.1.1 No such user\r\n';
      if (path?.startsWith('wait@') === true) return '451 4.2.1 Later\r\n';
      if (path !== undefined) to = path;
      if (/^QUIT/i.test(text)) return '221 bye\r\n';
      if (!/^DATA/i.test(text)) return '250 2.0.0 Ok\r\n';
      if (to === '') return '554 5.5.1 no recipient\r\n';
      isContent = true;
      return '354 go\r\n';
    };
    socket.write('220 sink.test\r\n');
    socket.on('data', (chunk) => {
      held += chunk.toString();
      for (;;) {
        const mark = isContent ? '\r\n.\r\n' : '\r\n';
        const end = held.indexOf(mark);
        if (end === -1) return;
        const text = held.slice(0, end);
        held = held.slice(end + mark.length);
        if (!isContent) {
          socket.write(line(text));
          continue;
        }
        taken.push({ to, text });
        isContent = false;
        to = '';
        socket.write('250 2.0.0 kept\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, taken };
}

for (const mode of ['single', 'split']) {
  test(`feedback: killed between an outcome and its report, ${mode}: exactly one report`, async (t) => {
    const { port, taken } = await sink(t);
    const input = await freePort();
    const files = simpleFiles(input, port, `processes: ${mode}\n`);
    const relay = new Relay(t, { ...files, sending: (files.sending ?? '').replace('[1s]', '[1h]') });
    let running = await relay.start();
    const client = await relay.greeted(input);
    await client.command('MAIL FROM:<a@example.com>');
    match(await client.command('RCPT TO:<wait@example.net>'), /^250/);
    match(await client.command('RCPT TO:<no@example.net>'), /^250/);
    match(await client.command('DATA'), /^354/);
    client.send('Subject: hello\r\n\r\nbody\r\n.\r\n');
    const id = (await client.reply()).split(' ')[2] as MessageId;
    client.close();
    const reports = async (): Promise<MessageReport['reports']> => {
      try {
        return (await ask(relay.folders, 'GET /v1/messages/:id', undefined, { id })).reports;
      } catch {
        return [];
      }
    };
    // The other recipient waits for an hour, so the moment lasts its minute: the kill is within it.
    await until('it is owed', async () => (await reports())[0]?.state === 'owed');
    equal((await relay.queue()).reportsOwed, 1);
    if (mode === 'single') {
      running.signal('SIGKILL');
      await running.ended;
      running = await relay.start();
    } else {
      const { processes } = await relay.health();
      process.kill(processes.find(({ name }) => name === 'scheduler')?.pid ?? 0, 'SIGKILL');
    }
    await until('it is sent', async () => (await reports())[0]?.state === 'sent');
    const shown = await relay.command('message', 'show', id);
    match(shown.out, /failed +sent, delivered/);
    running.signal('SIGTERM');
    equal((await running.ended).code, 0);
    deepEqual(
      taken.map(({ to }) => to),
      ['a@example.com'],
    );
    match(taken[0]?.text ?? '', /^Final-Recipient: rfc822;no@example\.net\r$/m);
    match(taken[0]?.text ?? '', /550 5\.1\.1 No such user/);
  });
}

test('feedback: of a message of 10 MB with RET=FULL the report brings its header back', async (t) => {
  const { port, taken } = await sink(t);
  const input = await freePort();
  const relay = new Relay(t, simpleFiles(input, port));
  const running = await relay.start();
  const client = await relay.greeted(input);
  await client.command('MAIL FROM:<a@example.com> RET=FULL');
  match(await client.command('RCPT TO:<no@example.net>'), /^250/);
  match(await client.command('DATA'), /^354/);
  client.send(`Subject: large\r\n\r\n${`${'x'.repeat(998)}\r\n`.repeat(10_000)}.\r\n`);
  match(await client.reply(), /^250/);
  client.close();
  await until('it is told', () => taken.length === 1);
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
  const { to, text = '' } = taken[0] ?? {};
  equal(to, 'a@example.com');
  ok(text.length < 10_000, `${text.length} octets`);
  match(text, /^Content-Type: text\/rfc822-headers\r$/m);
  match(text, /^Subject: large\r$/m);
});

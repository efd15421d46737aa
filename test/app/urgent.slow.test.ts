// Urgent mail behind 100,000 bulk deliveries at one provider, by the real program in many processes: what the receiver sees
// begin between its 250 and its arrival.
import { equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { a, mx, startDns, startSink } from '../support/fake-net.ts';
import { freePort, Relay } from '../support/relay.ts';

const CONNECTIONS = 10;
const MESSAGES = 100;
const RECIPIENTS = 1000;
const WAITING = MESSAGES * RECIPIENTS;
const TRANSACTION_MS = 500;
/** Its client's address says which user it is, and the user which stream. */
const BULK = '127.0.0.1';
const URGENT = '127.0.0.2';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Notes whose transactions begin, in order; answers final dots only when told to, then after a while. */
class Receiver {
  readonly begun: ('bulk' | 'urgent')[] = [];
  /** Final dots without an answer, by connection. */
  readonly held = new Map<number, () => void>();
  #waiters: { readonly isMet: () => boolean; readonly done: () => void }[] = [];
  isHolding = true;
  port = 0;

  async listen(t: TestContext): Promise<void> {
    const sink = await startSink({
      script: (verb, line, { connection, socket }) => {
        if (verb === 'MAIL') this.begun.push(line.includes('<urgent@') ? 'urgent' : 'bulk');
        if (verb !== 'DOT') return undefined;
        const answer = (): void => void socket.write('250 2.0.0 ok\r\n');
        if (this.isHolding) this.held.set(connection, answer);
        else setTimeout(answer, TRANSACTION_MS);
        queueMicrotask(() => this.#look());
        return { raw: '' };
      },
    });
    t.after(() => sink.close());
    this.port = sink.port;
  }

  until(isMet: () => boolean): Promise<void> {
    return new Promise((done) => {
      this.#waiters.push({ isMet, done });
      this.#look();
    });
  }

  release(connections: readonly number[]): void {
    for (const connection of connections) {
      this.held.get(connection)?.();
      this.held.delete(connection);
    }
  }

  flow(): void {
    this.isHolding = false;
    this.release([...this.held.keys()]);
  }

  get urgent(): number {
    return this.begun.filter((whose) => whose === 'urgent').length;
  }

  #look(): void {
    for (const { done } of this.#waiters.filter(({ isMet }) => isMet())) done();
    this.#waiters = this.#waiters.filter(({ isMet }) => !isMet());
  }
}

async function stage(t: TestContext): Promise<{ relay: Relay; port: number; receiver: Receiver }> {
  const zone = { 'MX far.test': [mx('far.test', 'mx.far.test')], 'A mx.far.test': [a('mx.far.test', '127.0.0.1')] };
  const dns = await startDns({ zone });
  t.after(() => dns.close());
  const receiver = new Receiver();
  await receiver.listen(t);
  const port = await freePort();
  const relay = new Relay(t, {
    postilion: [
      'hostname: relay.test',
      'processes: { mode: split, egress: 4 }',
      `listeners: [{ address: "0.0.0.0:${port}", tls: none }]`,
      `trusted_networks: [{ network: ${BULK}/32, user: news }, { network: ${URGENT}/32, user: codes }]`,
      `limits: { recipients: ${RECIPIENTS} }`,
      `dns: { servers: ["127.0.0.1:${dns.server.port}"] }`,
    ].join('\n'),
    sending: [
      'users: { news: { stream: bulk }, codes: { stream: urgent } }',
      'streams: { bulk: { priority: 3 }, urgent: { priority: 9 } }',
      `routes: [{ to: mx, port: ${receiver.port}, tls: none, private_addresses: true }]`,
    ].join('\n'),
  });
  writeFileSync(
    join(relay.config, 'own-providers.yaml'),
    `providers: { far: { mx: .far.test, ceiling: { connections: ${CONNECTIONS} }, recipients_per_transaction: 1 } }\n`,
  );
  return { relay, port, receiver };
}

async function submit(relay: Relay, port: number, whose: 'bulk' | 'urgent', recipients: number): Promise<void> {
  const client = await relay.greeted(port, { localAddress: whose === 'bulk' ? BULK : URGENT });
  const paths = Array.from({ length: recipients }, (_, n) => `RCPT TO:<r${n}@far.test>\r\n`).join('');
  client.send(`MAIL FROM:<${whose}@example.com>\r\n${paths}DATA\r\n`);
  for (let n = 0; n < recipients + 2; n++) match(await client.reply(), /^[23]5/);
  client.send(`From: ${whose}@example.com\r\n\r\nhello\r\n.\r\n`);
  match(await client.reply(), /^250 /);
  client.close();
}

test('urgent: behind 100,000 bulk deliveries it waits for transactions that have begun, and for no other', async (t) => {
  const { relay, port, receiver } = await stage(t);
  await relay.start();
  for (let n = 0; n < MESSAGES; n += 4) {
    await Promise.all(Array.from({ length: 4 }, () => submit(relay, port, 'bulk', RECIPIENTS)));
  }
  await receiver.until(() => receiver.held.size === CONNECTIONS);
  equal((await relay.queue()).deliveries, WAITING);

  // Every connection is in the middle of a transaction, and has been granted the next one.
  await Promise.all(Array.from({ length: CONNECTIONS }, () => submit(relay, port, 'urgent', 1)));
  await sleep(2000);
  equal(receiver.begun.length, CONNECTIONS, 'none ends, so none begins');
  receiver.release([...receiver.held.keys()]);
  await receiver.until(() => receiver.held.size === CONNECTIONS);
  equal(receiver.urgent, CONNECTIONS, 'whatever had been granted and not begun went after it');

  // The same while mail flows: what begins until the scheduler knows of it is not counted.
  receiver.flow();
  const begunBefore: number[] = [];
  for (let n = 0; n < 20; n++) {
    const [all, urgent] = [receiver.begun.length, receiver.urgent];
    await submit(relay, port, 'urgent', 1);
    await relay.queue();
    const known = receiver.begun.length;
    await receiver.until(() => receiver.urgent > urgent);
    begunBefore.push(Math.max(0, receiver.begun.indexOf('urgent', all) - known));
  }
  t.diagnostic(`bulk that began before each: ${begunBefore.join(' ')}`);
  ok(Math.max(...begunBefore) <= CONNECTIONS, `bulk that began before it: ${begunBefore.join(' ')}`);
  ok((await relay.queue()).deliveries > WAITING / 2, 'the rest waits');
});

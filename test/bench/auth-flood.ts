// `npm run bench -- auth-flood`: how long clients that are logged in wait for 250, alone and while 300 addresses try
// wrong passwords all the time. Each phase takes 10 s; the three pairs alternate.
import { connect, type Socket } from 'node:net';
import { freePort, Relay, sleep } from './driver.ts';

const PHASE_MS = 10_000;
const CLIENTS = 4;
const ATTACKERS = 300;
const PAIRS = 3;
const CONTENT = `From: <a@bench.test>\r\nSubject: x\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(26)}`;
const plain = (user: string, password: string): string => Buffer.from(`\0${user}\0${password}`).toString('base64');

/** One client that speaks in turns. */
class Client {
  readonly #socket: Socket;
  #text = '';
  #wake: (() => void) | undefined;
  #isOver = false;

  constructor(port: number, localAddress: string) {
    this.#socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => {
      this.#text += String(text);
      this.#wake?.();
    });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#isOver = true;
      this.#wake?.();
    });
  }

  /** The code of the next reply; 0 when the server closed. */
  async reply(): Promise<number> {
    for (;;) {
      const last = /^(\d{3}) .*\r\n$/m.exec(this.#text);
      if (last !== null) {
        this.#text = '';
        return Number(last[1]);
      }
      if (this.#isOver) return 0;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  ask(text: string): Promise<number> {
    this.#socket.write(text);
    return this.reply();
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function attack(port: number, address: string, until: number, codes: Map<number, number>): Promise<void> {
  while (performance.now() < until) {
    const client = new Client(port, address);
    await client.reply();
    await client.ask('EHLO attacker.test\r\n');
    const code = await client.ask(`AUTH PLAIN ${plain('bench', `wrong ${address}`)}\r\n`);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    client.close();
    await sleep(50);
  }
}

/** ms from the final dot to 250, of every message. */
async function send(client: Client, until: number, waits: number[]): Promise<void> {
  while (performance.now() < until) {
    await client.ask('MAIL FROM:<a@bench.test>\r\n');
    await client.ask('RCPT TO:<b@sink.test>\r\n');
    await client.ask('DATA\r\n');
    const begun = performance.now();
    if ((await client.ask(`${CONTENT}.\r\n`)) !== 250) throw new Error('a message was not accepted');
    waits.push(performance.now() - begun);
    await sleep(20);
  }
}

const p95 = (waits: number[]): number => waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.95)] ?? 0;

export async function benchAuthFlood(start: string): Promise<void> {
  const port = await freePort();
  const relay = new Relay(start, port, await freePort(), { AUTH: 'bench:right', RETRY: '1h' });
  try {
    await relay.greeting();
    const clients = Array.from({ length: CLIENTS }, () => new Client(port, '127.0.0.1'));
    for (const client of clients) {
      await client.reply();
      await client.ask('EHLO client.test\r\n');
      const code = await client.ask(`AUTH PLAIN ${plain('bench', 'right')}\r\n`);
      if (code !== 235) throw new Error(`the login was answered ${code}`);
    }
    console.log(
      'ms from the final dot to 250, 95th percentile, 4 clients logged in\n| alone | flood | ratio | replies to wrong logins |',
    );
    console.log('| --- | --- | --- | --- |');
    for (let pair = 0; pair < PAIRS; pair++) {
      const results: number[] = [];
      const codes = new Map<number, number>();
      for (const attackers of [0, ATTACKERS]) {
        const until = performance.now() + PHASE_MS;
        const waits: number[] = [];
        const addresses = Array.from({ length: attackers }, (_, n) => `127.1.${n >> 7}.${(n & 127) + 1}`);
        const attacks = addresses.map((address) => attack(port, address, until, codes));
        await Promise.all([...clients.map((client) => send(client, until, waits)), ...attacks]);
        results.push(p95(waits));
      }
      const [alone = 0, flood = 0] = results;
      const replies = [...codes].map(([code, count]) => `${code}: ${count}`).join(', ');
      console.log(`| ${alone.toFixed(2)} | ${flood.toFixed(2)} | ${(flood / alone).toFixed(2)} | ${replies} |`);
    }
    for (const client of clients) client.close();
  } finally {
    await relay.close();
  }
}

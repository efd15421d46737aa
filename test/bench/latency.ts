// `npm run bench -- latency`: on a host with nothing else to do, one message at a time: ms from the final dot to 250, and
// from 250 to the moment the receiver has the final dot. Postilion and Postfix in turns, each with a new relay.
import { createServer, type Server, type Socket } from 'node:net';
import { LineClient } from '../support/line-client.ts';
import { freePort, Relay, sleep } from './driver.ts';

export interface Peer {
  readonly name: string;
  /** Path of its `start`. */
  readonly start: string;
  readonly env: Readonly<Record<string, string>>;
}

const PAUSE_MS = 50;
const WARM_UP = 20;
const ARRIVAL_MS_MAX = 30_000;
const MARK = 'Subject: latency-';
const CONTENT = `From: <a@client.test>\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(25)}`;

/** A receiver that says when it has read the final dot of each message. */
class Receiver {
  readonly at = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer({ noDelay: true }, (socket) => this.#talk(socket));

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #talk(socket: Socket): void {
    let text = '';
    let mark: string | undefined;
    let isContent = false;
    const replies: string[] = [];
    this.#sockets.add(socket);
    const take = (line: string): void => {
      if (isContent) {
        if (line.startsWith(MARK)) mark = line;
        if (line !== '.') return;
        this.at.set(mark ?? '', performance.now());
        isContent = false;
        replies.push('250 ok');
      } else if (line.startsWith('DATA')) {
        isContent = true;
        replies.push('354 go');
      } else if (line.startsWith('EHLO')) replies.push('250-receiver.test\r\n250-PIPELINING\r\n250 8BITMIME');
      else replies.push(line.startsWith('QUIT') ? '221 bye' : '250 ok');
    };
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.write('220 receiver.test\r\n');
    socket.setEncoding('latin1').on('data', (chunk) => {
      const lines = (text + String(chunk)).split('\r\n');
      text = lines.pop() ?? '';
      for (const line of lines) take(line);
      if (replies.length > 0) socket.write(`${replies.splice(0).join('\r\n')}\r\n`);
    });
  }
}

interface Waits {
  readonly toReply: number[];
  readonly toReceiver: number[];
}

async function oneAtATime(port: number, receiver: Receiver, messages: number, waits: Waits): Promise<void> {
  const client = LineClient.open(port);
  client.socket.setNoDelay(true);
  const ask = async (text: string, wanted: string): Promise<void> => {
    client.send(text);
    const reply = await client.reply();
    if (!reply.startsWith(wanted)) throw new Error(`answered ${reply}`);
  };
  await ask('', '220');
  await ask('EHLO client.test\r\n', '250');
  for (let n = 0; n < messages; n++) {
    const mark = `${MARK}${n}`;
    await ask('MAIL FROM:<a@client.test>\r\n', '250');
    await ask(`RCPT TO:<b${n}@sink.test>\r\n`, '250');
    await ask('DATA\r\n', '354');
    client.send(`${mark}\r\n${CONTENT}`);
    await sleep(5);
    const begun = performance.now();
    await ask('.\r\n', '250');
    const replied = performance.now();
    while (!receiver.at.has(mark)) {
      if (performance.now() - replied > ARRIVAL_MS_MAX) throw new Error('a message did not arrive');
      await sleep(1);
    }
    waits.toReply.push(replied - begun);
    waits.toReceiver.push((receiver.at.get(mark) ?? 0) - replied);
    await sleep(PAUSE_MS);
  }
  receiver.at.clear();
  client.close();
}

async function measureOne(peer: Peer, messages: number, waits: Waits): Promise<void> {
  const receiver = new Receiver();
  const relay = new Relay(peer.start, await freePort(), await receiver.listen(), peer.env);
  try {
    await relay.greeting();
    await oneAtATime(relay.port, receiver, WARM_UP, { toReply: [], toReceiver: [] });
    await oneAtATime(relay.port, receiver, messages, waits);
  } finally {
    await relay.close();
    receiver.close();
  }
}

const at = (waits: readonly number[], share: number): string =>
  (waits.toSorted((a, b) => a - b)[Math.floor(waits.length * share)] ?? 0).toFixed(2);

/** `rounds` of `messages` each; what is printed counts all of them. */
export async function benchLatency(peers: readonly Peer[], rounds: number, messages: number): Promise<void> {
  const all = new Map<string, Waits>(peers.map(({ name }) => [name, { toReply: [], toReceiver: [] }]));
  for (let round = 0; round < rounds; round++) {
    for (const peer of round % 2 === 0 ? peers : peers.toReversed()) {
      await measureOne(peer, messages, all.get(peer.name) ?? { toReply: [], toReceiver: [] });
    }
  }
  console.log(`ms, p50 · p95 · p99 of ${rounds} x ${messages} messages of 2 KB, one at a time`);
  console.log('| relay | final dot to 250 | 250 to the receiver |\n| --- | --- | --- |');
  for (const [name, { toReply, toReceiver }] of all) {
    const cells = [toReply, toReceiver].map((waits) => [0.5, 0.95, 0.99].map((share) => at(waits, share)).join(' · '));
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

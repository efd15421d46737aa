// Several submission processes at one port: what they share holds over all of them, and when one of them dies.
import { deepEqual, equal, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LineClient } from '../support/line-client.ts';
import { begin, freePort, plainToken, Relay, type Running, simpleFiles } from '../support/relay.ts';

const CONNECTIONS = 20;
const ATTACKERS = 300;
/** One check in flight and so many waiting, per process. */
const CHECKS_PER_PROCESS = 1 + 32;

let relay: Relay;
let running: Running;
let port: number;
const cleanUps: (() => void | Promise<void>)[] = [];

before(async () => {
  port = await freePort();
  const split = 'processes:\n  mode: split\n  submission: 2\n  egress: 1\n';
  // Nobody listens at the sink: what is accepted waits.
  relay = new Relay({ after: (run) => void cleanUps.push(run) }, simpleFiles(port, await freePort(), split));
  running = await relay.start();
});

after(async () => {
  for (const run of cleanUps) await run();
});

async function pidOf(name: string): Promise<number> {
  return (await relay.health()).processes.find((one) => one.name === name)?.pid ?? 0;
}

interface Answered {
  readonly ids: readonly string[];
  readonly again: number;
}

/** Until it has a 250: as a client does that hears 4xx, or nothing. */
async function insist(client: LineClient | undefined, content: string): Promise<Answered> {
  let again = 0;
  for (let open = client; ; open = undefined, again++) {
    const session = open ?? (await greetedAgain());
    if (session === undefined) continue;
    const reply = await submitOn(session, content, open !== undefined);
    if (reply.startsWith('250 ')) return { ids: [reply.split(' ')[2] ?? ''], again };
    match(reply, /^(?:4\d\d |closed)/);
    session.close();
  }
}

/** undefined: it died before it greeted. */
async function greetedAgain(): Promise<LineClient | undefined> {
  const session = relay.client(port);
  if (!(await session.reply()).startsWith('220 ')) return undefined;
  return (await session.command('EHLO client.test')).startsWith('250') ? session : undefined;
}

async function submitOn(session: LineClient, content: string, hasBegun: boolean): Promise<string> {
  if (!hasBegun) {
    session.send('MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n');
    for (let i = 0; i < 3; i++) {
      const reply = await session.reply();
      if (!/^[23]/.test(reply)) return reply;
    }
  }
  session.send(content);
  return session.reply();
}

test('many intakes: one idempotency key on 20 connections over two processes, one of them killed, is one message', async () => {
  const killed: string[] = [];
  let again = 0;
  const ids = new Set<string>();
  const rounds = 4;
  for (let round = 0; round < rounds; round++) {
    const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => relay.greeted(port)));
    await Promise.all(clients.map((client) => begin(client)));
    const name = `submission-${1 + (round % 2)}`;
    const pid = await pidOf(name);
    const content = `Subject: once\r\nX-Idempotency-Key: key-${round}\r\n\r\nround ${round}\r\n.\r\n`;
    let first: () => void = () => {};
    const oneAnswered = new Promise<void>((resolve) => (first = resolve));
    const answered = clients.map(async (client) => {
      const result = await insist(client, content);
      first();
      return result;
    });
    // At once in one round, while the first record is being written in another.
    if (round < 2) await oneAnswered;
    process.kill(pid, 'SIGKILL');
    killed.push(name);
    const all = await Promise.all(answered);
    const ofRound = new Set(all.flatMap((one) => one.ids));
    equal(ofRound.size, 1, `round ${round}: answered with ${[...ofRound].join(' ')}`);
    for (const id of ofRound) ids.add(id);
    again += all.reduce((sum, one) => sum + one.again, 0);
    while (!(await relay.health()).ok) await relay.queue();
  }
  equal(again > 0, true, 'nobody had to ask again: the kills hit nothing');
  equal(ids.size, rounds);
  equal(await relay.waiting(rounds), rounds);
  deepEqual([...new Set(killed)].toSorted(), ['submission-1', 'submission-2']);
});

test('many intakes: 300 wrong passwords at once: one check in flight and 32 waiting a process, the rest 454, nobody restarts', async () => {
  const before = (await relay.health()).processes.map(({ name, pid, restarts }) => `${name} ${pid} ${restarts}`);
  const other = await relay.greeted(port);
  const clients = await Promise.all(
    Array.from({ length: ATTACKERS }, (_unused, at) =>
      relay.greeted(port, { localAddress: `127.0.${1 + Math.floor(at / 200)}.${1 + (at % 200)}` }),
    ),
  );
  const replies = clients.map((client, at) => client.command(`AUTH PLAIN ${plainToken(`nobody${at}`, 'wrong')}`));
  // Others go on meanwhile.
  for (let i = 0; i < 5; i++) {
    await begin(other);
    other.send('Subject: meanwhile\r\n\r\nHello\r\n.\r\n');
    match(await other.reply(), /^250 2\.6\.0 /);
  }
  const all = await Promise.all(replies);
  const checked = all.filter((reply) => reply.startsWith('535 5.7.8 ')).length;
  const putOff = all.filter((reply) => reply.startsWith('454 4.7.0 ')).length;
  equal(checked + putOff, ATTACKERS);
  equal(checked >= CHECKS_PER_PROCESS, true, `only ${checked} were checked`);
  // A check that ends makes room for another while the rest is still coming in.
  equal(putOff >= ATTACKERS - 4 * CHECKS_PER_PROCESS, true, `only ${putOff} of ${ATTACKERS} were put off`);
  const after = (await relay.health()).processes.map(({ name, pid, restarts }) => `${name} ${pid} ${restarts}`);
  deepEqual(after, before);
});

test('many intakes: what was accepted over all of it is there after a stop, and no other', async () => {
  const { messages } = await relay.queue();
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
  running = await relay.start();
  equal((await relay.queue()).messages, messages);
  running.signal('SIGTERM');
  equal((await running.ended).code, 0);
});

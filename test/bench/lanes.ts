// `npm run bench -- lanes [--seconds 60] [--messages 10000]`: what caps cost. 16 sources, five providers and four egress
// processes: no cap exceeded as the receivers count, how much of the caps is used, how soon a freed slot is used again;
// the CPU of a relay that waits for a cap; and CPU per message with 16 sources and 200 sites beside one of each.
import { readFileSync } from 'node:fs';
import { LineClient } from '../support/line-client.ts';
import { CountingReceiver, type Dot } from '../support/counting-receiver.ts';
import { exceeded, lanesStage, mostPerSecond, PLANS, providerOf, SOURCES } from '../support/lanes-stage.ts';
import { freePort, Relay, type Scope } from '../support/relay.ts';

const SITES = 200;
const SESSIONS = 20;
const USED_MIN = 0.95;
const SLOT_MS_MAX = 20;
const IDLE_CPU_MAX = 0.01;
const COST_MAX = 1.4;
const WAITING_PART_MS = 10_000;
const CONTENT = `From: app@client.test\r\nSubject: bench\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(27)}.\r\n`;

const now = (): number => performance.now();
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function scoped<T>(run: (scope: Scope) => Promise<T>): Promise<T> {
  const cleanUps: (() => void | Promise<void>)[] = [];
  try {
    return await run({ after: (cleanUp) => void cleanUps.push(cleanUp) });
  } finally {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp();
  }
}

const judged = (isMet: boolean): string => (isMet ? 'met' : 'NOT MET');

/** CPU of processes so far, ms: clock ticks of 10 ms. */
function cpuMs(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, one) => sum + one, 0) * 10;
}

async function pidsOf(relay: Relay): Promise<readonly number[]> {
  return (await relay.health()).processes.map(({ pid }) => pid);
}

export async function benchLanes(seconds: number, messages: number): Promise<void> {
  await scoped((scope) => caps(scope, seconds));
  await scoped((scope) => waiting(scope, Math.ceil(seconds / 10)));
  await spread(messages);
}

async function caps(scope: Scope, seconds: number): Promise<void> {
  const { relay, receiver, submit } = await lanesStage(scope, now, 'm');
  await relay.start();
  // For every provider more than it may be sent: no slot stays free for want of mail.
  await submit((plan) => Math.ceil(mostPerSecond(plan) * (seconds + 10)));
  const from = now();
  await sleep(seconds * 1000);
  const until = now();
  console.log(`${SOURCES} sources, ${Object.keys(PLANS).length} providers, 4 egress processes, ${seconds} s`);
  for (const [name, plan] of Object.entries(PLANS)) {
    const isRated = (plan.perSecond ?? plan.opensPerSecond) !== undefined;
    const within = receiver.dots.filter((dot) => providerOf(dot) === name && dot.at >= from && dot.at < until);
    const perSec = (within.length / (until - from)) * 1000;
    if (!isRated) console.log(`  ${name}: ${perSec.toFixed(1)}/s, capped by connections alone`);
    else {
      const used = perSec / mostPerSecond(plan);
      const text = `${perSec.toFixed(1)}/s of ${mostPerSecond(plan)}/s: ${(used * 100).toFixed(1)} %, want 95 %`;
      console.log(`  ${name}: ${text}: ${judged(used >= USED_MIN)}`);
    }
  }
  const over = exceeded(receiver, 0, 'm');
  console.log(`  caps exceeded: ${over.length === 0 ? 'none' : over.join('; ')}: ${judged(over.length === 0)}`);
  const gaps = slotGapsMs(receiver, 'p5', from, until);
  const at = (share: number): number => gaps[Math.floor(gaps.length * share)] ?? NaN;
  const text = `within ${at(0.5).toFixed(1)} ms (median), ${at(0.99).toFixed(1)} ms (p99), want ${SLOT_MS_MAX}`;
  console.log(`  a freed slot is used again ${text}: ${judged(at(0.99) <= SLOT_MS_MAX)}`);
}

/**
 * From our end of a connection to the one that takes its slot: of the same source to the same provider, the slot that was
 * freed first is used first, each by one.
 */
function slotGapsMs(receiver: CountingReceiver, provider: string, from: number, until: number): readonly number[] {
  const gaps: number[] = [];
  const freed = new Map<string, number[]>();
  const steps = receiver.opened
    .filter((one) => providerOf(one) === provider)
    .flatMap(({ client, openFrom, endedAt = Infinity }) => [
      { client, at: Math.min(openFrom, endedAt), isEnd: false },
      { client, at: endedAt, isEnd: true },
    ]);
  for (const { client, at, isEnd } of steps.toSorted((a, b) => a.at - b.at)) {
    const slots = freed.get(client) ?? [];
    freed.set(client, slots);
    if (isEnd) slots.push(at);
    else {
      const freedAt = slots.shift();
      if (freedAt !== undefined && freedAt >= from && freedAt < until) gaps.push(at - freedAt);
    }
  }
  // What was freed in time and never used again counts as well.
  for (const at of [...freed.values()].flat()) if (at >= from && at < until - 1000) gaps.push(Infinity);
  return gaps.toSorted((a, b) => a - b);
}

interface Place {
  readonly relay: Relay;
  readonly port: number;
  readonly receiver: CountingReceiver;
}

async function place(scope: Scope, sending: (sink: number) => string): Promise<Place> {
  const receiver = new CountingReceiver({ now });
  const sink = await receiver.listen();
  scope.after(() => receiver.close());
  const port = await freePort();
  const relay = new Relay(scope, {
    postilion: `hostname: relay.test\nlisteners: [{ address: "127.0.0.1:${port}", tls: none }]\ntrusted_networks: [{ network: 127.0.0.0/8, user: app }]\nprocesses: single\n`,
    sending: `users: { app: {} }\n${sending(sink)}`,
  });
  await relay.start();
  return { relay, port, receiver };
}

async function load({ port }: Place, messages: number, recipient: (n: number) => string): Promise<void> {
  let next = 0;
  const session = async (): Promise<void> => {
    const client = LineClient.open(port);
    await client.reply();
    await client.command('EHLO client.test');
    for (let n = next++; n < messages; n = next++) {
      client.send(`MAIL FROM:<app@client.test>\r\nRCPT TO:<${recipient(n)}>\r\nDATA\r\n`);
      for (let replies = 0; replies < 3; replies++) await client.reply();
      client.send(CONTENT);
      await client.reply();
    }
    client.close();
  };
  await Promise.all(Array.from({ length: SESSIONS }, session));
}

async function received(dots: readonly Dot[], count: number): Promise<void> {
  while (dots.length < count) await sleep(20);
}

/** 10,000 deliveries behind one a second. In parts, for once after the load V8 gives back what it took for it. */
async function waiting(scope: Scope, parts: number): Promise<void> {
  const at = await place(scope, (sink) => `routes: [{ to: "127.0.0.1:${sink}", tls: none }]\ncaps: { rate: 1/s }\n`);
  await load(at, 10_000, (n) => `u${n}@sink.test`);
  await sleep(3000);
  const pids = await pidsOf(at.relay);
  const before = at.receiver.dots.length;
  const shares: number[] = [];
  for (let part = 0; part < parts; part++) {
    const [cpu, begun] = [cpuMs(pids), now()];
    await sleep(WAITING_PART_MS);
    shares.push((cpuMs(pids) - cpu) / (now() - begun));
  }
  const sent = at.receiver.dots.length - before;
  const share = shares.toSorted((a, b) => a - b)[Math.floor(parts / 2)] ?? NaN;
  const text = shares.map((one) => (one * 100).toFixed(2)).join(' ');
  console.log(
    `10,000 deliveries behind one a second: ${sent} went; CPU of each ${WAITING_PART_MS / 1000} s in %: ${text}`,
  );
  console.log(`  CPU ${(share * 100).toFixed(2)} % (median), want under 1 %: ${judged(share < IDLE_CPU_MAX)}`);
}

async function spread(messages: number): Promise<void> {
  const one = await costMs(
    messages,
    () => 'u@sink.test',
    (sink) => `routes: [{ to: "127.0.0.1:${sink}", tls: none }]\ncaps: { connections: ${SESSIONS} }\n`,
  );
  const names = Array.from({ length: SOURCES }, (_, n) => `s${n + 1}`);
  const many = await costMs(
    messages,
    (n) => `u@d${n % SITES}.test`,
    (sink) => {
      const routes = Array.from(
        { length: SITES },
        (_, n) => `  - { domains: d${n}.test, to: "127.1.${n}.1:${sink}", tls: none }`,
      );
      const sources = names.map((name, n) => `${name}: { address: 127.9.0.${n + 1} }`);
      return `routes:\n${routes.join('\n')}\nsources: { ${sources.join(', ')} }\npools: { default: { sources: [${names.join(', ')}] } }\n`;
    },
  );
  const ratio = many / one;
  console.log(`CPU a message: ${one.toFixed(2)} ms to one site, ${many.toFixed(2)} ms by 16 sources to ${SITES} sites`);
  console.log(`  ${ratio.toFixed(2)} times, want 1.40 at most: ${judged(ratio <= COST_MAX)}`);
}

function costMs(
  messages: number,
  recipient: (n: number) => string,
  sending: (sink: number) => string,
): Promise<number> {
  return scoped(async (scope) => {
    const at = await place(scope, sending);
    await load(at, 1000, recipient);
    await received(at.receiver.dots, 1000);
    const pids = await pidsOf(at.relay);
    const cpu = cpuMs(pids);
    await load(at, messages, recipient);
    await received(at.receiver.dots, 1000 + messages);
    await sleep(300);
    return (cpuMs(pids) - cpu) / messages;
  });
}

// `DKIM=rsa|ed25519 npm run bench -- relay [--sizes 2,20] [--sessions 20] [--pairs 9] [--messages 2000]`: what signing costs
// over not signing, in processor time of the whole relay a message. Two relays run side by side, warm, and are given mail in
// turn, so that each pair sees the same machine. Judged: no more than one body hash and one signature, as `openssl speed`
// has them between the pairs, and 20 %.
import { spawnSync } from 'node:child_process';
import { freePort, type Load, Relay, Sink, sleep, source } from './driver.ts';

const ALGORITHMS: Readonly<Record<string, string>> = { rsa: 'rsa2048', ed25519: 'ed25519' };
const SPARE = 1.2;
/** Until the compilers of V8 have done what they do. */
const WARM_UP_MESSAGES = 6000;
/** What is still written down after the last reply belongs to the messages before it. */
const SETTLE_MS = 600;

export interface DkimBench {
  readonly start: string;
  readonly dkim: string;
  readonly sizesKilo: readonly number[];
  readonly sessions: readonly number[];
  readonly pairs: number;
  readonly messages: number;
  readonly processes: string;
}

function speed(args: readonly string[], pattern: RegExp): number {
  const done = spawnSync('openssl', ['speed', '-seconds', '1', ...args], { encoding: 'utf8' });
  const found = pattern.exec(done.stdout)?.[1];
  if (found === undefined) throw new Error(`openssl speed ${args.join(' ')}: ${done.stderr}`);
  return Number(found);
}

function signatureMs(dkim: string): number {
  const perSecond =
    dkim === 'rsa'
      ? speed(['rsa2048'], /^rsa +2048 bits +\S+ +\S+ +([\d.]+)/m)
      : speed(['ed25519'], /EdDSA \(Ed25519\) +\S+ +\S+ +([\d.]+)/);
  return 1000 / perSecond;
}

function hashMs(octets: number): number {
  const kiloPerSecond = speed(['-bytes', String(octets), '-evp', 'sha256'], /^sha256 +([\d.]+)k/im);
  return octets / kiloPerSecond;
}

const median = (numbers: readonly number[]): number => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
};

/** A relay with a sink of its own, warm. */
class Warm {
  readonly #relay: Relay;
  readonly #sink: Sink;
  readonly #load: Load;
  #sent = 0;

  private constructor(relay: Relay, sink: Sink, load: Load) {
    this.#relay = relay;
    this.#sink = sink;
    this.#load = load;
  }

  static async up(start: string, load: Load, env: Readonly<Record<string, string>>): Promise<Warm> {
    const sinkPort = await freePort();
    const sink = new Sink(sinkPort);
    const warm = new Warm(new Relay(start, await freePort(), sinkPort, env), sink, load);
    await warm.#relay.greeting();
    await warm.cpuMs(WARM_UP_MESSAGES);
    return warm;
  }

  /** Of one message, when it is given so many. */
  async cpuMs(messages = this.#load.messages): Promise<number> {
    const before = this.#relay.cpuMs();
    await source(this.#relay.port, this.#load, messages);
    this.#sent += messages;
    await this.#sink.has(this.#sent);
    await sleep(SETTLE_MS);
    return (this.#relay.cpuMs() - before) / messages;
  }

  async close(): Promise<void> {
    await this.#relay.close();
    this.#sink.close();
  }
}

/** True: it costs no more than it may. */
async function compare(bench: DkimBench, kilo: number, sessions: number): Promise<boolean> {
  const { start, dkim, processes, pairs, messages } = bench;
  const load: Load = { sizeOctets: kilo * 1024, sessions, messages, until: 'relay' };
  const env = { PROCESSES: processes, CONNECTIONS: '20' };
  const off = await Warm.up(start, load, { ...env, DKIM: 'off' });
  const on = await Warm.up(start, load, { ...env, DKIM: dkim });
  const rows: { readonly off: number; readonly on: number }[] = [];
  const [hashes, signatures]: [number[], number[]] = [[], []];
  try {
    for (let pair = 0; pair < pairs; pair++) {
      const first = await (pair % 2 === 0 ? off : on).cpuMs();
      hashes.push(hashMs(load.sizeOctets));
      signatures.push(signatureMs(dkim));
      const second = await (pair % 2 === 0 ? on : off).cpuMs();
      rows.push(pair % 2 === 0 ? { off: first, on: second } : { off: second, on: first });
    }
  } finally {
    await off.close();
    await on.close();
  }
  const cost = median(rows.map((row) => row.on - row.off));
  const [hash, signature] = [median(hashes), median(signatures)];
  const allowed = (hash + signature) * SPARE;
  const isIn = cost <= allowed;
  const all = rows.map((row) => (row.on - row.off).toFixed(3)).join(', ');
  const columns = [
    `${kilo} KB x ${sessions}`,
    median(rows.map((row) => row.off)).toFixed(3),
    median(rows.map((row) => row.on)).toFixed(3),
    `${cost.toFixed(3)} (${all})`,
    `${hash.toFixed(3)} + ${signature.toFixed(3)}`,
    `${allowed.toFixed(3)}: ${isIn ? 'kept' : 'NOT KEPT'}`,
  ];
  console.log(`| ${columns.join(' | ')} |`);
  return isIn;
}

/** How many of its lines are over what they may be. */
export async function benchDkim(bench: DkimBench): Promise<number> {
  if (ALGORITHMS[bench.dkim] === undefined) throw new Error(`DKIM=${bench.dkim}: rsa or ed25519`);
  const { dkim, processes, pairs, messages } = bench;
  console.log(
    `CPU ms a message of the whole relay, ${processes}; medians of ${pairs} alternating pairs of ${messages}`,
  );
  const heads = ['load', 'off', dkim, 'cost: median (each pair)', 'hash + signature', 'with 20 %'];
  console.log(`| ${heads.join(' | ')} |\n|${heads.map(() => ' --- |').join('')}`);
  let over = 0;
  for (const kilo of bench.sizesKilo) {
    for (const sessions of bench.sessions) if (!(await compare(bench, kilo, sessions))) over++;
  }
  return over;
}

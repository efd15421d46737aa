// Measures one relay: smtp-source → relay → smtp-sink, all on loopback, with the relay in a cgroup of its own so that
// every process of it counts. Needs root, cgroup version 2, Debian's postfix package; strace for syncs.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Load {
  readonly sizeOctets: number;
  readonly sessions: number;
  readonly messages: number;
  /** accept: until the last 250. relay: until the sink has all. */
  readonly until: 'accept' | 'relay';
}

export interface Measured {
  readonly perSecond: number;
  readonly cpuMsPerMessage: number;
}

const WARM_UP_MESSAGES = 200;
const GREETING_MS_MAX = 30_000;
const DRAIN_MS_MAX = 300_000;

/** Program names that are not to be found here. */
export function missingPrograms(): string[] {
  const missing = ['smtp-source', 'smtp-sink'].filter((name) => spawnSync('which', [name]).status !== 0);
  return process.getuid?.() === 0 ? missing : [...missing, 'root'];
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString('latin1').startsWith('220'));
    });
  });
}

export function newRunDir(): string {
  return mkdtempSync(join(process.env['BENCH_DISK'] ?? tmpdir(), 'postilion-bench-'));
}

function cgroupRoot(): string {
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[2] === 'cgroup2');
  if (mount === undefined) throw new Error('no cgroup version 2 is mounted');
  return mount.split(' ')[1] ?? '';
}

function isRemoved(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') return false;
    throw error;
  }
}

/** A relay under measurement, in a control group of its own. */
export class Relay {
  readonly #group: string;
  readonly #child: ChildProcess;
  readonly runDir: string;
  readonly trace: string;
  readonly port: number;

  constructor(
    start: string,
    port: number,
    sinkPort: number,
    env: Readonly<Record<string, string>> = {},
    { traced = false, runDir = newRunDir() } = {},
  ) {
    this.port = port;
    this.runDir = runDir;
    this.#group = join(cgroupRoot(), `postilion-bench-${process.pid}-${port}`);
    this.trace = join(this.runDir, 'syncs.strace');
    mkdirSync(this.#group);
    const wrap = traced ? `strace -f -q -o ${this.trace} -e trace=fsync,fdatasync,sync_file_range,syncfs` : '';
    this.#child = spawn('bash', ['-c', `echo 0 > ${this.#group}/cgroup.procs; exec ${wrap} ${start}`], {
      env: { ...process.env, RUN_DIR: this.runDir, IN_PORT: String(port), SINK_PORT: String(sinkPort), ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  async greeting(): Promise<void> {
    for (const end = performance.now() + GREETING_MS_MAX; performance.now() < end; await sleep(20)) {
      if (await greets(this.port)) return;
      if (this.#child.exitCode !== null) break;
    }
    throw new Error('the relay did not greet');
  }

  cpuMs(): number {
    const stat = readFileSync(join(this.#group, 'cpu.stat'), 'utf8');
    return Number(/usage_usec (\d+)/.exec(stat)?.[1] ?? 0) / 1000;
  }

  /** Octets of memory that no file backs, of all its processes. */
  anonymousOctets(): number {
    const pids = readFileSync(join(this.#group, 'cgroup.procs'), 'utf8').trim().split('\n');
    const kilo = pids.map((pid) =>
      Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
    );
    return kilo.reduce((sum, one) => sum + one, 0) * 1024;
  }

  syncs(): number {
    return existsSync(this.trace) ? readFileSync(this.trace, 'latin1').split('(').length - 1 : 0;
  }

  /** `keeps`: what it wrote stays, for another one with the same `runDir`. */
  async close(keeps = false): Promise<void> {
    this.#child.kill('SIGTERM');
    for (let n = 0; n < 500 && this.#child.exitCode === null; n++) await sleep(20);
    writeFileSync(join(this.#group, 'cgroup.kill'), '1');
    // It has members, or is busy without any, until everything that ran in it has been waited for.
    for (let n = 0; !isRemoved(this.#group); n++) {
      if (n === 500) throw new Error(`processes of the relay do not end: ${this.#group}`);
      await sleep(20);
    }
    if (!keeps) rmSync(this.runDir, { recursive: true, force: true });
  }
}

/** Postfix's smtp-sink; its running counter. */
export class Sink {
  count = 0;
  readonly #child: ChildProcess;

  constructor(port: number) {
    this.#child = spawn('smtp-sink', ['-4', '-c', '-m', '512', '-u', 'nobody', `127.0.0.1:${port}`, '1024'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let tail = '';
    this.#child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      tail = (tail + text).slice(-4096);
      this.count = Number([...tail.matchAll(/mesg=(\d+)\r/g)].at(-1)?.[1] ?? this.count);
    });
  }

  async has(count: number): Promise<void> {
    for (const end = performance.now() + DRAIN_MS_MAX; this.count < count; await sleep(2)) {
      if (performance.now() > end) throw new Error(`the sink has ${this.count} of ${count} messages`);
    }
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

export function source(port: number, load: Omit<Load, 'until' | 'messages'>, messages: number): Promise<void> {
  const sessions = Math.min(load.sessions, messages);
  const args = ['-4', '-N', '-d', '-s', String(sessions), '-m', String(messages), '-l', String(load.sizeOctets)];
  const child = spawn('smtp-source', [...args, '-f', 'app@client.test', '-t', 'user@sink.test', `127.0.0.1:${port}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => (status === 0 ? resolve() : reject(new Error(`smtp-source ended with ${status}`))));
  });
}

async function withRelay<T>(
  start: string,
  env: Readonly<Record<string, string>>,
  traced: boolean,
  run: (relay: Relay, sink: Sink) => Promise<T>,
): Promise<T> {
  const sinkPort = await freePort();
  const sink = new Sink(sinkPort);
  const relay = new Relay(start, await freePort(), sinkPort, env, { traced });
  try {
    await relay.greeting();
    return await run(relay, sink);
  } finally {
    await relay.close();
    sink.close();
  }
}

export function measure(start: string, load: Load, env: Readonly<Record<string, string>> = {}): Promise<Measured> {
  return withRelay(start, env, false, async (relay, sink) => {
    const warm = Math.min(WARM_UP_MESSAGES, load.messages);
    await source(relay.port, load, warm);
    if (load.until === 'relay') await sink.has(warm);
    await sleep(300);
    const [cpu, begun] = [relay.cpuMs(), performance.now()];
    await source(relay.port, load, load.messages);
    if (load.until === 'relay') await sink.has(warm + load.messages);
    const seconds = (performance.now() - begun) / 1000;
    await sleep(300); // what it still has to write down belongs to these messages
    return { perSecond: load.messages / seconds, cpuMsPerMessage: (relay.cpuMs() - cpu) / load.messages };
  });
}

/** Sync calls per message, of acceptance and delivery together. */
export function countSyncs(start: string, load: Load, env: Readonly<Record<string, string>> = {}): Promise<number> {
  return withRelay(start, env, true, async (relay, sink) => {
    await source(relay.port, load, 20);
    await sink.has(20);
    const before = relay.syncs();
    await source(relay.port, load, load.messages);
    await sink.has(20 + load.messages);
    await sleep(500);
    return (relay.syncs() - before) / load.messages;
  });
}

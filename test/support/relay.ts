// The real program in a folder of its own: started, spoken to, stopped or killed by its process id, and gone after the
// test. Ports are free ones, asked of the system before the start.
import { equal, match } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from '../../src/cli/control-client.ts';
import type { Health, QueueReport } from '../../src/control/api.ts';
import type { DumpedMessage } from '../../src/cli/spool-tools.ts';
import { LineClient } from './line-client.ts';

export const PROGRAM = fileURLToPath(new URL('../../src/app/main.js', import.meta.url));

export interface RelayFiles {
  readonly postilion: string;
  readonly sending?: string;
}

/** What one run of the program said, once it has ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly lines: readonly string[];
}

export interface Running {
  readonly pid: number;
  /** Lines of stderr so far. */
  readonly lines: readonly string[];
  /** Resolves when a line of stderr has this in it; rejects when the program ends before. */
  says(text: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A trusted listener on `port` for user `app`, and everything goes to `sinkPort` there, tried again every second. */
export function simpleFiles(port: number, sinkPort: number, more = ''): RelayFiles {
  return {
    postilion: `hostname: relay.test\nlisteners:\n  - address: 127.0.0.1:${port}\n    tls: none\ntrusted_networks:\n  - network: 127.0.0.0/8\n    user: app\n${more || 'processes: single\n'}`,
    sending: `routes:\n  - domains: '*'\n    to: 127.0.0.1:${sinkPort}\n    tls: none\nstreams:\n  default:\n    retry_delays: [1s]\nusers:\n  app: {}\n`,
  };
}

/** A test, or the hooks of a whole file. */
export interface Scope {
  after(run: () => void | Promise<void>): void;
}

const TOLD_MS = 10_000;

export class Relay {
  readonly root = mkdtempSync(join(tmpdir(), 'postilion-'));
  readonly config = join(this.root, 'config');
  readonly spool = join(this.root, 'spool');
  readonly folders = { config: this.config, spool: this.spool, run: join(this.root, 'run') };
  readonly #scope: Scope;
  readonly #children = new Set<ChildProcess>();

  readonly #program: string;

  /** `program`: another copy of it than this one. */
  constructor(scope: Scope, files: RelayFiles, program = PROGRAM) {
    this.#program = program;
    this.#scope = scope;
    mkdirSync(this.config);
    writeFileSync(join(this.config, 'postilion.yaml'), files.postilion);
    if (files.sending !== undefined) writeFileSync(join(this.config, 'sending.yaml'), files.sending);
    scope.after(async () => {
      await this.#endAll();
      rmSync(this.root, { recursive: true, force: true });
    });
  }

  /** `serve`, once it is running. `before`: words of a program that ends in exec, e.g. prlimit. */
  async start(...before: string[]): Promise<Running> {
    const running = this.run(['serve'], '', before);
    await running.says('the relay is running');
    return running;
  }

  run(words: readonly string[], input = '', before: readonly string[] = []): Running {
    const [file = '', ...args] = [...before, process.execPath, this.#program, '--config', this.config, ...words];
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#children.add(child);
    child.stdin.on('error', () => {}).end(input);
    return listen(child, () => this.#children.delete(child));
  }

  /** Runs a command to its end. */
  command(...words: string[]): Promise<Ended> {
    return this.run(words).ended;
  }

  async addUser(name: string, password: string): Promise<void> {
    const { code, lines } = await this.run(['user', 'add', name], `${password}\n`).ended;
    equal(code, 0, lines.join('\n'));
  }

  /** What waits in the spool of a relay that is not running. */
  async dump(): Promise<readonly DumpedMessage[]> {
    const { code, out, lines } = await this.command('spool', 'dump', '--json');
    equal(code, 0, lines.join('\n'));
    return out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as DumpedMessage);
  }

  health(): Promise<Health> {
    return ask(this.folders, 'GET /v1/health', undefined);
  }

  queue(): Promise<QueueReport> {
    return ask(this.folders, 'GET /v1/queue', undefined);
  }

  /**
   * Messages that wait, once there are `count`, or after 10 s: that long a submission process may take to tell of what it
   * has answered 250 for, should it die meanwhile.
   */
  async waiting(count: number): Promise<number> {
    for (const end = performance.now() + TOLD_MS; ; ) {
      const { messages } = await this.queue();
      if (messages === count || performance.now() > end) return messages;
    }
  }

  client(port: number, options: { tls?: boolean; localAddress?: string } = {}): LineClient {
    const client = LineClient.open(port, options);
    this.#scope.after(() => client.close());
    return client;
  }

  /** A client past its EHLO. */
  async greeted(port: number, options: { tls?: boolean; localAddress?: string } = {}): Promise<LineClient> {
    const client = this.client(port, options);
    match(await client.reply(), /^220 /);
    match(await client.command('EHLO client.test'), /^250/);
    return client;
  }

  /** Submits a message by a trusted listener, and gives its id. */
  async submit(port: number, content: string, recipient = 'b@example.net'): Promise<string> {
    const client = await this.greeted(port);
    await begin(client, recipient);
    client.send(`${content}.\r\n`);
    const reply = await client.reply();
    match(reply, /^250 2\.6\.0 /);
    client.close();
    return reply.split(' ')[2] ?? '';
  }

  /** Every file below the folder with what would show a change. Long ones, the ballast first, by size and time alone. */
  tree(): readonly string[] {
    const found: string[] = [];
    const walk = (folder: string): void => {
      for (const name of readdirSync(folder).toSorted()) {
        const path = join(folder, name);
        const stat = lstatSync(path);
        const isFolder = stat.isDirectory();
        const octets = stat.size > DIGESTED_OCTETS_MAX ? '' : digest(path);
        found.push(
          `${path.slice(this.root.length)} ${stat.mode.toString(8)} ${isFolder ? 'folder' : `${stat.size} ${stat.mtimeMs} ${octets}`}`,
        );
        if (isFolder) walk(path);
      }
    };
    walk(this.root);
    return found;
  }

  async #endAll(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    while (this.#children.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

const DIGESTED_OCTETS_MAX = 1_000_000;

function digest(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

/** A transaction up to its 354. */
export async function begin(client: LineClient, recipient = 'b@example.net'): Promise<void> {
  client.send(`MAIL FROM:<a@example.com>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`);
  for (const wanted of [/^250 /, /^250 /, /^354 /]) match(await client.reply(), wanted);
}

export const plainToken = (name: string, password: string): string =>
  Buffer.from(`\0${name}\0${password}`).toString('base64');

function listen(child: ChildProcess, over: () => void): Running {
  const lines: string[] = [];
  let out = '';
  let rest = '';
  let wake = (): void => {};
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    wake();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (rest !== '') lines.push(rest);
      over();
      resolve({ code, out, lines });
    });
  });
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    signal: (name) => void child.kill(name),
    says: async (text) => {
      while (!lines.some((line) => line.includes(text))) {
        const over = await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
        if (over === undefined) continue;
        if (lines.some((line) => line.includes(text))) return;
        throw new Error(`ended with ${over.code} before "${text}":\n${lines.join('\n')}`);
      }
    },
  };
}

// A stand-in for systemd: hands its listening sockets over, hears what it is told by sd_notify, sends signals. A Python
// program does it (Node has no Unix datagram sockets, and closes what a child should inherit).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from './relay.ts';
import { PROJECT_ROOT } from './tree.ts';

const SUPPORT = join(PROJECT_ROOT, 'test/support');

/** Why it cannot be used here. */
export const NO_MANAGER = spawnSync('python3', ['--version']).status === 0 ? false : 'there is no python3';

/** What the relay said, or what became of it. */
export interface Said {
  readonly told?: Readonly<Record<string, string>>;
  readonly started?: number;
  readonly exited?: number;
}

export class ServiceManager {
  /** Of the sockets it holds. */
  readonly ports: readonly number[];
  readonly said: Said[] = [];
  /** The relay's log so far. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  #wake = (): void => {};
  #over = false;

  static async open(scope: Scope, sockets: number, watchdogMicros: number): Promise<ServiceManager> {
    const folder = mkdtempSync(join(tmpdir(), 'postilion-manager-'));
    const child = spawn(
      'python3',
      [join(SUPPORT, 'service-manager.py'), folder, String(sockets), String(watchdogMicros)],
      { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, PATH: pathWithNotify() } },
    );
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
    scope.after(async () => {
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    });
    const first = await new Promise<string>((resolve) => eachLine(child.stdout, resolve));
    const { ports } = JSON.parse(first) as { ports: number[] };
    return new ServiceManager(child, ports);
  }

  private constructor(child: ChildProcess, ports: readonly number[]) {
    this.#child = child;
    this.ports = ports;
    eachLine(child.stdout, (line) => this.#heard(() => this.said.push(JSON.parse(line) as Said)));
    eachLine(child.stderr, (line) => this.#heard(() => this.lines.push(line)));
    child.on('close', () => this.#heard(() => (this.#over = true)));
  }

  start(...command: string[]): void {
    this.#do({ do: 'start', command });
  }

  signal(name: NodeJS.Signals): void {
    this.#do({ do: 'signal', name });
  }

  /** Resolves with what was said after the first `from` words that fits. */
  async hears(fits: (said: Said) => boolean, from = 0): Promise<Said> {
    return this.#until(() => this.said.slice(from).find(fits));
  }

  /** Resolves with a line of the log that has this in it. */
  async logs(text: string): Promise<string> {
    return this.#until(() => this.lines.find((line) => line.includes(text)));
  }

  async #until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      // Nothing more will come once the relay has ended.
      if (this.#over || this.said.at(-1)?.exited !== undefined)
        throw new Error(`over:\n${JSON.stringify(this.said)}\n${this.lines.join('\n')}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #heard(note: () => void): void {
    note();
    this.#wake();
  }

  #do(what: object): void {
    this.#child.stdin?.write(`${JSON.stringify(what)}\n`);
  }
}

/** systemd's own systemd-notify where there is one, else ours. */
function pathWithNotify(): string {
  const path = process.env['PATH'] ?? '';
  return spawnSync('systemd-notify', ['--version']).status === 0 ? path : `${SUPPORT}:${path}`;
}

function eachLine(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
  let rest = '';
  stream?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) take(line);
  });
}

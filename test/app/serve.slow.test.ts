import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Health } from '../../src/control/api.ts';
import { ask } from '../../src/cli/control-client.ts';
import { EXIT } from '../../src/base/errors.ts';

const SCRIPT = fileURLToPath(new URL('../../src/app/main.js', import.meta.url));

interface Place {
  readonly config: string;
  readonly spool: string;
  readonly run: string;
  readonly folders: { readonly config: string; readonly spool: string; readonly run: string };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function place(t: TestContext, yaml: string): Place {
  const root = mkdtempSync(join(tmpdir(), 'postilion-'));
  t.after(() => rmSync(root, { recursive: true }));
  const folders = { config: join(root, 'config'), spool: join(root, 'spool'), run: join(root, 'run') };
  mkdirSync(folders.config);
  writeFileSync(join(folders.config, 'postilion.yaml'), yaml);
  return { ...folders, folders };
}

interface Ran {
  readonly child: ChildProcess;
  /** Lines of stderr so far. */
  readonly lines: string[];
  /** Resolves when a line of stderr has this in it. */
  says(text: string): Promise<void>;
  readonly code: Promise<number | null>;
}

function run(t: TestContext, { config }: Place, ...words: string[]): Ran {
  const child = spawn(process.execPath, [SCRIPT, '--config', config, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  let wake = (): void => {};
  let rest = '';
  child.stderr.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    wake();
  });
  child.stdout.resume();
  const code = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const says = async (text: string): Promise<void> => {
    while (!lines.some((line) => line.includes(text))) {
      const ended = await Promise.race([new Promise<void>((resolve) => (wake = resolve)), code]);
      if (ended !== undefined) throw new Error(`ended with ${ended} before "${text}":\n${lines.join('\n')}`);
    }
  };
  return { child, lines, says, code };
}

/** First line of the server; the connection is gone afterwards. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1')
      .on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.endsWith('\r\n')) socket.destroy();
      })
      .on('error', reject)
      .on('close', () => resolve(text));
  });
}

function yamlOf(port: number, mode: string): string {
  return `listeners:\n  - address: 127.0.0.1:${port}\nprocesses: ${mode}\n`;
}

test('serve: one process serves, reloads on SIGHUP, keeps others off its spool and port, and stops on SIGTERM', async (t) => {
  const port = await freePort();
  const here = place(t, yamlOf(port, 'single'));
  const relay = run(t, here, 'serve');
  await relay.says('the relay is running');
  assert.match(await greeting(port), /^220 /);
  assert.equal((await ask(here.folders, 'GET /v1/queue', undefined)).messages, 0);
  const second = run(t, here, 'serve');
  assert.equal(await second.code, EXIT.configuration);
  assert.match(second.lines.join('\n'), new RegExp(`in use by process ${relay.child.pid}`));
  const other = place(t, yamlOf(port, 'single'));
  const third = run(t, other, 'serve');
  assert.equal(await third.code, EXIT.portInUse);
  assert.match(third.lines.join('\n'), /is in use by another process; find it with: ss /);
  assert.deepEqual([existsSync(other.spool), existsSync(other.run)], [false, false], 'nothing was made');
  writeFileSync(join(here.config, 'sending.yaml'), 'nonsense: 1\n');
  relay.child.kill('SIGHUP');
  await relay.says('nothing was reloaded');
  rmSync(join(here.config, 'sending.yaml'));
  relay.child.kill('SIGHUP');
  await relay.says('"configuration":2');
  relay.child.kill('SIGTERM');
  assert.equal(await relay.code, EXIT.ok);
});

test('serve: several processes survive the death of each, and of the supervisor', async (t) => {
  const port = await freePort();
  const here = place(t, `${yamlOf(port, '\n  mode: split\n  submission: 2\n  egress: 1')}`);
  const relay = run(t, here, 'serve');
  await relay.says('the relay is running');
  assert.match(await greeting(port), /^220 /);
  const health = (): Promise<Health> => ask(here.folders, 'GET /v1/health', undefined);
  const first = await health();
  assert.equal(first.ok, true);
  const pidOf = ({ processes }: Health, name: string): number => processes.find((one) => one.name === name)?.pid ?? 0;
  for (const name of ['submission-1', 'submission-2', 'scheduler']) process.kill(pidOf(first, name), 'SIGKILL');
  // Comes while nobody accepts.
  assert.match(await greeting(port), /^220 /);
  let now = await health();
  while (!now.ok) now = await health();
  assert.notEqual(pidOf(now, 'scheduler'), pidOf(first, 'scheduler'));
  assert.equal((await ask(here.folders, 'GET /v1/queue', undefined)).messages, 0);
  relay.child.kill('SIGKILL');
  await relay.code;
  // Waits until the last child has let go of the spool and the ports.
  const next = run(t, here, 'serve');
  await next.says('the relay is running');
  next.child.kill('SIGINT');
  assert.equal(await next.code, EXIT.ok);
});
